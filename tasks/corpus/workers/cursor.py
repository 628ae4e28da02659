"""How far a stratum has been drawn."""

from dataclasses import dataclass


@dataclass
class Cursor:
    """How far a stratum has been drawn.

    Args:
        number: Unit that is open, in the stratum's order; -1 before the first.
        n_drawn: Documents of that unit that were looked at.
        given: Tokens it has given for training.
    """

    number: int = -1
    n_drawn: int = 0
    given: int = 0
