"""The rented machine behind one stage: there before the stage is sent, given back when what it made is proved."""

import logging
from collections.abc import Callable, Collection
from threading import Lock

from prefect.client.orchestration import get_client

from flows.rent.pool import is_idle, switch_sweep_on
from flows.server.flow_runs import own_run_id, retry_on_outage
from tasks.rent import lifecycle
from tasks.rent.config import RentedPool, load_rent
from tasks.rent.errors import RentError, StillNeeded, Stopping
from tasks.rent.machines import list_machines
from tasks.rent.order import check_lease, check_reachable
from tasks.rent.providers.choose import provider_of
from tasks.store.store import Store

log = logging.getLogger(__name__)

_ONE_AT_A_TIME = Lock()


class PoolMachine:
    """The machine of a pool, as one stage needs it; of a pool whose machines are not rented it does nothing.

    Args:
        store: Holds the records.
        pool: Where the stage runs.
        artifact: What it makes, `kind/label/key`.
        by: Who needs it.
        planned_hours: What the stage may take at most, as preflight forecasts; 0 where it does not.

    Raises:
        BadRent: If configs/rent.yaml is not valid.
    """

    def __init__(
        self, store: Store, pool: str, artifact: str, by: str, planned_hours: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.store = store
        self.rented = load_rent().find(pool)
        self.pool = pool
        self.artifact = artifact
        self.by = by
        self.planned_hours = planned_hours

    def need(self) -> None:
        """Rent a machine unless the pool has one, and write down that it owes the artifact.

        Raises:
            RentError: If none can be had, or only one whose lease may end before the stage does. Nothing is left
            running, or the message says what may be.
        """
        if self.rented is not None:
            # Steps of one run are threads of one process, and one of them starts the machine for all.
            with _ONE_AT_A_TIME:
                self._need(self.rented)

    def _need(self, rented: RentedPool) -> None:
        check_reachable(self.store, rented)
        # A parent that re-attaches refuses nothing.
        is_there = any(self.artifact in machine.owed for machine in list_machines(self.store).open_of(self.pool))
        hours = 0.0 if is_there else self.planned_hours()
        check_lease(rented, hours, self.artifact)
        switch_sweep_on()
        provider, why = provider_of(rented.provider), f"{self.artifact} needs one"
        run, tags = _own_run()
        while True:
            machine = lifecycle.rent(self.store, provider, rented, by=self.by, why=why, run=run, tags=tags)
            if lifecycle.ends_too_early(machine, hours):
                lifecycle.make_way(self.store, provider, machine, self.by, hours, lambda: is_idle(self.pool))
                continue
            try:
                lifecycle.lease(self.store, machine.name, self.artifact, self.by)
            except Stopping as error:
                log.info("%s", error)
            else:
                return

    def give_back(self, is_needed: Callable[[], bool]) -> None:
        """Stop the machine on which the artifact was made, unless its pool is needed. A failure is the sweeper's.

        Args:
            is_needed: Whether the run has more for the pool.
        """
        if self.rented is None:
            return
        for machine in list_machines(self.store).open_of(self.pool):
            if self.artifact not in machine.owed:
                continue
            if not machine.is_stopping and is_needed():
                log.info("machine %s stays: the run has more for pool %s", machine.name, self.pool)
                continue
            try:
                lifecycle.give_back(
                    self.store, provider_of(machine.terms.provider), machine.name, self.by, lambda: is_idle(self.pool)
                )
            except StillNeeded as error:
                log.info("%s", error)
            except RentError as error:
                log.warning("%s The sweeper goes on with it.", error)


def _own_run() -> tuple[str, Collection[str]]:
    """This run and its tags: who pays."""
    if (run_id := own_run_id()) is None:
        return "", ()
    with get_client(sync_client=True) as client:
        return str(run_id), retry_on_outage(lambda: client.read_flow_run(run_id).tags, "the run's tags")
