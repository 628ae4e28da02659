"""Unpickling with an allow list: a pickle that names anything else is refused, and nothing of it runs."""

import io
import pickle
import pickletools
from collections.abc import Mapping
from typing import Any

from tasks.common.errors import HindsightError


class CheckpointUnreadable(HindsightError):
    """A file that is not a checkpoint, or a layout that is not supported."""


class ForbiddenPickle(CheckpointUnreadable):
    """A pickle that names something a checkpoint does not need."""


class _AllowListUnpickler(pickle.Unpickler):
    """Resolves each allowed name to an object of this project, never to the named object itself."""

    def __init__(self, content: bytes, allowed: Mapping[str, object], where: str) -> None:
        super().__init__(io.BytesIO(content))
        self._allowed = allowed
        self._where = where

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._allowed[f"{module}.{name}"]
        except KeyError:
            raise ForbiddenPickle(
                f"{self._where} asks for {module}.{name}, which no checkpoint needs and which could run code; nothing "
                "of it was loaded. Use a checkpoint from a source you trust."
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        """A storage stays a description: ("storage", class, name, device, length)."""
        return pid


def load_allow_listed(content: bytes, allowed: Mapping[str, object], where: str) -> Any:
    """Unpickle content that may name only what is allowed; `allowed` maps full names to replacement objects.

    Raises:
        ForbiddenPickle: If it names anything else.
        CheckpointUnreadable: If it is not a pickle, is truncated, or would take more memory than what it holds.
    """
    try:
        _check_sizes(content, where)
        return _AllowListUnpickler(content, allowed, where).load()
    except CheckpointUnreadable:
        raise
    except Exception as error:
        # A hostile or truncated pickle can raise any exception.
        raise CheckpointUnreadable(
            f"{where} cannot be read ({type(error).__name__}: {error}); it is cut off or of another version of "
            "torch. Fetch the checkpoint again."
        ) from error


def _check_sizes(content: bytes, where: str) -> None:
    """Raise CheckpointUnreadable for a number of a remembered object that is above what the bytes can hold.

    Python's unpickler allocates memory for as many objects as the highest number, up to 2**32, and for a bytearray's
    whole length, before it looks at what follows. Reading the opcodes allocates neither, and finds each length that
    goes past the end.
    """
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > len(content):
            raise CheckpointUnreadable(
                f"{where} numbers an object {argument} and has only {len(content)} bytes; it is damaged, or made to "
                "fill the memory of its reader. Fetch the checkpoint again from a source you trust."
            )
