"""Work items: the row groups of a group's files, numbered in the order in which they are drawn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tasks.corpus.sources.reader import RowGroup


@dataclass(frozen=True)
class WorkItem:
    """What a worker reads at once.

    Args:
        group: Index of its group.
        number: Its index in the group's seeded order.
        path: The file.
        row_group: Where in the file.
    """

    group: int
    number: int
    path: str
    row_group: RowGroup

    @property
    def name(self) -> str:
        """File name of its chunk, without the suffix."""
        return f"{self.group:03d}-{self.number:07d}"


class Group:
    """Documents that share one quota, as work items in the order in which they are drawn.

    A file is only opened when its first work item is asked for.

    Args:
        index: Its index among the groups.
        name: Such as `2017-26`.
        quota: Tokens it gives for training.
        files: In the order in which they are drawn.
        row_groups: From a file to its row groups, in the order in which they are drawn.
    """

    def __init__(
        self, index: int, name: str, quota: int, files: Sequence[str], row_groups: Callable[[str], Sequence[RowGroup]]
    ) -> None:
        self.index, self.name, self.quota = index, name, quota
        self.files, self.row_groups = files, row_groups
        self._remaining = self._all_items()
        self._known: list[WorkItem] = []

    def item(self, number: int) -> WorkItem | None:
        """A work item by its number, or None past the last."""
        while len(self._known) <= number:
            following = next(self._remaining, None)
            if following is None:
                return None
            self._known.append(following)
        return self._known[number]

    def _all_items(self) -> Iterator[WorkItem]:
        in_order = ((path, row_group) for path in self.files for row_group in self.row_groups(path))
        for number, (path, row_group) in enumerate(in_order):
            yield WorkItem(self.index, number, path, row_group)


@dataclass
class Cursor:
    """How far a group has been drawn.

    Args:
        number: Work item that is being drawn; -1 before the first.
        n_drawn: Documents of it that were drawn.
        given: Tokens the group has given for training.
    """

    number: int = -1
    n_drawn: int = 0
    given: int = 0
