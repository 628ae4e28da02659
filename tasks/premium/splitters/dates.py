"""Folds that share no day."""

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.premium.splitters.base import LabelSplitter, Masks, refuse_below
from tasks.premium.splitters.labels import Labels, number_blocks
from tasks.premium.splitters.purge import span_of, touches


@dataclass(frozen=True)
class DateDisjoint(LabelSplitter):
    """Blocks of days in turn, the rest purged around each. Stocks are shared, and later days may be fitted on.

    Args:
        n_blocks: Contiguous blocks of about equally many distinct days.
        embargo_days: Calendar days on either side of a block's span that no train row may lie in.
    """

    n_blocks: int
    embargo_days: int = 0

    def __post_init__(self) -> None:
        refuse_below(self, n_blocks=2, embargo_days=0)

    @property
    def n_splits(self) -> int:
        """One per block."""
        return self.n_blocks

    def masks(self, labels: Labels) -> Iterator[Masks]:
        """Yield blocks from the earliest on."""
        block_of_row = number_blocks(labels.dates, self.n_blocks)
        for block in range(self.n_blocks):
            test = block_of_row == block
            yield Masks(~test, test, touches(labels, span_of(labels, test), self.embargo_days))
