"""One progress line for all long work: done, total, rate and time left, at most once per interval."""

import logging
import re
import threading
import time
from dataclasses import dataclass

from tasks.common.text import duration, parse_duration

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 15.0
_LINE = re.compile(
    r"(?P<what>[^\n]+): (?P<done>[\d,.]+)(?: of (?P<total>[\d,.]+))? (?P<unit>\S.*?), "
    r"(?P<rate>[\d,.e+-]+)(?P<scale> MB)?/s, (?P<left>[\w. ]+) left"
)
_SCALES = {"MB": 1e6, "GB": 1e9}


@dataclass(frozen=True)
class ProgressLine:
    """What a line says, to its precision.

    Args:
        what: What is being done.
        n_done: So far.
        n_total: All of it; None if it is not known.
        unit: `bytes`, or a plural such as `draws`.
        per_second: Rate.
        seconds_left: None if it is not known.
    """

    what: str
    n_done: float
    n_total: float | None
    unit: str
    per_second: float
    seconds_left: float | None


def parse_progress(line: str) -> ProgressLine | None:
    """Read a line of `Progress` back; None of another line."""
    if not (found := _LINE.fullmatch(line)):
        return None
    in_bytes = found["scale"] is not None
    scale = _SCALES.get(found["unit"], 1.0) if in_bytes else 1.0
    return ProgressLine(
        what=found["what"],
        n_done=_number(found["done"]) * scale,
        n_total=_number(found["total"]) * scale if found["total"] else None,
        unit="bytes" if in_bytes else found["unit"],
        per_second=_number(found["rate"]) * (1e6 if in_bytes else 1.0),
        seconds_left=parse_duration(found["left"]),
    )


def _number(text: str) -> float:
    return float(text.replace(",", ""))


class Progress:
    """Counts finished work and logs `what: 3 of 10 draws, 12.3/s, 40 s left`. Threads may share it.

    Args:
        what: What is being done, such as `upload train/letters/0123`.
        n_total: All of it; None if it is not known.
        unit: `bytes`, shown as MB or GB, or a plural such as `draws`.
        n_before: Done by an earlier start: part of the total, not of the rate.
        interval_seconds: Between two lines.
    """

    def __init__(
        self,
        what: str,
        n_total: int | None,
        unit: str = "bytes",
        *,
        n_before: int = 0,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self.what, self.n_total, self.unit, self.n_done = what, n_total, unit, n_before
        self._n_before, self._interval = n_before, interval_seconds
        self._started = self._logged = time.monotonic()
        self._lock = threading.Lock()
        if n_before:
            log.info("%s: %s resumed from an earlier start", what, self._amount())

    def add(self, n: int = 1) -> None:
        """Count work as done; logs if the interval has passed."""
        with self._lock:
            self.n_done += n
            now = time.monotonic()
            is_due = now - self._logged >= self._interval
            self._logged = now if is_due else self._logged
        if is_due:
            log.info("%s: %s", self.what, self)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def __str__(self) -> str:
        rate = (self.n_done - self._n_before) / max(self.seconds, 1e-9)
        is_known = rate > 0 and self.n_total is not None
        left = duration(max((self.n_total or 0) - self.n_done, 0) / rate) if is_known else "unknown time"
        shown = f"{rate / 1e6:,.1f} MB/s" if self.unit == "bytes" else f"{rate:,.3g}/s"
        return f"{self._amount()}, {shown}, {left} left"

    def _amount(self) -> str:
        if self.unit != "bytes":
            total = "" if self.n_total is None else f" of {self.n_total:,}"
            return f"{self.n_done:,}{total} {self.unit}"
        scale, name = (1e9, "GB") if (self.n_total or 0) >= 1e9 else (1e6, "MB")
        total = "" if self.n_total is None else f" of {self.n_total / scale:,.2f}"
        return f"{self.n_done / scale:,.2f}{total} {name}"
