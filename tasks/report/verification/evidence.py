"""What claims are read from: records, scores, checks, and the corpus's statement and ledger."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.provenance.statement import STATEMENT_NAME
from tasks.schemas.artifacts import Preflight
from tasks.schemas.recall import Recall
from tasks.schemas.results import Claim, ClaimStatus
from tasks.schemas.scores import PremiumScores
from tasks.store.digests import sha256_of_file
from tasks.store.records import Record


@dataclass(frozen=True)
class Evidence:
    """Everything that a claim may rest on.

    Args:
        scores: The figures.
        preflight: The checks made before a GPU was rented.
        corpus: Folder of the corpus; None where the run trained nothing.
        records: All artifacts the scores came from, sources first.
        recall: What the recall probes found; None where the run has none.
    """

    scores: PremiumScores
    preflight: Preflight
    corpus: Path | None
    records: Sequence[Record]
    recall: Recall | None = None

    def of_kind(self, *kinds: str) -> list[Record]:
        """Records of these stages."""
        return [record for record in self.records if record.kind in kinds]

    def digest(self, kind: str) -> str | None:
        """Digest of a stage's first artifact; None where the report has no record of it."""
        return next((record.digest for record in self.of_kind(kind)), None)

    def digests(self, *kinds: str) -> list[str]:
        """Digests of the artifacts of these stages, each once."""
        return list(dict.fromkeys(record.digest for record in self.of_kind(*kinds)))

    @property
    def corpus_record(self) -> Record | None:
        """Record of the corpus whose folder is at hand: the one whose ledger has the folder's bytes."""
        ledger = self.corpus / "ledger.json" if self.corpus else None
        if ledger is None or not ledger.is_file():
            return None
        digest = sha256_of_file(ledger)
        return next((own for own in self.of_kind("corpus") if file_digest(own, ledger.name) == digest), None)

    def ledger(self) -> dict[str, Any]:
        """The corpus's ledger; empty where there is none."""
        return _json(self.corpus / "ledger.json") if self.corpus else {}

    def statement(self) -> dict[str, Any]:
        """The corpus's statement; empty where there is none."""
        return _json(self.corpus / STATEMENT_NAME) if self.corpus else {}


def file_digest(record: Record, path: str) -> str | None:
    """Sha256 of one of an artifact's files, by its record."""
    return next((entry.sha256 for entry in record.files if entry.path == path), None)


def claim(what: str, status: ClaimStatus, how: str, *evidence: str | None) -> Claim:
    """A line of the card."""
    return Claim(claim=what, status=status, how=how, evidence=[digest for digest in evidence if digest])


def status_of(holds: bool) -> ClaimStatus:
    """Of a claim that was checked."""
    return "verified" if holds else "not verified"


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found if isinstance(found, dict) else {}
