"""Prefect's server with garbage collection in a thread of its own: `python -m deployments.server [--no-services]`.

Its address, database and authentication are Prefect's settings. It listens to other machines only with authentication.

On SQLite a collection on the event loop can stop the whole server for a minute, as in two of seven measured starts
(decision 0017). The collection frees a cursor of connection B, which waits for B's mutex; B's thread holds it and waits
for the write lock; connection A holds that for a transaction of the loop; and the loop waits for the collection.
SQLite's timeout ends the deadlock with an error for the waiting connection.
"""

import gc
import ipaddress
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.cli import app
from prefect.settings import get_current_settings

from deployments.access import SERVER_AUTH, OpenToAll

COLLECT_EVERY_SECONDS = 30.0
"""Longest life of a garbage cycle. Other garbage is freed at once, as always."""


@contextmanager
def collect_garbage_in_thread(every_seconds: float = COLLECT_EVERY_SECONDS) -> Iterator[None]:
    """Collect cycles in one thread only: freeing them may block it without blocking the event loop.

    Args:
        every_seconds: From the end of a collection to the next.
    """
    is_over = threading.Event()
    gc.disable()
    threading.Thread(target=_collect, args=(is_over, every_seconds), name="garbage", daemon=True).start()
    try:
        yield
    finally:
        is_over.set()
        gc.unfreeze()
        gc.enable()


def _collect(is_over: threading.Event, every_seconds: float) -> None:
    if not is_over.wait(every_seconds):
        gc.collect()
        # Modules and routes exist by now and live as long as the server: no need to scan them again.
        gc.freeze()
    while not is_over.wait(every_seconds):
        gc.collect()


def check_access() -> None:
    """Raise OpenToAll if other machines could reach the server and it requires no authentication."""
    api = get_current_settings().server.api
    if not _is_loopback(api.host) and not api.auth_string:
        raise OpenToAll(
            f"PREFECT_SERVER_API_HOST={api.host} would let every machine that reaches it run anything on the pools; "
            f"set {SERVER_AUTH}=user:password too, in the environment or in the profile of PREFECT_PROFILES_PATH."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def main() -> int:
    """Start the server with this process's arguments until it is stopped."""
    try:
        check_access()
    except OpenToAll as error:
        print(f"hindsight: {error}", file=sys.stderr)
        return 1
    with collect_garbage_in_thread():
        sys.argv[1:] = ["server", "start", *sys.argv[1:]]
        app()
    return 0


if __name__ == "__main__":
    sys.exit(main())
