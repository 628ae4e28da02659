"""Checks of a corpus against its statement: a generator of failure messages per kind of fault."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.corpus.attest.claim import FROM_LEDGER, Claim
from tasks.corpus.attest.recount import Recount
from tasks.corpus.attest.write import read_ledger
from tasks.corpus.errors import AttestationRefused
from tasks.corpus.filters.cutoff import DUMP_NAME, Dump
from tasks.provenance.statement import Statement, files_of
from tasks.schemas.artifacts import Document
from tasks.schemas.tokenizer import load_tokenizer, tokenizer_digest
from tasks.store.digests import sha256_of_file

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

N_NAMED_IDS = 20
"""Documents with wrong ids that are named; the others are only counted."""


def file_failures(folder: Path, statement: Statement) -> Iterator[str]:
    """Files that are missing, changed, or not in the statement."""
    present = set(files_of(folder))
    for name, digest in statement.digests.items():
        if name not in present:
            yield f"{name} is missing"
        elif (found := sha256_of_file(folder / name)) != digest:
            yield f"{name} hashes to {found[:12]}, the statement says {digest[:12]}"
    for name in sorted(present - statement.digests.keys()):
        yield f"{name} is not in the statement"


def ledger_failures(folder: Path, statement: Statement) -> Iterator[str]:
    """Fields of the ledger that differ from the statement."""
    try:
        ledger = read_ledger(folder)
    except AttestationRefused as error:
        yield str(error)
        return
    for name in ("cutoff", "side", *FROM_LEDGER):
        if ledger.get(name) != statement.predicate[name]:
            yield f"{name} in the ledger differs from the statement"


def dump_failures(claim: Claim) -> Iterator[str]:
    """Dumps on the wrong side of the cutoff, and counts of dumps that do not add up."""
    for dump in claim.dumps:
        if DUMP_NAME.fullmatch(dump.name) and not claim.bound.takes(Dump.parse(dump.name)):
            yield f"dump {dump.name} is not {claim.bound.words}"
        accounted = dump.n_documents + dump.n_validation + sum(dump.dropped.values())
        if dump.n_read != accounted:
            yield f"dump {dump.name} accounts for {accounted} documents, and {dump.n_read} were read"
    claimed = {
        "n_documents": claim.n_documents,
        "n_validation": claim.validation.n_documents,
        "n_tokens": claim.n_tokens,
    }
    for name, n in claimed.items():
        if (of_dumps := sum(getattr(dump, name) for dump in claim.dumps)) != n:
            yield f"{name} of all dumps is {of_dumps}, the statement says {n}"


def count_failures(statement: Statement, training: Recount, validation: Recount) -> Iterator[str]:
    """Counts and days of the shards that differ from the claim."""
    found = {
        "n_documents": training.n_documents,
        "n_tokens": training.n_tokens,
        "documents_by_month": dict(training.documents_by_month),
        "tokens_by_month": dict(training.tokens_by_month),
        "first_day": str(training.first_day),
        "last_day": str(training.last_day),
        "validation": {"n_documents": validation.n_documents, "n_tokens": validation.n_tokens},
    }
    for name, value in found.items():
        if value != statement.predicate[name]:
            shown = f" {value}, not {statement.predicate[name]}" if not name.endswith("_month") else " other values"
            yield f"{name}: the shards hold{shown}"


class TokenIdCheck:
    """Compares token ids of documents with those the claimed tokenizer gives.

    Raises:
        TokenizerError: If the tokenizer cannot be loaded.
    """

    def __init__(self, claim: Claim, tokenizer: "PreTrainedTokenizerBase | None") -> None:
        self._tokenizer = tokenizer or load_tokenizer(claim.tokenizer.source)
        self._claimed_sha256 = claim.tokenizer.sha256
        self._wrong: list[str] = []
        self.n_documents = 0

    def add(self, document: Document, ids: np.ndarray) -> None:
        """Tokenize a document and compare."""
        self.n_documents += 1
        if self._tokenizer(document.text, add_special_tokens=False, verbose=False)["input_ids"] != ids.tolist():
            self._wrong.append(document.id)

    def failures(self) -> Iterator[str]:
        """A tokenizer that differs from the claim, and documents with wrong ids."""
        if (found := tokenizer_digest(self._tokenizer)) != self._claimed_sha256:
            yield f"the tokenizer hashes to {found[:12]}, the statement says {self._claimed_sha256[:12]}"
        for name in self._wrong[:N_NAMED_IDS]:
            yield f"the token ids of document {name} are not those of its text"
        if (n_more := len(self._wrong) - N_NAMED_IDS) > 0:
            yield f"the token ids of {n_more} more documents are not those of their texts"
