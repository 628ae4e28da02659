"""The artifacts of a store read again and hashed, all or as many as are asked for, and what is wrong with them."""

import logging
import random
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pydantic import Field

from tasks.common.settings import Config
from tasks.store.errors import ArtifactDamaged, ArtifactMissing, StoreError
from tasks.store.findings import WRONG, Audit, Finding
from tasks.store.holdings import Held, holdings, in_turn, last_proofs
from tasks.store.leases import clock, list_leases
from tasks.store.receipts import verify
from tasks.store.refs import Segment
from tasks.store.store import Store

log = logging.getLogger(__name__)

SAY_EVERY_SECONDS = 10.0
N_UNREAD_IN_A_ROW = 3
"""After so many artifacts that could not be read it is the store: the rest is not asked for."""
GIGABYTE = 10**9


class AuditConfig(Config):
    """Which artifacts are read again: all of them, unless something is said here."""

    kind: Segment | None = None
    """Only this room's, such as `merge`; null for every room's."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of the artifacts, drawn at random; at least one is read."""
    seed: int | None = Field(None, ge=0, le=2**32 - 1)
    """Seed of that draw; null for another draw each time."""
    max_gigabytes: float | None = Field(None, gt=0, le=10_000_000, allow_inf_nan=False)
    """Bytes read at most, in units of 10^9, those first whose last receipt is the oldest; null for no bound."""

    def asks_for(self, path: str) -> bool:
        """Whether an artifact at `kind/label/key` is of the room asked for."""
        return self.kind in (None, path.partition("/")[0])


def audit(store: Store, config: AuditConfig) -> Audit:
    """Read artifacts again and hash them, each with a fresh client; what is wrong stops nothing.

    Memory is that of the transfers at once, and a few hundred bytes per artifact and blob of the store.

    Args:
        store: Where they stand.
        config: Which of them.

    Raises:
        StoreRefused: If the server does not even list.
        StoreUnreachable: The same.
    """
    started = time.monotonic()
    found = holdings(store)
    of_kind = [held for held in found.artifacts if config.asks_for(held.ref.path)]
    picked, never_fit = choose(of_kind, last_proofs(store), config)
    told = [Finding(path, "missing", said) for path, said in found.missing.items()]
    told += [Finding(path, "unreadable", said) for path, said in found.unreadable.items()]
    findings = [finding for finding in told if config.asks_for(finding.path)] + _read_all(store, picked)
    return Audit(
        url=store.url,
        findings=tuple(sorted(findings, key=lambda finding: finding.verdict not in WRONG)),
        n_held=len(found.artifacts),
        n_left_out=len(found.artifacts) - len(picked),
        never_fit=tuple(held.ref.path for held in never_fit),
        leases=tuple(_leases_to_look_after(store)),
        seconds=round(time.monotonic() - started, 3),
    )


def choose(artifacts: Sequence[Held], proofs: dict[str, str], config: AuditConfig) -> tuple[list[Held], list[Held]]:
    """Which artifacts are read, in which order.

    Args:
        artifacts: Those there are.
        proofs: By path, the moment of the newest receipt.
        config: Share, seed and bound.

    Returns:
        Those to read, and those that are larger than the whole bound.
    """
    drawn = list(artifacts)
    if config.share < 1 and drawn:
        seed = random.randrange(2**32) if config.seed is None else config.seed  # noqa: S311 - a sample, no secret
        log.info("verification: a share of %g is drawn with seed %d", config.share, seed)
        drawn = random.Random(seed).sample(drawn, max(1, round(config.share * len(drawn))))  # noqa: S311
    bound = float("inf") if config.max_gigabytes is None else config.max_gigabytes * GIGABYTE
    picked, n_bytes = [], 0
    for held in in_turn(drawn, proofs):
        if n_bytes + held.n_bytes <= bound:
            picked.append(held)
            n_bytes += held.n_bytes
    return picked, [held for held in drawn if held.n_bytes > bound]


def _read_all(store: Store, picked: Sequence[Held]) -> list[Finding]:
    progress = Progress(len(picked), sum(held.n_bytes for held in picked))
    findings: list[Finding] = []
    for held in picked:
        last = findings[-N_UNREAD_IN_A_ROW:]
        if len(last) == N_UNREAD_IN_A_ROW and all(finding.verdict == "unread" for finding in last):
            why = f"artifact {held.ref.path} was not asked for: {N_UNREAD_IN_A_ROW} in a row could not be read."
            findings.append(Finding(held.ref.path, "unread", why))
        else:
            findings.append(_read(store, held))
            progress.add(held.n_bytes)
    return findings


class Progress:
    """A line with artifacts and bytes done, rate and time left, every ten seconds and at the end.

    Args:
        n_artifacts: All that are read.
        n_bytes: All of theirs.
    """

    def __init__(self, n_artifacts: int, n_bytes: int) -> None:
        self.n_artifacts, self.n_bytes = n_artifacts, n_bytes
        self.n_artifacts_done = self.n_bytes_done = 0
        self.started = self.said = time.monotonic()

    def add(self, n_bytes: int) -> None:
        """Count an artifact as done, and say so if it is time."""
        self.n_artifacts_done += 1
        self.n_bytes_done += n_bytes
        now = time.monotonic()
        if now - self.said < SAY_EVERY_SECONDS and self.n_artifacts_done < self.n_artifacts:
            return
        self.said = now
        per_second = self.n_bytes_done / max(now - self.started, 1e-9)
        log.info(
            "verification: %d of %d artifacts, %.1f of %.1f MB, %.1f MB/s, %.0f s left",
            *(self.n_artifacts_done, self.n_artifacts, self.n_bytes_done / 1e6, self.n_bytes / 1e6, per_second / 1e6),
            (self.n_bytes - self.n_bytes_done) / max(per_second, 1.0),
        )


def _read(store: Store, held: Held) -> Finding:
    path = held.ref.path
    try:
        receipt = verify(held.ref, store.url)
    except ArtifactMissing as error:
        return Finding(path, "removed meanwhile", str(error))
    except ArtifactDamaged as error:
        if not store.records.has(path):
            return Finding(path, "removed meanwhile", f"artifact {path} was given up while it was read.")
        log.error("%s", error)
        return Finding(path, "damaged", str(error))
    except (StoreError, OSError) as error:
        log.error("%s", error)
        return Finding(path, "unread", f"artifact {path} could not be read: {error}")
    return Finding(path, "whole", receipt.name, receipt.n_bytes, receipt.seconds)


def _leases_to_look_after(store: Store) -> Iterable[str]:
    leases = list_leases(store)
    for lease in leases.overdue(datetime.now(UTC)):
        yield (
            f"lease {lease.name} of {lease.holder} on {lease.what} is overdue since {clock(lease.expires_at)}: see "
            f"whether its machine still runs; `python -m tasks.store leases --forget {lease.name}` when it is stopped."
        )
    yield from leases.unreadable
