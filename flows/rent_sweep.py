"""The sweep of rented machines, on a schedule: stops what is past its lease, proved and idle, or without a record."""

import logging
from typing import Any, cast

from prefect import flow
from prefect.artifacts import create_table_artifact

from flows.rent.pool import is_idle, is_served
from tasks.rent.config import load_rent
from tasks.rent.providers.choose import provider_of
from tasks.rent.sweep import Sweep, Sweeper
from tasks.store.store import open_store

log = logging.getLogger(__name__)


@flow(name="rent-sweep")
def rent_sweep() -> str:
    """Look at every rented machine; fails with the names of those that may cost and could not be stopped."""
    sweeper = Sweeper(open_store(), provider_of, is_idle, is_served)
    found = sweeper.sweep({pool.provider for pool in load_rent().pools})
    _show(found)
    found.check()
    return f"{len(found.stopped)} machines stopped or found ended, {len(found.running)} within their lease"


def _show(found: Sweep) -> None:
    kinds = {"stopped": found.stopped, "within its lease": found.running, "problem": found.problems}
    rows = [{"machine": sentence, "what": kind} for kind, sentences in kinds.items() for sentence in sentences]
    for row in rows:
        log.log(logging.WARNING if row["what"] == "problem" else logging.INFO, "%s: %s", row["what"], row["machine"])
    if rows:
        create_table_artifact(table=cast(list[dict[str, Any]], rows), key="rented-machines")
