"""Dated documents that no model of the run was trained on, drawn per period.

Texts are read twice: first for ids, days and hashes, then those that were drawn. A corpus need not fit in memory.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from tasks.common.progress import Progress
from tasks.common.seeded import seeded_order
from tasks.probe.errors import NoDocuments, OneSide
from tasks.probe.items.config import DocumentsConfig, Period
from tasks.schemas.artifacts import Document, TextShards


@dataclass(frozen=True)
class Candidate:
    """A document without its text.

    Args:
        id: Of the document.
        day: Of its publication.
        sha256: Of its text.
        n_bytes: Of its text in UTF-8.
    """

    id: str
    day: date
    sha256: bytes
    n_bytes: int

    @classmethod
    def of(cls, document: Document) -> "Candidate":
        """From the document."""
        raw = document.text.encode()
        return cls(document.id, document.date, hashlib.sha256(raw).digest(), len(raw))


@dataclass(frozen=True)
class DrawnDocuments:
    """The documents drawn, by day and id.

    Args:
        documents: With their texts, cut where they were too long.
        dropped: Documents by the reason why they are not among them.
        n_cut: Documents that were cut.
    """

    documents: list[Document]
    dropped: dict[str, int]
    n_cut: int


def draw_documents(
    sources: Sequence[TextShards], trained: Sequence[TextShards], config: DocumentsConfig, seed: int
) -> DrawnDocuments:
    """Draw documents of each period, none of which shares id or text with a training shard.

    Args:
        sources: All their documents are candidates, those held out for validation too.
        trained: Corpora that models of the run are trained on; of these only the validation documents are candidates.
        config: How many, and how long.
        seed: Decides which.

    Raises:
        NoDocuments: If none is left.
    """
    dropped: Counter[str] = Counter()
    candidates = _distinct(map(Candidate.of, _candidates(sources, trained)), dropped)
    candidates = _untrained(candidates, trained, dropped)
    long_enough = [own for own in candidates if own.n_bytes >= config.min_bytes]
    dropped["too_short"] = len(candidates) - len(long_enough)
    drawn = {own.id: own for own in _per_period(long_enough, config.period, config.n_per_period, seed)}
    dropped["beyond_n_per_period"] = len(long_enough) - len(drawn)
    if not drawn:
        raise NoDocuments(
            f"no document is left to score: {_words(dropped)}. Give probe.corpus a larger token_budget than training "
            "uses, hold out more for validation (corpus.validation_share), or lower probe.items.documents.min_bytes."
        )
    read = _candidates(sources, trained)
    # Another text may have the id of one that was drawn.
    texts = {own.id: own for own in read if own.id in drawn and Candidate.of(own) == drawn[own.id]}
    found = sorted(texts.values(), key=lambda own: (own.date, own.id))
    cut = [own.model_copy(update={"text": cut_text(own.text, config.max_bytes)}) for own in found]
    n_cut = sum(one.text != other.text for one, other in zip(found, cut, strict=True))
    return DrawnDocuments(cut, dict(dropped), n_cut)


def without_overlap(
    drawn: DrawnDocuments, overlap: Sequence[float | None], max_overlap: float
) -> tuple[DrawnDocuments, list[float | None]]:
    """Leave out documents that are in the training text in part: those of which a share of n-grams beyond the bound is.

    Args:
        drawn: The documents.
        overlap: (n_documents,) shares; None where unknown, which leaves the document in.
        max_overlap: The bound.

    Returns:
        The others, with the number left out as `overlapping`, and their shares.

    Raises:
        NoDocuments: If none is left.
    """
    kept = [
        (document, share)
        for document, share in zip(drawn.documents, overlap, strict=True)
        if share is None or share <= max_overlap
    ]
    if not kept:
        raise NoDocuments(
            f"all {len(drawn.documents):,} documents drawn have more than probe.items.documents.max_overlap="
            f"{max_overlap:g} of their 13-grams in the training text. Raise it, or give probe.corpus other documents."
        )
    dropped = drawn.dropped | {"overlapping": len(drawn.documents) - len(kept)}
    documents = [document for document, _ in kept]
    return replace(drawn, documents=documents, dropped=dropped), [share for _, share in kept]


def check_item_sides(days: Sequence[date], cutoffs: Mapping[str, date]) -> None:
    """Refuse documents that compare nothing: all on one side of each model's cutoff.

    Raises:
        OneSide: If they are.
    """
    if not days or not cutoffs:
        return
    if not any(min(days) <= cutoff < max(days) for cutoff in cutoffs.values()):
        named = ", ".join(f"{name} {cutoff}" for name, cutoff in cutoffs.items())
        raise OneSide(
            f"the documents' days, {min(days)} to {max(days)}, are on one side of every cutoff ({named}). Give "
            "probe.corpus documents from before and after one of them."
        )


def period_of(day: date, period: Period) -> str:
    """`2019` or `2019-07`."""
    return f"{day:%Y}" if period == "year" else f"{day:%Y-%m}"


def cut_text(text: str, max_bytes: int) -> str:
    """The text up to the last space within so many bytes; a word that is longer is cut within."""
    raw = text.encode()
    if len(raw) <= max_bytes:
        return text
    start = raw[:max_bytes].decode(errors="ignore")
    whole, space, _ = start.rpartition(" ")
    return whole if space and whole.strip() else start


def all_documents(corpora: Iterable[TextShards]) -> Iterator[Document]:
    """Documents trained on and those held out for validation."""
    for corpus in corpora:
        yield from corpus.documents()
        yield from corpus.validation().documents()


def _candidates(sources: Sequence[TextShards], trained: Sequence[TextShards]) -> Iterator[Document]:
    yield from all_documents(sources)
    for corpus in trained:
        yield from corpus.validation().documents()


def _distinct(candidates: Iterable[Candidate], dropped: Counter[str]) -> list[Candidate]:
    ids, texts, kept = set(), set(), []
    for own in candidates:
        if own.id in ids or own.sha256 in texts:
            dropped["seen_before"] += 1
            continue
        ids.add(own.id)
        texts.add(own.sha256)
        kept.append(own)
    return kept


def _untrained(candidates: list[Candidate], trained: Sequence[TextShards], dropped: Counter[str]) -> list[Candidate]:
    """Those of which no training shard has the id or the text."""
    ids, texts = {own.id for own in candidates}, {own.sha256 for own in candidates}
    shared_ids, shared_texts = set(), set()
    progress = Progress("probe items: training documents compared", None, "documents")
    for corpus in trained:
        for other in map(Candidate.of, corpus.documents()):
            shared_ids |= {other.id} & ids
            shared_texts |= {other.sha256} & texts
            progress.add()
    kept = [own for own in candidates if own.id not in shared_ids and own.sha256 not in shared_texts]
    dropped["trained_on"] = len(candidates) - len(kept)
    return kept


def _per_period(candidates: Iterable[Candidate], period: Period, most: int, seed: int) -> Iterator[Candidate]:
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for own in candidates:
        groups[period_of(own.day, period)].append(own)
    for group in groups.values():
        yield from seeded_order(group, lambda own: own.id, seed)[:most]


def _words(dropped: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in dropped.items()) or "there is none"
