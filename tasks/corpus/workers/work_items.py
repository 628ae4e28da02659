"""Units of work in a seeded order: a row group of a file, or a batch of documents where there are no row groups."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a unit's documents lie in its file.

    Args:
        ordinal: Which of the file's units, in the file's order.
        start: Row group, byte offset, or number of the first document, as its reader wants it.
        n_rows: Documents in it.
    """

    ordinal: int
    start: int
    n_rows: int


@dataclass(frozen=True)
class Unit:
    """What a worker reads at once.

    Args:
        stratum: Index of the stratum it belongs to.
        number: Its place in the stratum's seeded order.
        path: The file.
        place: Where in the file.
    """

    stratum: int
    number: int
    path: str
    place: Place

    @property
    def name(self) -> str:
        """Name of its piece."""
        return f"{self.stratum:03d}-{self.number:07d}"


class Stratum:
    """Documents that share one quota, as units in the order in which they are drawn.

    A file's units are asked for when it is reached, so that only the files that are needed are opened.

    Args:
        index: Its place among the strata.
        name: Such as `2017-26`.
        quota: Tokens it gives.
        files: Its files, in the order in which they are drawn.
        places: A file's units, in the order in which they are drawn.
    """

    def __init__(
        self,
        index: int,
        name: str,
        quota: int,
        files: Sequence[str],
        places: Callable[[str], Sequence[Place]],
    ) -> None:
        self.index, self.name, self.quota = index, name, quota
        self.files, self.places = files, places
        self._units = self._in_order(files, places)
        self._known: list[Unit] = []

    def unit(self, number: int) -> Unit | None:
        """A unit by its place in the order, or None past the last."""
        while len(self._known) <= number:
            following = next(self._units, None)
            if following is None:
                return None
            self._known.append(following)
        return self._known[number]

    def _in_order(self, files: Sequence[str], places: Callable[[str], Sequence[Place]]) -> Iterator[Unit]:
        in_order = ((path, place) for path in files for place in places(path))
        for number, (path, place) in enumerate(in_order):
            yield Unit(self.index, number, path, place)


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rsplit("/", 1)[-1]
