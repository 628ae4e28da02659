"""Results of an audit: a finding per artifact, and the audit's summary."""

from dataclasses import dataclass
from typing import Literal

from tasks.store.errors import StoreError

Verdict = Literal["damaged", "missing", "unreadable", "unread", "removed meanwhile", "whole"]
WRONG: tuple[Verdict, ...] = ("damaged", "missing", "unreadable", "unread")
MAX_NAMES = 100
MAX_MESSAGES = 10
"""In one error; all messages are among the findings."""


class StoreNotWhole(StoreError):
    """Some artifacts of a store are not what was published, or could not be read."""


@dataclass(frozen=True)
class Finding:
    """Result for one artifact.

    Args:
        path: `kind/label/key`.
        verdict: Its state.
        message: The receipt's name, or an error message.
        n_bytes: Read and hashed.
        seconds: Wall time of it.
    """

    path: str
    verdict: Verdict
    message: str
    n_bytes: int = 0
    seconds: float = 0.0

    def row(self) -> dict[str, str]:
        """Cells of a table row by column."""
        read = f"{self.n_bytes / 1e6:,.1f} MB in {self.seconds:,.1f} s" if self.n_bytes else ""
        return {"artifact": self.path, "verdict": self.verdict, "read": read, "message": self.message}


@dataclass(frozen=True)
class Audit:
    """Results for a store.

    Args:
        url: The store.
        findings: Those that need attention first, the others in the order read.
        n_held: Artifacts whose record can be read.
        n_left_out: Of them, those not drawn or not within the bound.
        never_fit: Paths of artifacts larger than the whole bound: they are never audited.
        leases: A message for each lease that is overdue or cannot be read.
        seconds: Wall time.
    """

    url: str
    findings: tuple[Finding, ...]
    n_held: int
    n_left_out: int
    never_fit: tuple[str, ...]
    leases: tuple[str, ...]
    seconds: float

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings that need attention."""
        return tuple(finding for finding in self.findings if finding.verdict in WRONG)

    @property
    def summary(self) -> str:
        """One line."""
        n_bytes = sum(finding.n_bytes for finding in self.findings)
        n_whole = sum(finding.verdict == "whole" for finding in self.findings)
        wrong = f"{len(self.wrong)} not whole" if self.wrong else "none wrong"
        never = f", {len(self.never_fit)} of them larger than the whole bound" if self.never_fit else ""
        return (
            f"{n_whole} of {self.n_held} artifacts of {self.url} read and hashed, {n_bytes / 1e6:,.1f} MB in "
            f"{self.seconds:.1f} s ({n_bytes / 1e6 / max(self.seconds, 1e-9):,.1f} MB/s), {wrong}, {self.n_left_out} "
            f"left out{never}, {len(self.leases)} leases overdue or unreadable"
        )

    def check(self) -> None:
        """Raise StoreNotWhole if an artifact needs attention, with all their names and what to do."""
        if self.wrong:
            names = ", ".join(f"{finding.path} ({finding.verdict})" for finding in self.wrong[:MAX_NAMES])
            more = f" and {len(self.wrong) - MAX_NAMES} more" if len(self.wrong) > MAX_NAMES else ""
            messages = " ".join(finding.message for finding in self.wrong[:MAX_MESSAGES])
            raise StoreNotWhole(f"{len(self.wrong)} artifacts of {self.url} are not whole: {names}{more}. {messages}")
