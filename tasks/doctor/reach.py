"""What a machine can reach, tried now: the store and the Prefect server; and what its clock differs from theirs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx

from tasks.common.settings import without_secrets
from tasks.schemas.artifacts import Check
from tasks.schemas.check_lines import check_call, info_line
from tasks.store.connect import open_objects, store_time
from tasks.store.errors import StoreError
from tasks.store.store import N_PROBE_ATTEMPTS, Store, open_store

MAX_CLOCK_SECONDS = 60
"""Rented machines' leases, states of runs and ages are compared across machines; S3 refuses requests that are 900 s
off, and a machine that drifts gets there."""
SERVER_SECONDS = 10
API, AUTH = "PREFECT_API_URL", "PREFECT_API_AUTH_STRING"


def store_round_trip(store: Store) -> Check:
    """The store returns the bytes it was given."""
    return check_call("store round trip", "64 bytes come back unchanged", store.probe, "unchanged")


def store_checks() -> Iterator[Check]:
    """The environment's store: its round trip, and the clock that it stamps objects with."""
    try:
        store = open_store()
    except StoreError as error:
        yield Check(name="store round trip", passed=False, value=str(error), bound="a store's address")
        return
    tried = store_round_trip(store)
    yield tried.model_copy(update={"value": f"{store.url}: {tried.value}"}) if tried.passed else tried
    if tried.passed:
        yield _store_clock(store)


def _store_clock(store: Store) -> Check:
    objects, before = open_objects(store.url, N_PROBE_ATTEMPTS), datetime.now(UTC)
    try:
        stamped = store_time(objects)
    except (StoreError, OSError, ValueError) as error:
        return Check(name="clock of the store", passed=False, value=str(error), bound="an object with a time")
    return clock_check("store", stamped, before, datetime.now(UTC))


class ServerAccess(NamedTuple):
    """A Prefect server's API, empty for none, and its `user:password`."""

    api: str
    auth: str | None = None


def server_checks(server: ServerAccess) -> Iterator[Check]:
    """The server answers, takes this machine's password, and has the same time."""
    if not server.api:
        yield info_line("server", f"{API} names none; a worker needs it")
        return
    name, _, password = (server.auth or "").partition(":")
    before = datetime.now(UTC)
    try:
        answer = httpx.get(
            f"{server.api}/admin/version", auth=(name, password) if server.auth else None, timeout=SERVER_SECONDS
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        yield _server(server, f"no answer ({type(error).__name__})")
        return
    after = datetime.now(UTC)
    yield _server(server, _refusal(answer, server), f"Prefect {answer.text[:20].strip().strip(chr(34))}")
    if stamp := answer.headers.get("date"):
        yield clock_check("server", parsedate_to_datetime(stamp), before, after)


def clock_check(of: str, stamped: datetime, before: datetime, after: datetime) -> Check:
    """This machine's clock against a stamp of another.

    Args:
        of: Whose stamp.
        stamped: UTC; some servers round to seconds.
        before: This machine's time before the request.
        after: And after it: between them the stamp was made.
    """
    late = (before - stamped).total_seconds() - 1
    early = (stamped - after).total_seconds() - 1
    seconds = max(late, early, 0.0)
    direction = "fast" if late > early else "slow"
    return Check(
        name=f"clock of the {of}",
        passed=seconds <= MAX_CLOCK_SECONDS,
        value=f"this machine's is {seconds:,.0f} s {direction}" if seconds >= 1 else "the same as this machine's",
        bound=f"at most {MAX_CLOCK_SECONDS} s apart",
        way_out="Set this machine's clock by NTP (`timedatectl set-ntp true`), a container's on its host.",
    )


def _refusal(answer: httpx.Response, server: ServerAccess) -> str:
    if answer.status_code in (401, 403):
        return f"refuses the password in {AUTH}" if server.auth else f"requires a password, and {AUTH} is not set"
    return "" if answer.status_code == 200 else f"answers HTTP {answer.status_code}"


def _server(server: ServerAccess, problem: str, version: str = "") -> Check:
    return Check(
        name="server",
        passed=not problem,
        value=f"{without_secrets(server.api)}: {problem or version}",
        bound="a Prefect server that lets this machine in",
        way_out=f"Set {API} to its address, such as http://server:4200/api, and {AUTH} to its user:password.",
    )
