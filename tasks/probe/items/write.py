"""Write what the models of a run are asked."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from tasks.probe.errors import NothingToAsk
from tasks.probe.items.config import ClozeFacts, FileFacts, ProbeItemsConfig
from tasks.probe.items.documents import DrawnDocuments, all_documents, check_item_sides, draw_documents, without_overlap
from tasks.probe.items.facts import Fact, cloze_facts, read_facts
from tasks.probe.items.overlap import overlap_of
from tasks.probe.items.questions import question_rows
from tasks.schemas.artifacts import Document, Panel, TextShards
from tasks.schemas.probe import ITEMS, write_table

NOT_COMPARED: dict[str, JsonValue] = {"n_sentences": None, "mean": None, "n_with_any": None}
"""Overlap of a panel's distinct sentences where the training text is not among the inputs. A sentence of fewer than 13
words has none, and is not counted."""


def write_items(
    config: ProbeItemsConfig, panel: Panel, sources: Sequence[TextShards], trained: Sequence[TextShards], folder: Path
) -> dict[str, JsonValue]:
    """Write a ProbeItems' files.

    Args:
        config: Documents, facts and questions.
        panel: Its rows are asked about.
        sources: Corpora whose documents may be scored.
        trained: Corpora that models of the run are trained on.
        folder: Empty folder for the files.

    Returns:
        Facts for the record.

    Raises:
        NoDocuments: If there are corpora, and no document is left.
        OneSide: If all documents are on one side of every cutoff.
        BadFacts: If a file is no list of facts, or none could be made.
        NothingToAsk: If there is no item at all.
    """
    held_out = draw_documents(sources, trained, config.documents, config.seed) if [*sources, *trained] else None
    overlap, of_panel = _overlap(held_out.documents if held_out else [], panel, trained)
    if held_out and config.documents.max_overlap is not None:
        held_out, overlap = without_overlap(held_out, overlap, config.documents.max_overlap)
    documents = held_out.documents if held_out else []
    check_item_sides([own.date for own in documents], config.cutoffs)
    facts, not_facts = _facts(config, documents, [*sources, *trained])
    questions = question_rows(panel.rows(), config.questions, config.entities, config.seed) if config.questions else []
    if not (documents or facts or questions):
        raise NothingToAsk(
            "the items are empty: no corpus, no facts and no questions. Set probe.corpus, probe.items.facts or "
            "probe.items.questions, or leave probe out."
        )
    write_table(
        folder,
        "documents",
        ITEMS["documents"],
        [_document(own, known) for own, known in zip(documents, overlap, strict=True)],
    )
    write_table(folder, "facts", ITEMS["facts"], [_fact(own) for own in facts])
    write_table(folder, "questions", ITEMS["questions"], questions)
    _write_json(folder, "panel_overlap", of_panel)
    _write_json(folder, "ledger", _ledger(held_out, facts, not_facts, len(questions), sources, trained))
    return {"n_documents": len(documents), "n_facts": len(facts), "n_questions": len(questions)}


def _facts(
    config: ProbeItemsConfig, documents: list[Document], corpora: list[TextShards]
) -> tuple[list[Fact], dict[str, int]]:
    match config.facts:
        case ClozeFacts(sentences_of="held_out") as own:
            return cloze_facts(documents, own, config.seed)
        case ClozeFacts() as own:
            return cloze_facts(all_documents(corpora), own, config.seed)
        case FileFacts() as own:
            return read_facts(own), {}
        case None:
            return [], {}


def _document(own: Document, overlap: float | None) -> dict[str, object]:
    return {"id": own.id, "date": own.date, "text": own.text, "n_bytes": len(own.text.encode()), "overlap": overlap}


def _overlap(
    documents: list[Document], panel: Panel, trained: Sequence[TextShards]
) -> tuple[list[float | None], dict[str, JsonValue]]:
    """Of each document, and of the panel's distinct sentences; the training text is read once."""
    if not trained:
        return [None] * len(documents), NOT_COMPARED
    rows = panel.rows()
    sentences = sorted(set(rows["prompt"])) if "prompt" in rows else []
    shards = [file for corpus in trained for file in corpus.text_files]
    found = overlap_of([*(own.text for own in documents), *sentences], shards)
    own, others = found[: len(documents)], found[len(documents) :]
    long_enough = others[np.isfinite(others)]
    return [None if np.isnan(each) else float(each) for each in own], {
        "n_sentences": len(long_enough),
        "mean": float(long_enough.mean()) if len(long_enough) else None,
        "n_with_any": int((long_enough > 0).sum()),
    }


def _fact(own: Fact) -> dict[str, object]:
    return own.model_dump() | {"n_bytes": own.n_bytes}


def _ledger(
    held_out: DrawnDocuments | None,
    facts: list[Fact],
    not_facts: Mapping[str, int],
    n_questions: int,
    sources: Sequence[TextShards],
    trained: Sequence[TextShards],
) -> dict[str, JsonValue]:
    documents = held_out.documents if held_out else []
    return {
        "documents": {
            "by_year": _by_year(documents),
            "dropped": dict(held_out.dropped) if held_out else {},
            "n_cut": held_out.n_cut if held_out else 0,
        },
        "facts": {"by_year": _by_year(facts), "dropped": dict(not_facts)},
        "n_questions": n_questions,
        "sources": [_source(own) for own in sources],
        "trained": [_source(own) for own in trained],
    }


def _by_year(items: Sequence[Document] | Sequence[Fact]) -> dict[str, JsonValue]:
    return dict(sorted(Counter(f"{own.date:%Y}" for own in items).items()))


def _source(corpus: TextShards) -> dict[str, JsonValue]:
    ledger = corpus.ledger()
    return {name: ledger[name] for name in ("source", "cutoff", "side", "n_documents")}


def _write_json(folder: Path, name: str, content: Mapping[str, JsonValue]) -> None:
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
