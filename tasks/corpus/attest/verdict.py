"""Verification: files, counts, days, tokenizer and signature of a corpus compared with its statement."""

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tasks.common.settings import Frozen
from tasks.corpus.attest import checks
from tasks.corpus.attest.claim import Claim
from tasks.corpus.attest.recount import recount
from tasks.corpus.attest.signing import check_signature
from tasks.provenance.statement import STATEMENT_NAME, Statement
from tasks.schemas.tokenizer import TokenizerError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

N_TOKENIZED = 256
"""About how many random documents are tokenized for comparison; at least one per shard."""


class Verdict(Frozen):
    """The result of `verify`."""

    failures: tuple[str, ...]
    """Everything that differs from the claim. If empty, the statement holds."""
    unchecked: tuple[str, ...]
    """What could not be checked with the given arguments."""
    token_ids_unchecked: str | None = None
    """Why no token id was checked: the tokenizer cannot be loaded. None if they were."""
    statement_sha256: str
    cutoff: date
    last_day: date | None
    """Of all documents, training and validation."""
    n_files: int
    n_documents: int
    n_tokens: int
    n_tokenized: int

    @property
    def holds(self) -> bool:
        """Whether nothing failed; `token_ids_unchecked` tells whether token ids were checked at all."""
        return not self.failures


def verify(
    folder: Path,
    signature: Mapping[str, JsonValue] | None = None,
    public_key: Path | None = None,
    tokenizer: "PreTrainedTokenizerBase | None" = None,
    all_token_ids: bool = False,
) -> Verdict:
    """Hash every file, count every document and token, and compare every day with the cutoff.

    Args:
        folder: A TextShards' files.
        signature: Result of `sign`, which the record keeps among its facts.
        public_key: PEM file, from another place than the corpus.
        tokenizer: The one the statement names, if it is loaded already.
        all_token_ids: Tokenize every document and not only a random sample.

    Raises:
        StatementDamaged: If there is no valid statement.
        AttestationRefused: If it is a statement of another type.
        KeyRefused: If the public key cannot be read.
    """
    statement = Statement.read(folder / STATEMENT_NAME)
    claim = Claim.of(statement)
    parts = (folder, folder / "validation")
    token_ids = token_ids_unchecked = None
    try:
        token_ids = checks.TokenIdCheck(claim, tokenizer)
    except TokenizerError as error:
        token_ids_unchecked = str(error)
    n_sampled = None if all_token_ids else N_TOKENIZED
    check_ids = token_ids.add if token_ids else None
    training, validation = (recount(part, claim.bound, n_sampled, SystemRandom(), check_ids) for part in parts)
    failures = [
        *checks.file_failures(folder, statement),
        *checks.ledger_failures(folder, statement),
        *checks.dump_failures(claim),
        *training.failures,
        *validation.failures,
        *checks.count_failures(statement, training, validation),
        *(token_ids.failures() if token_ids else ()),
    ]
    payload = (folder / STATEMENT_NAME).read_bytes()
    signature_failures, signature_unchecked = _signature(payload, signature, public_key)
    return Verdict(
        failures=(*failures, *signature_failures),
        unchecked=tuple(signature_unchecked),
        token_ids_unchecked=token_ids_unchecked,
        statement_sha256=hashlib.sha256(payload).hexdigest(),
        cutoff=claim.cutoff,
        last_day=max((day for day in (training.last_day, validation.last_day) if day), default=None),
        n_files=len(statement.subject),
        n_documents=training.n_documents + validation.n_documents,
        n_tokens=training.n_tokens + validation.n_tokens,
        n_tokenized=token_ids.n_documents if token_ids else 0,
    )


def _signature(
    payload: bytes, signature: Mapping[str, JsonValue] | None, public_key: Path | None
) -> tuple[list[str], list[str]]:
    """Failures, and what was not checked."""
    if public_key is None:
        return [], [f"who signed: no public key was given, and the record holds {'a' if signature else 'no'} signature"]
    if signature is None:
        return ["there is no signature to verify with the public key"], []
    why = check_signature(payload, signature, public_key)
    return [why] if why else [], []
