"""What a read-only file system refuses of fsspec's interface: every operation that would write, by its name."""

from collections.abc import Callable
from typing import Any

from fsspec.spec import AbstractFileSystem

from tasks.store.address import PROTOCOL
from tasks.store.errors import StoreError

WRITING = (
    *("mkdir", "makedirs", "rmdir", "rm", "rm_file", "_rm", "mv", "copy", "cp_file"),
    *("put", "put_file", "pipe", "pipe_file", "touch"),
)
"""fsspec's other writing methods call these or open a file for writing."""


class ReadOnlyStore(StoreError, OSError):
    """An operation would write."""


class ReadOnlyFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """fsspec's file system without what writes; some of it does nothing by default, where it should fail."""


def read_only(what: str) -> ReadOnlyStore:
    """The error for a call that would write."""
    return ReadOnlyStore(
        f"{what} would write, and {PROTOCOL}:// is read-only. Stages publish artifacts, and `hindsight store forget` "
        "removes them."
    )


def _refusal(name: str) -> Callable[..., None]:
    def refuse(self: ReadOnlyFileSystem, *arguments: Any, **options: Any) -> None:
        raise read_only(f"{name}({', '.join(map(repr, arguments))})"[:200])

    return refuse


for _name in WRITING:
    setattr(ReadOnlyFileSystem, _name, _refusal(_name))
