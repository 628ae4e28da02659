"""Ending a process with all it started."""

from collections.abc import Callable

import psutil

GRACE_SECONDS = 20
"""Time to end by itself before it is killed."""


def end_tree(root: psutil.Process) -> None:
    """Ask a process and its descendants to end, kill those that do not, and wait until none is left."""
    try:
        # The list is made first: a child whose parent has ended is nobody's descendant any more.
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
    try:
        send(process)
    except psutil.NoSuchProcess:
        # It ended between the listing and now.
        return
