"""Watching a trainer by its metrics, never by its log."""

import json
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from tasks.train.errors import TrainingFailed

log = logging.getLogger(__name__)

REPORT_SECONDS = 10


@dataclass
class Watch:
    """Reads metrics as they are written, reports progress, and says when it has waited long enough.

    Args:
        metrics: metrics.jsonl of the trainer.
        n_steps: Steps to come in all.
        stall_seconds: Longest wait for a step, the first one included.
        deadline_seconds: Longest run.
    """

    metrics: Path
    n_steps: int
    stall_seconds: float
    deadline_seconds: float
    started: float = field(default_factory=time.monotonic)
    _offset: int = 0
    _n_lines: int = 0
    _moved: float = field(default_factory=time.monotonic)
    _reported: float = 0.0

    def look(self) -> None:
        """Read what is new, report now and then.

        Raises:
            TrainingFailed: If no step was finished for too long, or the run is past its deadline.
        """
        now = time.monotonic()
        if lines := self._new_lines():
            self._n_lines, self._moved = self._n_lines + len(lines), now
            if now - self._reported >= REPORT_SECONDS or self._n_lines == self.n_steps:
                self._reported = now
                self._report(json.loads(lines[-1]))
        self._refuse_late(now)

    def _new_lines(self) -> list[bytes]:
        """Whole lines since the last look; a line still being written waits for the next."""
        if not self.metrics.exists():
            return []
        with self.metrics.open("rb") as file:
            file.seek(self._offset)
            whole = file.read().rpartition(b"\n")[0]
        self._offset += len(whole) + 1 if whole else 0
        return whole.splitlines()

    def _report(self, last: dict[str, float]) -> None:
        step, seconds = int(last["step"]), last["seconds"] or 1e-9
        log.info(
            "train: step %d of %d, loss %.4f, %.0f tokens/s, %.1f min left",
            step,
            self.n_steps,
            last["loss"],
            last["tokens_seen"] / seconds,
            seconds / step * (self.n_steps - step) / 60,
        )

    def _refuse_late(self, now: float) -> None:
        if now - self._moved > self.stall_seconds:
            raise TrainingFailed(
                f"the trainer finished no step for {self.stall_seconds / 60:.0f} minutes after step {self._n_lines} of "
                f"{self.n_steps}; it was ended. Raise stall_minutes if steps take that long."
            )
        if now - self.started > self.deadline_seconds:
            raise TrainingFailed(
                f"the trainer ran past deadline_minutes={self.deadline_seconds / 60:.0f} at step {self._n_lines} of "
                f"{self.n_steps}; it was ended. Raise deadline_minutes or lower token_budget."
            )
