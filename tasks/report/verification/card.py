"""The list of claims."""

from collections.abc import Iterator

from tasks.report.verification import data, figures
from tasks.report.verification.evidence import Evidence, claim
from tasks.schemas.results import Claim


def verification_card(found: Evidence) -> list[Claim]:
    """What a committee asks to have verified, and what the records and artifacts say of it.

    A claim is `verified` only if a check in a record or an artifact says so; claims about a corpus or a training are
    left out where the run has none.
    """
    return list(_claims(found))


def _claims(found: Evidence) -> Iterator[Claim]:
    if found.corpus is not None:
        yield from data.of_corpus(found)
        yield from data.of_training(found)
    yield from data.of_bases(found)
    yield claim(
        "The models know nothing from after their stated cutoffs.",
        "null",
        "A cutoff is what a model's makers state; the figures above test it, no record proves it.",
    )
    yield from figures.of_embeddings(found)
    yield from figures.of_splits(found)
    yield from figures.of_checks(found)
