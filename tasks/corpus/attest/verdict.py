"""The verdict: files, counts, days, tokenizer and signature of a corpus held against its statement."""

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tasks.corpus.attest import checks
from tasks.corpus.attest.claim import Claim
from tasks.corpus.attest.recount import recount
from tasks.corpus.attest.signing import check_signature
from tasks.settings import Frozen
from tasks.statement import STATEMENT_NAME, Statement
from tasks.tokenizer import TokenizerError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

N_TOKENIZED_AGAIN = 256
"""Documents whose ids are made anew, about; the first of every shard is among them."""


class Verdict(Frozen):
    """What came out."""

    failures: tuple[str, ...]
    """Everything that is not as claimed; none means that the corpus bears out its statement."""
    unchecked: tuple[str, ...]
    """What could not be looked at with what was given."""
    statement_sha256: str
    cutoff: date
    last_day: date | None
    """Of all documents read."""
    n_files: int
    n_documents: int
    n_tokens: int
    n_tokenized_again: int

    @property
    def holds(self) -> bool:
        """Whether nothing failed."""
        return not self.failures


def verify(
    folder: Path,
    signature: Mapping[str, JsonValue] | None = None,
    public_key: Path | None = None,
    tokenizer: "PreTrainedTokenizerBase | None" = None,
) -> Verdict:
    """Hash every file again, count every document and token again, and hold every day against the cutoff.

    Args:
        folder: A TextShards' files.
        signature: As `sign` made it; the record keeps it among its facts.
        public_key: PEM file, had from somewhere else than the corpus.
        tokenizer: The one the statement names, if it is loaded already.

    Raises:
        StatementDamaged: If there is no statement to hold anything against.
        AttestationRefused: If it is a statement about something else.
        KeyRefused: If the public key cannot be read.
    """
    statement = Statement.read(folder / STATEMENT_NAME)
    claim = Claim.of(statement)
    training, validation = (recount(part, claim.bound, N_TOKENIZED_AGAIN) for part in (folder, folder / "validation"))
    sampled = training.sampled + validation.sampled
    failures = [
        *checks.file_failures(folder, statement),
        *checks.ledger_failures(folder, statement),
        *checks.dump_failures(claim),
        *training.failures,
        *validation.failures,
        *checks.count_failures(statement, training, validation),
    ]
    unchecked = []
    try:
        failures += checks.tokenizer_failures(claim, sampled, tokenizer)
    except TokenizerError as error:
        unchecked.append(f"the tokenizer, and with it the token ids: {error}")
    payload = (folder / STATEMENT_NAME).read_bytes()
    signature_failures, signature_unchecked = _signature(payload, signature, public_key)
    return Verdict(
        failures=(*failures, *signature_failures),
        unchecked=(*unchecked, *signature_unchecked),
        statement_sha256=hashlib.sha256(payload).hexdigest(),
        cutoff=claim.cutoff,
        last_day=max((day for day in (training.last_day, validation.last_day) if day), default=None),
        n_files=len(statement.subject),
        n_documents=training.n_documents + validation.n_documents,
        n_tokens=training.n_tokens + validation.n_tokens,
        n_tokenized_again=len(sampled),
    )


def _signature(
    payload: bytes, signature: Mapping[str, JsonValue] | None, public_key: Path | None
) -> tuple[list[str], list[str]]:
    """What failed, and what was not looked at."""
    if public_key is None:
        return [], [f"who signed: no public key was given, and the record holds {'a' if signature else 'no'} signature"]
    if signature is None:
        return ["there is no signature to hold the public key against"], []
    why = check_signature(payload, signature, public_key)
    return [why] if why else [], []
