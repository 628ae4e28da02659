"""Counts a corpus from its shards alone, without its ledger or statement."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random

import numpy as np
from pydantic import ValidationError

from tasks.corpus.filters.cutoff import Cutoff
from tasks.schemas.artifacts import Document

N_NAMED = 3
"""Documents on the wrong side that are named per shard."""
UNREADABLE = (OSError, ValueError, ValidationError, EOFError, IndexError, TypeError)
"""Errors of reading a damaged shard."""

CheckIds = Callable[[Document, np.ndarray], None]


@dataclass
class Recount:
    """Counts of the training or of the validation shards."""

    n_documents: int = 0
    n_tokens: int = 0
    documents_by_month: Counter[str] = field(default_factory=Counter)
    tokens_by_month: Counter[str] = field(default_factory=Counter)
    first_day: date | None = None
    last_day: date | None = None
    failures: list[str] = field(default_factory=list)

    def count(self, document: Document, n_tokens: int) -> None:
        """Count a document."""
        month = f"{document.date:%Y-%m}"
        self.n_documents += 1
        self.n_tokens += n_tokens
        self.documents_by_month[month] += 1
        self.tokens_by_month[month] += n_tokens
        self.first_day = min(self.first_day or document.date, document.date)
        self.last_day = max(self.last_day or document.date, document.date)


def recount(
    folder: Path, cutoff: Cutoff, n_sampled: int | None, rng: Random, check_ids: CheckIds | None = None
) -> Recount:
    """Read every document of `texts/` and every offset of `tokens/`.

    Args:
        folder: The corpus, or its `validation`.
        cutoff: Compared with every document.
        n_sampled: About how many documents to pass to `check_ids`, at least one per shard; None for all.
        rng: Samples them. The author of a corpus must not be able to predict which documents are checked.
        check_ids: Called with a sampled document and its token ids.
    """
    counted = Recount()
    files = sorted((folder / "texts").glob("*.jsonl"))
    stray = {path.name.split(".")[0] for path in (folder / "tokens").glob("*.npy")} - {file.stem for file in files}
    counted.failures += [f"tokens/{stem}.npy has no texts/{stem}.jsonl beside it" for stem in sorted(stray)]
    for file in files:
        n_of_shard = None if n_sampled is None else -(-n_sampled // len(files))
        try:
            _count_shard(file, cutoff, counted, n_of_shard, rng, check_ids)
        except UNREADABLE as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            counted.failures.append(f"shard {_name(file)} cannot be read to its end: {why}")
    return counted


def _count_shard(
    file: Path, cutoff: Cutoff, counted: Recount, n_sampled: int | None, rng: Random, check_ids: CheckIds | None
) -> None:
    ids, offsets = _tokens(file)
    lengths = np.diff(offsets).tolist()
    everything = range(len(lengths))
    sampled = everything if n_sampled is None else frozenset(rng.sample(everything, min(n_sampled, len(lengths))))
    n_before, wrong = counted.n_documents, []
    for index, document in enumerate(_documents(file)):
        # A document without offsets still counts; _mismatches reports that offsets are missing.
        counted.count(document, lengths[index] if index < len(lengths) else 0)
        if not cutoff.takes(document.date):
            wrong.append(f"{document.id} of {document.date}")
        if check_ids and index in sampled:
            check_ids(document, np.array(ids[offsets[index] : offsets[index + 1]]))
    if wrong:
        named = ", ".join(wrong[:N_NAMED]) + (", ..." if len(wrong) > N_NAMED else "")
        counted.failures.append(
            f"shard {_name(file)} holds {len(wrong)} documents that are not {cutoff.words}: {named}"
        )
    counted.failures += _mismatches(file, counted.n_documents - n_before, ids, offsets)


def _mismatches(file: Path, n_documents: int, ids: np.ndarray, offsets: np.ndarray) -> Iterator[str]:
    if ids.dtype != np.uint32 or ids.ndim != 1:
        yield f"tokens of shard {_name(file)} are {ids.ndim}-dimensional {ids.dtype}, not a row of uint32"
    if n_documents != len(offsets) - 1:
        yield f"shard {_name(file)} holds {n_documents} documents and token ids of {len(offsets) - 1}"
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(ids) or (np.diff(offsets) < 0).any():
        yield f"offsets of shard {_name(file)} do not cut its {len(ids)} token ids end to end"


def _documents(file: Path) -> Iterator[Document]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield Document.model_validate_json(line)


def _tokens(file: Path) -> tuple[np.ndarray, np.ndarray]:
    stem = file.parents[1] / "tokens" / file.stem
    ids = np.load(f"{stem}.npy", mmap_mode="r", allow_pickle=False)
    offsets = np.load(f"{stem}.offsets.npy", allow_pickle=False)
    return ids, offsets


def _name(file: Path) -> str:
    prefix = "validation/" if file.parents[1].name == "validation" else ""
    return f"{prefix}{file.stem}"
