"""Ending a process with all its descendants."""

from collections.abc import Callable
from contextlib import suppress

import psutil

GRACE_SECONDS = 20
"""Between the request to terminate and the kill."""


def end_tree(root: psutil.Process) -> None:
    """Terminate a process and its descendants, kill those that remain, and wait until none is left."""
    try:
        # The list is made first: after its parent has ended a child is no longer found as a descendant.
        tree = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for member in tree:
        _signal(member, psutil.Process.terminate)
    survivors = psutil.wait_procs(tree, timeout=GRACE_SECONDS)[1]
    for member in survivors:
        _signal(member, psutil.Process.kill)
    psutil.wait_procs(survivors, timeout=GRACE_SECONDS)


def _signal(process: psutil.Process, send: Callable[[psutil.Process], None]) -> None:
    with suppress(psutil.NoSuchProcess):  # it may have ended since the listing
        send(process)
