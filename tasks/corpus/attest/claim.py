"""A corpus's claim, read from a statement of an unknown author."""

from datetime import date

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.corpus.errors import AttestationRefused
from tasks.corpus.filters.cutoff import Cutoff, Side
from tasks.provenance.statement import Statement
from tasks.schemas.tokenizer import TokenizerSource
from tasks.store.refs import Sha256

PREDICATE_TYPE = "urn:hindsight:point-in-time-corpus:v1"
FROM_LEDGER = (
    "source",
    "dumps",
    "documents_by_month",
    "tokens_by_month",
    "first_day",
    "last_day",
    "n_documents",
    "n_tokens",
    "validation",
)
"""Fields of the ledger that the claim repeats; the ledger's digest covers all others."""


class _Read(BaseModel):
    """Fields that are checked; other fields of the statement are ignored."""

    model_config = ConfigDict(frozen=True)


class DumpClaim(_Read):
    """Counts of one dump."""

    name: str
    n_read: int
    n_documents: int
    n_validation: int
    n_tokens: int
    dropped: dict[str, int]


class ValidationClaim(_Read):
    """Counts of the validation documents."""

    n_documents: int
    n_tokens: int


class TokenizerClaim(_Read):
    """The tokenizer and its digest."""

    source: TokenizerSource
    sha256: Sha256


class Claim(_Read):
    """The fields of a claim that are compared with the shards."""

    cutoff: date
    side: Side
    dumps: tuple[DumpClaim, ...]
    documents_by_month: dict[str, int]
    tokens_by_month: dict[str, int]
    first_day: date
    last_day: date
    n_documents: int
    n_tokens: int
    validation: ValidationClaim
    tokenizer: TokenizerClaim

    @classmethod
    def of(cls, statement: Statement) -> "Claim":
        """Read a statement's claim.

        Raises:
            AttestationRefused: If the statement is of another type, or lacks a field.
        """
        if statement.predicateType != PREDICATE_TYPE:
            raise AttestationRefused(f"the statement is of type {statement.predicateType}, not {PREDICATE_TYPE}.")
        try:
            return cls.model_validate(statement.predicate)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise AttestationRefused(
                f"the statement's {where} is invalid: {first['msg']}. Fetch the artifact again."
            ) from error

    @property
    def bound(self) -> Cutoff:
        """The cutoff every document is compared with."""
        return Cutoff(self.cutoff, self.side)
