"""Prefect's global concurrency limit of one, held through a server outage."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

log = logging.getLogger(__name__)


def ensure_limit(client: SyncPrefectClient, tag: str) -> None:
    """Create the limit unless it exists."""
    # Read first: a failed creation leaves pages of traceback in the log of a server on PostgreSQL.
    with suppress(ObjectNotFound):
        client.read_global_concurrency_limit_by_name(tag)
        return
    with suppress(ObjectAlreadyExists):
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=tag, limit=1))


def recreate_limit(client: SyncPrefectClient, tag: str) -> None:
    """Free a limit whose holder has died: a new limit of its name, to which the dead lease does not refer.

    Setting its slots to 0 instead would let the dead holder's lease, when it expires, free the next holder's slot.
    """
    try:
        client.delete_global_concurrency_limit_by_name(tag)
    except ObjectNotFound:
        log.info("%s was freed by another waiting run", tag)
    ensure_limit(client, tag)


@contextmanager
def held_limit(tag: str, lease_seconds: float, run: FlowRun | None) -> Iterator[None]:
    """Hold the limit. If the server is away at the end, the lease expires by itself and the work remains valid.

    Args:
        tag: The limit's name.
        lease_seconds: How long a dead holder blocks others. Renewed at three quarters of it, so that the server may be
            away for a quarter of it before the limit is lost.
        run: The holder, for others to read.
    """
    slot = _entered(tag, lease_seconds, run)
    failure: BaseException | None = None
    try:
        yield
    except BaseException as error:
        failure = error
        raise
    finally:
        _give_back(slot, tag, failure)


def _entered(tag: str, lease_seconds: float, run: FlowRun | None) -> AbstractContextManager[None]:
    while True:
        slot = concurrency(
            tag,
            lease_duration=lease_seconds,
            strict=True,
            holder=ConcurrencyLeaseHolder(type="flow_run", id=run.id) if run else None,
            # A server that was away for a while must not end a training run of days.
            raise_on_lease_renewal_failure=False,
        )
        try:
            slot.__enter__()
        except ConcurrencySlotAcquisitionError as error:
            if isinstance(error.__cause__, httpx.TransportError):
                raise error.__cause__ from error
            if error.__cause__ is not None:
                raise
            # Another waiting run is replacing the limit: for a moment there is none.
            with get_client(sync_client=True) as client:
                ensure_limit(client, tag)
        else:
            return slot


def _give_back(slot: AbstractContextManager[None], tag: str, failure: BaseException | None) -> None:
    try:
        slot.__exit__(type(failure) if failure else None, failure, failure.__traceback__ if failure else None)
    except httpx.TransportError as error:
        # The work's own failure is raised by the caller.
        if error is not failure:
            log.warning("%s is not released because the server is away (%s): its lease expires by itself", tag, error)
