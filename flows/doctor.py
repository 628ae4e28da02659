"""The doctor's button: looks at the machine of the pool that runs it, and keeps the answer for preflight."""

import logging
import os

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.settings import get_current_settings

from flows.pipelines.machine_needs import needs_of
from flows.server.flow_runs import artifact_key
from tasks.costs.hardware import current_pool
from tasks.doctor.diagnosis import diagnose, publish
from tasks.doctor.reach import API, ServerAccess
from tasks.store.store import open_store

log = logging.getLogger(__name__)


@flow(name="doctor")
def doctor(recipe: str | None = None) -> str:
    """Look at this pool's machine. Its answer is in the store and in an artifact; fails with what the machine lacks.

    Args:
        recipe: Look only at what this recipe of the project needs; by default at what all recipes of the pool need.
    """
    pool = current_pool() or "cpu"
    found = diagnose(needs_of(pool, recipe), named_server())
    for row in found.rows():
        log.info("doctor: %s", "  ".join(row.values()))
    description = f"{found.facts.machine}, pool {pool}, {found.asked_at:%Y-%m-%d %H:%M} UTC"
    create_table_artifact(table=found.rows(), key=artifact_key("doctor", pool), description=description)
    if any(check.name == "store round trip" and check.passed for check in found.checks):
        publish(found, open_store().objects)
    found.check()
    return description


def named_server() -> ServerAccess:
    """The server that PREFECT_API_URL names, and the password that Prefect's clients here would send to it.

    The password is in the environment, or in the profile of PREFECT_PROFILES_PATH.
    """
    auth = get_current_settings().api.auth_string
    return ServerAccess(os.environ.get(API, "").rstrip("/"), auth.get_secret_value() if auth else None)
