"""The lease of a stage on a rented pool: taken before it starts, renewed while waiting, ended by a receipt.

A parent that dies leaves an overdue lease (`hindsight store leases --overdue`), until the next parent of the same
artifact takes it over or a person looks after the machine.
"""

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable

from prefect.context import FlowRunContext

from flows.rent.need import PoolMachine
from flows.server.flow_runs import own_run_id
from tasks.rent.errors import RentError
from tasks.store.errors import StoreError
from tasks.store.leases import Lease, LeaseHeld, LeaseMissing, end, new_lease, read_lease, renew, take
from tasks.store.receipts import release_compute, verify
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.sealed import DamagedFile
from tasks.store.store import Store

log = logging.getLogger(__name__)

RENTAL_LEASE_SECONDS = 900.0
"""After at most this long the lease of a dead parent is overdue."""
RENEW_SECONDS = 60.0


class RentalLease:
    """One parent's lease on one rented stage; on a pool that costs nothing it does nothing.

    Args:
        store: Where the lease is kept.
        spec: What the stage must leave in the store.
        deployment: What runs it, such as `train/h100`.
        is_needed: Whether the run has more for the pool, so that a rented machine stays.
        planned_hours: What the stage may take at most; 0 where nobody knows.
    """

    def __init__(
        self,
        store: Store,
        spec: ArtifactSpec,
        deployment: str,
        is_needed: Callable[[], bool] = lambda: False,
        planned_hours: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.is_needed = is_needed
        self.store = store
        self.spec = spec
        self.deployment = deployment
        self.name = f"{spec.kind}-{spec.key}"
        self.holder = _holder()
        self.is_rented = not deployment.endswith("/cpu")
        self.machine = PoolMachine(store, deployment.rpartition("/")[2], spec.path, self.holder, planned_hours)
        self.lease: Lease | None = None
        self._renewed_at = -float("inf")

    def renew(self) -> None:
        """Take or renew the lease, at most once per RENEW_SECONDS. A store that is away ends no stage."""
        if not self.is_rented or time.monotonic() - self._renewed_at < RENEW_SECONDS:
            return
        self._renewed_at = time.monotonic()
        try:
            self._take_or_renew()
        except LeaseHeld as error:
            self.lease = None
            log.info("%s: %s", self.deployment, error)
        except LeaseMissing as error:
            self.lease = None
            self._renewed_at = -float("inf")
            log.warning("%s: %s Taking it again.", self.deployment, error)
        except StoreError as error:
            log.warning("%s: lease %s was not renewed: %s", self.deployment, self.name, error)

    def take(self) -> None:
        """Take the lease, and rent a machine if the pool's are rented and it has none.

        Raises:
            RentError: If none can be had. A lease that this call took is given up.
        """
        is_first = self.lease is None
        self.renew()
        try:
            self.machine.need()
        except RentError:
            if is_first:
                self.release_unused()
            raise

    def is_orphaned(self) -> bool:
        """Whether a lease exists although the artifact does: a parent died before it had verified the artifact."""
        if not self.is_rented:
            return False
        try:
            read_lease(self.store, self.name)
        except LeaseMissing:
            return False
        except DamagedFile as error:
            log.warning("%s: %s", self.deployment, error)
            return False
        return True

    def release_unused(self) -> None:
        """End the lease: nothing was sent."""
        if self.lease:
            end(self.store, self.name)
            self.lease = None

    def verify_and_release(self, ref: ArtifactRef) -> None:
        """Verify the artifact with a fresh client, and end the lease with the receipt.

        Every byte is read once more before the machine may go.

        Raises:
            ArtifactDamaged: If the artifact is not whole. The lease remains.
        """
        if not self.is_rented:
            return
        self._renewed_at = -float("inf")
        self.renew()
        if not self.lease:
            return  # logged by `renew`: another parent holds the lease, and verifies
        receipt = verify(ref, self.store.url, between_blobs=self.renew)
        log.info(
            "%s: %.1f MB in %d blobs read back and hashed in %.1f s, receipt %s",
            *(self.deployment, receipt.n_bytes / 1e6, receipt.n_blobs, receipt.seconds, receipt.name),
        )
        try:
            release_compute(self.store, self.name, receipt, self._stop)
        except (LeaseMissing, DamagedFile) as error:
            log.warning("%s: the artifact is verified, yet %s", self.deployment, error)

    def _take_or_renew(self) -> None:
        if self.lease:
            self.lease = renew(self.store, self.lease, RENTAL_LEASE_SECONDS)
        else:
            wanted = new_lease(self.name, self.holder, self.deployment, self.spec.path, RENTAL_LEASE_SECONDS)
            self.lease = take(self.store, wanted)

    def _stop(self) -> None:
        # A worker's pool outlives its runs: who rents its machines by hand reads this line, or that the lease is gone.
        log.info("%s: the result is verified and the machine may go", self.deployment)
        self.machine.give_back(self.is_needed)


def _holder() -> str:
    # A retried parent is the same holder: it resumes its own lease at once.
    context = FlowRunContext.get()
    if context and context.flow_run:
        return f"run {context.flow_run.name!r} {context.flow_run.id}"
    if run_id := own_run_id():
        return f"run {run_id}"
    return f"process {os.getpid()} on {socket.gethostname()} {uuid.uuid4().hex[:8]}"
