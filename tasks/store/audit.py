"""An audit reads artifacts of a store and hashes them, all or a selection, and reports what is wrong."""

import logging
import random
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pydantic import Field

from tasks.common.progress import Progress
from tasks.common.settings import Config
from tasks.store.catalogue import ArtifactSummary, summarize
from tasks.store.errors import ArtifactDamaged, ArtifactMissing, StoreError
from tasks.store.findings import WRONG, Audit, Finding
from tasks.store.leases import clock, list_leases
from tasks.store.receipts import verify
from tasks.store.refs import Segment
from tasks.store.store import Store

log = logging.getLogger(__name__)

N_UNREAD_IN_A_ROW = 3
"""After so many consecutive artifacts that could not be read the store is at fault, and the rest is skipped."""
GIGABYTE = 10**9


class AuditConfig(Config):
    """Which artifacts are audited; by default all of them."""

    kind: Segment | None = None
    """Only this stage's, such as `merge`; null for every stage's."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of the artifacts, drawn at random; at least one is read."""
    seed: int | None = Field(None, ge=0, le=2**32 - 1)
    """Seed of that draw; null for another draw each time."""
    max_gigabytes: float | None = Field(None, gt=0, le=10_000_000)
    """Bytes read at most, in units of 10^9, those first whose last receipt is the oldest; null for no bound."""

    def includes(self, path: str) -> bool:
        """Whether an artifact at `kind/label/key` is of the configured stage."""
        return self.kind in (None, path.partition("/")[0])


def audit(store: Store, config: AuditConfig) -> Audit:
    """Read artifacts and hash them, each with a new client; a damaged one does not stop the audit.

    Memory is that of the concurrent transfers, and a few hundred bytes per artifact and blob of the store.

    Raises:
        StoreRefused: If the server refuses to list the store.
        StoreUnreachable: If the server cannot list it.
    """
    started = time.monotonic()
    found = summarize(store)
    candidates = [artifact for artifact in found.artifacts if config.includes(artifact.ref.path)]
    selected, never_fit = select(candidates, last_receipts(store), config)
    findings = [Finding(path, "missing", message) for path, message in found.missing.items()]
    findings += [Finding(path, "unreadable", message) for path, message in found.unreadable.items()]
    findings = [finding for finding in findings if config.includes(finding.path)] + _read_all(store, selected)
    return Audit(
        url=store.url,
        findings=tuple(sorted(findings, key=lambda finding: finding.verdict not in WRONG)),
        n_held=len(found.artifacts),
        n_left_out=len(found.artifacts) - len(selected),
        never_fit=tuple(artifact.ref.path for artifact in never_fit),
        leases=tuple(_lease_messages(store)),
        seconds=round(time.monotonic() - started, 3),
    )


def select(
    artifacts: Sequence[ArtifactSummary], receipts: dict[str, str], config: AuditConfig
) -> tuple[list[ArtifactSummary], list[ArtifactSummary]]:
    """Which artifacts are read, in which order: those without a receipt first, then those with the oldest one.

    Args:
        artifacts: All candidates.
        receipts: By path, the moment of the newest receipt.
        config: Share, seed and bound.

    Returns:
        Those to read, and those that are larger than the whole bound.
    """
    drawn = list(artifacts)
    if config.share < 1 and drawn:
        seed = random.randrange(2**32) if config.seed is None else config.seed  # noqa: S311 - a sample, no secret
        log.info("audit: a share of %g is drawn with seed %d", config.share, seed)
        drawn = random.Random(seed).sample(drawn, max(1, round(config.share * len(drawn))))  # noqa: S311
    bound = float("inf") if config.max_gigabytes is None else config.max_gigabytes * GIGABYTE
    selected, n_bytes = [], 0
    for artifact in sorted(drawn, key=lambda each: (receipts.get(each.ref.path, ""), each.ref.path)):
        if n_bytes + artifact.n_bytes <= bound:
            selected.append(artifact)
            n_bytes += artifact.n_bytes
    return selected, [artifact for artifact in drawn if artifact.n_bytes > bound]


def last_receipts(store: Store) -> dict[str, str]:
    """By path, the moment in the name of an artifact's newest receipt; no receipt is read."""
    newest: dict[str, str] = {}
    for info in store.objects.list("receipts/"):
        _, *path, moment = info.name.split("/")
        newest["/".join(path)] = moment  # listed in name order, which is the moments' order in time
    return newest


def _read_all(store: Store, selected: Sequence[ArtifactSummary]) -> list[Finding]:
    progress = Progress("audit", sum(artifact.n_bytes for artifact in selected))
    findings: list[Finding] = []
    for artifact in selected:
        last = findings[-N_UNREAD_IN_A_ROW:]
        if len(last) == N_UNREAD_IN_A_ROW and all(finding.verdict == "unread" for finding in last):
            why = f"artifact {artifact.ref.path} was skipped: {N_UNREAD_IN_A_ROW} in a row could not be read."
            findings.append(Finding(artifact.ref.path, "unread", why))
        else:
            findings.append(_read(store, artifact))
            progress.add(artifact.n_bytes)
    n_read = sum(finding.verdict != "unread" for finding in findings)
    log.info("audit: %d of %d artifacts, %s", n_read, len(selected), progress)
    return findings


def _read(store: Store, artifact: ArtifactSummary) -> Finding:
    path = artifact.ref.path
    try:
        receipt = verify(artifact.ref, store.url)
    except ArtifactMissing as error:
        return Finding(path, "removed meanwhile", str(error))
    except ArtifactDamaged as error:
        if not store.records.has(path):
            return Finding(path, "removed meanwhile", f"artifact {path} was removed while it was read.")
        log.error("%s", error)
        return Finding(path, "damaged", str(error))
    except (StoreError, OSError) as error:
        log.error("%s", error)
        return Finding(path, "unread", f"artifact {path} could not be read: {error}")
    return Finding(path, "whole", receipt.name, receipt.n_bytes, receipt.seconds)


def _lease_messages(store: Store) -> Iterable[str]:
    leases = list_leases(store)
    for lease in leases.overdue(datetime.now(UTC)):
        yield (
            f"lease {lease.name} of {lease.holder} on {lease.what} is overdue since {clock(lease.expires_at)}: check "
            f"whether its machine still runs; `hindsight store leases --forget {lease.name}` when it is stopped."
        )
    yield from leases.unreadable
