"""Unpickling with a list of what may be asked for; anything else is refused by name."""

import pickle
from collections.abc import Mapping
from typing import Any, BinaryIO

from tasks.common.errors import HindsightError


class CheckpointUnreadable(HindsightError):
    """A checkpoint whose layout is not handled, or that is no checkpoint."""


class ForbiddenPickle(CheckpointUnreadable):
    """A pickle that asks for something a checkpoint does not need."""


class ListedUnpickler(pickle.Unpickler):
    """Builds nothing but what a list names; each name stands for a stand-in of ours, never for the thing itself."""

    def __init__(self, stream: BinaryIO, allowed: Mapping[str, object], where: str) -> None:
        super().__init__(stream)
        self._allowed = allowed
        self._where = where

    def find_class(self, module: str, name: str) -> Any:
        """Look a global up in the list.

        Raises:
            ForbiddenPickle: If it is not there.
        """
        try:
            return self._allowed[f"{module}.{name}"]
        except KeyError:
            raise ForbiddenPickle(
                f"{self._where} asks for {module}.{name}, which no checkpoint needs and which could run code; nothing "
                "of it was loaded. Take a checkpoint whose origin you know."
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        """A storage is left as its description: ("storage", class, name, device, numbers)."""
        return pid


def load_listed(stream: BinaryIO, allowed: Mapping[str, object], where: str) -> Any:
    """Unpickle with a list of what may be asked for.

    Raises:
        ForbiddenPickle: If something else is.
        CheckpointUnreadable: If it is no pickle, or is cut off.
    """
    try:
        return ListedUnpickler(stream, allowed, where).load()
    except CheckpointUnreadable:
        raise
    except Exception as error:
        # A hostile or cut pickle ends in any exception there is.
        raise CheckpointUnreadable(
            f"{where} cannot be read ({type(error).__name__}: {error}); it is cut off or of another version of "
            "torch. Fetch the checkpoint again."
        ) from error
