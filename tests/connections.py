"""Which hosts this process connects to, or asks a name server for, heard from the interpreter itself."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_listening: list[set[str]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    # An audit hook cannot be removed: it does nothing while no test listens.
    if _listening and event in ("socket.connect", "socket.getaddrinfo"):
        host = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        if isinstance(host, tuple):
            host = f"{host[0]}:{host[1]}"
        for hosts in _listening:
            hosts.add(str(host))


sys.addaudithook(_hear)


@contextmanager
def contacted() -> Iterator[set[str]]:
    """`host:port` of each connection begun meanwhile in any thread, and each name asked for."""
    hosts: set[str] = set()
    _listening.append(hosts)
    try:
        yield hosts
    finally:
        _listening.remove(hosts)
