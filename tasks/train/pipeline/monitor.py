"""Watching a trainer by its metrics, never by its log."""

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.train.errors import TrainingFailed

log = logging.getLogger(__name__)

REPORT_SECONDS = 10


@dataclass(frozen=True)
class Patience:
    """How long is waited for what.

    Args:
        stall_seconds: Longest wait for a step, the first one included.
        deadline_seconds: Longest run.
        first_state_seconds: Longest wait for the first training state in the store.
    """

    stall_seconds: float
    deadline_seconds: float
    first_state_seconds: float = math.inf


@dataclass
class Watch:
    """Reads metrics as they are written, reports progress, and says when it has waited long enough.

    Lines that stand there at the start are of the state the run goes on from: they count as done, not as speed.

    Args:
        metrics: metrics.jsonl of the trainer.
        n_steps: Steps of the whole run.
        patience: What is too long.
        n_published: Gives the training states this run has in the store so far.
    """

    metrics: Path
    n_steps: int
    patience: Patience
    n_published: Callable[[], int] = lambda: 0
    started: float = field(default_factory=time.monotonic)
    _offset: int = 0
    _moved: float = field(default_factory=time.monotonic)
    _reported: float = -math.inf
    _first: dict[str, Any] = field(default_factory=lambda: {"step": 0, "tokens_seen": 0, "seconds": 0.0})
    _last: dict[str, Any] = field(default_factory=lambda: {"step": 0})

    def __post_init__(self) -> None:
        """Take the lines that stand there as done."""
        if lines := self._new_lines():
            self._first = self._last = json.loads(lines[-1])

    def look(self) -> None:
        """Read what is new, report now and then.

        Raises:
            TrainingFailed: If a loss is no number, no step was finished for too long, no state reached the store in
                time, or the run is past its deadline.
        """
        now = time.monotonic()
        if lines := self._new_lines():
            self._last, self._moved = json.loads(lines[-1]), now
            self._refuse_nan(lines)
            if now - self._reported >= REPORT_SECONDS or self._last["step"] == self.n_steps:
                self._reported = now
                self._report()
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

    def _report(self) -> None:
        first, last = self._first, self._last
        seconds = (last["seconds"] - first["seconds"]) or 1e-9
        n_done = last["step"] - first["step"]
        log.info(
            "train: step %d of %d, loss %.4f, %.0f tokens/s, %.1f min left, %d states in the store",
            last["step"],
            self.n_steps,
            last["loss"],
            (last["tokens_seen"] - first["tokens_seen"]) / seconds,
            seconds / n_done * (self.n_steps - last["step"]) / 60,
            self.n_published(),
        )

    def _refuse_nan(self, lines: list[bytes]) -> None:
        for line in map(json.loads, lines):
            if not math.isfinite(line["loss"]):
                raise TrainingFailed(f"the loss is {line['loss']} at step {line['step']}; the trainer was ended.")

    def _refuse_late(self, now: float) -> None:
        patience, where = self.patience, f"step {self._last['step']} of {self.n_steps}"
        if now - self._moved > patience.stall_seconds:
            raise TrainingFailed(
                f"the trainer finished no step for {patience.stall_seconds / 60:.0f} minutes after {where}; it was "
                "ended. Raise stall_minutes if steps take that long."
            )
        if now - self.started > patience.first_state_seconds and not self.n_published():
            raise TrainingFailed(
                f"no training state reached the store within first_checkpoint_minutes="
                f"{patience.first_state_seconds / 60:.0f}, at {where}; the trainer was ended. The log says what kept "
                "the store from taking one; else raise it, or lower checkpoint_minutes."
            )
        if now - self.started > patience.deadline_seconds:
            raise TrainingFailed(
                f"the trainer ran past deadline_minutes={patience.deadline_seconds / 60:.0f} at {where}; it was ended. "
                "Raise deadline_minutes or lower token_budget."
            )
