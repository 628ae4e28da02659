"""Items as they are written: overlap with the training text where there is one, the same bytes each time."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.probe.errors import NoDocuments, NothingToAsk
from tasks.probe.items.config import ClozeFacts, DocumentsConfig, ProbeItemsConfig, QuestionsConfig
from tasks.probe.items.documents import DrawnDocuments, without_overlap
from tasks.probe.items.write import write_items
from tasks.schemas.artifacts import Panel
from tasks.schemas.probe import ProbeItems
from tests.probe.corpora import document, shards

WORDS = " ".join(f"word{n}" for n in range(40))
KNOWN, OTHER = f"{WORDS} and no more of it.", " ".join(f"other{n}" for n in range(40))
CONFIG = ProbeItemsConfig(
    documents=DocumentsConfig(min_bytes=16, n_per_period=5),
    questions=QuestionsConfig(wording="Did {entity} rise after {date}?", n_rows=2),
)
NONE = {"n_sentences": None, "mean": None, "n_with_any": None}


def panel(folder: Path) -> Panel:
    folder.mkdir()
    prompts = [WORDS, WORDS, "Too short."]
    rows = {"code": ["a", "b", "c"], "date": pd.to_datetime(["2019-01-04"] * 3), "prompt": prompts}
    pd.DataFrame(rows).to_parquet(folder / "rows.parquet")
    return Panel(folder)


def written(folder: Path, trained: bool = True, **changed: object) -> ProbeItems:
    (folder / "items").mkdir(parents=True)
    sources = [shards(folder / "s", [document("one", "1990-01-01", KNOWN), document("two", "1991-01-01", OTHER)])]
    corpora = [shards(folder / "t", [document("t", "1989-01-01", f"{WORDS} and more of the same kind.")])]
    config = CONFIG.model_copy(update=changed)
    write_items(config, panel(folder / "p"), sources, corpora if trained else [], folder / "items")
    return ProbeItems(folder / "items")


def test_documents_and_sentences_have_their_overlap_with_the_training_text(tmp_path: Path) -> None:
    items = written(tmp_path)
    # 45 words have 33 13-grams: the 28 of the 40 shared words, and the one with the next, are in the training text.
    assert items.documents()["overlap"].tolist() == [pytest.approx(29 / 33), 0.0]
    # Two sentences are the same, and one has fewer than 13 words.
    assert items.panel_overlap() == {"n_sentences": 1, "mean": 1.0, "n_with_any": 1}


def test_documents_beyond_the_bound_of_overlap_are_left_out_and_counted(tmp_path: Path) -> None:
    bounded = DocumentsConfig(min_bytes=16, n_per_period=5, max_overlap=0.5)
    items = written(tmp_path / "one", documents=bounded)
    assert items.documents()["id"].tolist() == ["two"]
    assert items.ledger()["documents"]["dropped"]["overlapping"] == 1
    assert len(written(tmp_path / "two", documents=bounded, trained=False).documents()) == 2
    drawn = DrawnDocuments([document("one", "1990-01-01", KNOWN)], {}, 0)
    with pytest.raises(NoDocuments, match=r"all 1 documents drawn have more than .*max_overlap=0\.5 of their 13-grams"):
        without_overlap(drawn, [0.6], 0.5)


def test_without_a_training_text_overlap_is_unknown(tmp_path: Path) -> None:
    items = written(tmp_path, trained=False)
    assert items.documents()["overlap"].isna().all()
    assert items.panel_overlap() == NONE
    assert items.ledger()["trained"] == []


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = (written(tmp_path / name).path for name in ("one", "other"))
    names = sorted(file.name for file in one.iterdir())
    assert names == ["documents.parquet", "facts.parquet", "ledger.json", "panel_overlap.json", "questions.parquet"]
    assert [(one / name).read_bytes() for name in names] == [(other / name).read_bytes() for name in names]


def test_the_ledger_counts_documents_by_year_and_names_what_they_were_drawn_from(tmp_path: Path) -> None:
    found = written(tmp_path).ledger()
    assert found["documents"]["by_year"] == {"1990": 1, "1991": 1}
    assert found["n_questions"] == 10
    assert [own["source"]["kind"] for own in (*found["sources"], *found["trained"])] == ["sotu", "sotu"]


def test_nothing_to_ask_is_refused(tmp_path: Path) -> None:
    (tmp_path / "items").mkdir()
    config = ProbeItemsConfig(questions=None)
    with pytest.raises(NothingToAsk, match="the items are empty"):
        write_items(config, panel(tmp_path / "p"), [], [], tmp_path / "items")


def test_facts_of_documents_trained_on_are_made_where_they_are_asked_for(tmp_path: Path) -> None:
    text = " ".join(
        f"In the year of this address we spoke at length of the {end}." for end in ("oak", "elm", "ash", "fir")
    )
    (tmp_path / "items").mkdir()
    trained = [shards(tmp_path / "t", [document("t", "1989-01-01", text)], [document("v", "1989-02-01")])]
    config = CONFIG.model_copy(update={"facts": ClozeFacts()})
    write_items(config, panel(tmp_path / "p"), [], trained, tmp_path / "items")
    assert {name.split(":")[0] for name in ProbeItems(tmp_path / "items").facts()["id"]} == {"t"}
