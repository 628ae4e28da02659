"""A lease for every stage sent to a rented pool: taken before it starts, renewed while waiting, ended by a receipt.

A parent that dies leaves an overdue lease, which calls (`python -m tasks.store leases --overdue`) until the next parent
of the same artifact takes it over or a person looks after the machine.
"""

import logging
import os
import socket
import time
import uuid

from prefect.context import FlowRunContext, TaskRunContext

from tasks.store.errors import StoreError
from tasks.store.leases import Lease, LeaseHeld, LeaseMissing, end, new_lease, read_lease, renew, take
from tasks.store.receipts import verify
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.release import release_compute
from tasks.store.sealed import BadNote
from tasks.store.store import Store

log = logging.getLogger(__name__)

LEASE_SECONDS = 900.0
"""A dead parent's lease is overdue after at most so long."""
RENEW_SECONDS = 60.0


class Watch:
    """One parent's eye on one rented stage; on a pool that costs nothing it does nothing.

    Args:
        store: Where the lease stands.
        spec: What the stage shall leave in the store.
        deployment: Who runs it, such as `train/h100`.
    """

    def __init__(self, store: Store, spec: ArtifactSpec, deployment: str) -> None:
        self.store = store
        self.spec = spec
        self.deployment = deployment
        self.name = f"{spec.kind}-{spec.key}"
        self.holder = _holder()
        self.is_rented = not deployment.endswith("/cpu")
        self.lease: Lease | None = None
        self._beat_at = -float("inf")

    def beat(self) -> None:
        """Take or renew the lease where the last beat was long enough ago. A store that is away ends no stage."""
        if not self.is_rented or time.monotonic() - self._beat_at < RENEW_SECONDS:
            return
        self._beat_at = time.monotonic()
        try:
            self._take_or_renew()
        except LeaseHeld as error:
            self.lease = None
            log.info("%s: %s", self.deployment, error)
        except LeaseMissing as error:
            self.lease = None
            self._beat_at = -float("inf")
            log.warning("%s: %s It is taken again.", self.deployment, error)
        except StoreError as error:
            log.warning("%s: lease %s was not renewed: %s", self.deployment, self.name, error)

    def is_left_over(self) -> bool:
        """Whether a lease stands though the artifact is there: a parent died before it had proved it."""
        if not self.is_rented:
            return False
        try:
            read_lease(self.store, self.name)
        except LeaseMissing:
            return False
        except BadNote as error:
            log.warning("%s: %s", self.deployment, error)
            return False
        return True

    def nothing_was_sent(self) -> None:
        """Give the lease back: no machine was asked for."""
        if self.lease:
            end(self.store, self.name)
            self.lease = None

    def prove(self, ref: ArtifactRef) -> None:
        """Verify the artifact with a fresh client, and end the lease with the receipt.

        Every byte is read again: that is the price of letting a machine go.

        Raises:
            ArtifactDamaged: If the artifact is not whole. The lease stays.
        """
        if not self.is_rented:
            return
        self._beat_at = -float("inf")
        self.beat()
        if not self.lease:
            return  # said by `beat`: another parent watches the same stage, and proves it
        receipt = verify(ref, self.store.url, between_blobs=self.beat)
        log.info(
            "%s: %.1f MB in %d blobs read again and hashed in %.1f s, receipt %s",
            *(self.deployment, receipt.n_bytes / 1e6, receipt.n_blobs, receipt.seconds, receipt.name),
        )
        try:
            release_compute(self.store, self.name, receipt, self._say_it_may_stop)
        except (LeaseMissing, BadNote) as error:
            log.warning("%s: the artifact is proved, yet %s", self.deployment, error)

    def _take_or_renew(self) -> None:
        if self.lease:
            self.lease = renew(self.store, self.lease, LEASE_SECONDS)
        else:
            wanted = new_lease(self.name, self.holder, self.deployment, self.spec.path, LEASE_SECONDS)
            self.lease = take(self.store, wanted)

    def _say_it_may_stop(self) -> None:
        # A worker's pool outlives its runs: whoever rents its machines reads this line, or the lease's absence.
        log.info("%s: the result is proved and the machine may go", self.deployment)


def _holder() -> str:
    # A retried parent is the same holder: it goes on with its own lease at once.
    context = FlowRunContext.get()
    task_context = TaskRunContext.get()
    if context and context.flow_run:
        return f"run {context.flow_run.name!r} {context.flow_run.id}"
    if task_context and task_context.task_run.flow_run_id:
        return f"run {task_context.task_run.flow_run_id}"
    return f"process {os.getpid()} on {socket.gethostname()} {uuid.uuid4().hex[:8]}"
