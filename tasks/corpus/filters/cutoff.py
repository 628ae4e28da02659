"""The cutoff: the only place that compares a day or a crawl dump with it."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

Side = Literal["known", "after"]
"""`known`: on or before the cutoff. `after`: every later day, for a placebo."""

DUMP_NAME = re.compile(r"(?:CC-MAIN-)?(\d{4})-(\d{2})")


@dataclass(frozen=True, order=True)
class Dump:
    """A Common Crawl dump, ordered by the ISO week in its name."""

    year: int
    week: int

    @classmethod
    def parse(cls, name: str) -> "Dump":
        """Read `2017-26` or `CC-MAIN-2017-26`.

        Raises:
            ValueError: If the name has another form, or its year has no such week.
        """
        if not (match := DUMP_NAME.fullmatch(name)):
            raise ValueError(f"{name!r} is not a dump name; dumps are named YYYY-WW, such as 2017-26")
        dump = cls(int(match[1]), int(match[2]))
        date.fromisocalendar(dump.year, dump.week, 7)
        return dump

    @classmethod
    def of(cls, day: date) -> "Dump":
        """The dump that a crawl in this day's ISO week would be named after."""
        year, week, _ = day.isocalendar()
        return cls(year, week)

    @property
    def last_day(self) -> date:
        """Sunday of its ISO week; most of a crawl is older."""
        return date.fromisocalendar(self.year, self.week, 7)

    @property
    def folder(self) -> str:
        """Its name in FineWeb's layout."""
        return f"CC-MAIN-{self}"

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.week:02d}"


@dataclass(frozen=True)
class Cutoff:
    """The last day whose text may be known, and the side of it that is wanted.

    `admits` alone defines "on or before". Readers and writers call `takes`, which is `admits` or its negation, so that
    every text is on exactly one side.
    """

    day: date
    side: Side = "known"

    @property
    def dump(self) -> Dump:
        """The last dump that may be read: the one of the day's week."""
        return Dump.of(self.day)

    def admits(self, known: date | Dump) -> bool:
        """Whether text of this day, or of this dump, may be known at the cutoff."""
        if isinstance(known, Dump):
            return known <= self.dump
        return known <= self.day

    def takes(self, known: date | Dump) -> bool:
        """Whether text of this day, or of this dump, is on the wanted side."""
        return self.admits(known) == (self.side == "known")

    @property
    def words(self) -> str:
        """The wanted side in a sentence: `on or before cutoff=2017-07-02`."""
        return f"{'on or before' if self.side == 'known' else 'after'} cutoff={self.day}"
