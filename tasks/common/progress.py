"""One progress line for all long work: done, total, rate and time left, at most once per interval."""

import logging
import threading
import time

from tasks.common.text import duration

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 15.0


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
