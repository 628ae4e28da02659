"""Monitoring a trainer by the metrics it writes, not by its log."""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.train.errors import TrainingFailed
from tasks.train.step_line import StepLine

log = logging.getLogger(__name__)

REPORT_SECONDS = 10


@dataclass(frozen=True)
class TimeLimits:
    """Longest waits.

    Args:
        stall_seconds: For a step, the first one included.
        deadline_seconds: For the run.
        first_state_seconds: For the first training state in the store.
    """

    stall_seconds: float
    deadline_seconds: float
    first_state_seconds: float = math.inf


@dataclass
class Monitor:
    """Reads metrics as they are written, logs progress, and raises when a time limit has passed.

    Lines that exist at the start belong to the state the run resumes from: they count as done, not as speed.

    Args:
        metrics: metrics.jsonl of the trainer.
        n_steps: Steps of the whole run.
        limits: Longest waits.
        n_published: Gives the training states this run has in the store so far.
        check: Raises if a line of metrics cannot be true.
        mfu: From tokens per second to the share of the GPUs' peak; None if that is not known.
    """

    metrics: Path
    n_steps: int
    limits: TimeLimits
    n_published: Callable[[], int] = lambda: 0
    check: Callable[[Mapping[str, Any]], None] = lambda line: None
    mfu: Callable[[float], float | None] = lambda tokens_per_second: None
    started: float = field(default_factory=time.monotonic)
    _offset: int = 0
    _last_step_at: float = field(default_factory=time.monotonic)
    _reported_at: float = -math.inf
    _first: dict[str, Any] = field(default_factory=lambda: {"step": 0, "tokens_seen": 0, "seconds": 0.0})
    _last: dict[str, Any] = field(default_factory=lambda: {"step": 0})

    def __post_init__(self) -> None:
        """Count the lines that exist as done."""
        if lines := self._new_lines():
            self._first = self._last = json.loads(lines[-1])

    def poll(self) -> None:
        """Read new lines, and log progress now and then.

        Raises:
            TrainingFailed: If a loss is NaN or infinite, no step was finished for too long, no state reached the store
                in time, or the run is past its deadline.
            TokensMissed: If a step's tokens are not those of its rows.
        """
        now = time.monotonic()
        if lines := self._new_lines():
            self._last, self._last_step_at = json.loads(lines[-1]), now
            self._check_lines(lines)
            if now - self._reported_at >= REPORT_SECONDS or self._last["step"] == self.n_steps:
                self._reported_at = now
                self._report()
        self._check_limits(now)

    def _new_lines(self) -> list[bytes]:
        """Complete lines since the last poll; a line still being written is left for the next."""
        if not self.metrics.exists():
            return []
        with self.metrics.open("rb") as file:
            file.seek(self._offset)
            complete = file.read().rpartition(b"\n")[0]
        self._offset += len(complete) + 1 if complete else 0
        return complete.splitlines()

    def _report(self) -> None:
        first, last = self._first, self._last
        seconds = (last["seconds"] - first["seconds"]) or 1e-9
        n_done = last["step"] - first["step"]
        tokens_per_second = (last["tokens_seen"] - first["tokens_seen"]) / seconds
        line = StepLine(
            step=last["step"],
            n_steps=self.n_steps,
            loss=last["loss"],
            tokens_per_second=tokens_per_second,
            seconds_left=seconds / n_done * (self.n_steps - last["step"]),
            n_states=self.n_published(),
            peak_memory_bytes=last.get("peak_memory_bytes"),
            mfu=self.mfu(tokens_per_second),
        )
        log.info("%s", line)

    def _check_lines(self, lines: list[bytes]) -> None:
        for line in map(json.loads, lines):
            if not math.isfinite(line["loss"]):
                raise TrainingFailed(
                    f"the loss is {line['loss']} at step {line['step']}, which must be finite; the trainer was ended. "
                    "Lower train.learning_rate, or look for damaged documents in the corpus."
                )
            self.check(line)

    def _check_limits(self, now: float) -> None:
        limits, where = self.limits, f"step {self._last['step']} of {self.n_steps}"
        if now - self._last_step_at > limits.stall_seconds:
            raise TrainingFailed(
                f"the trainer finished no step for {limits.stall_seconds / 60:.0f} minutes after {where}; it was "
                "ended. Raise stall_minutes if steps take that long."
            )
        if now - self.started > limits.first_state_seconds and not self.n_published():
            raise TrainingFailed(
                f"no training state reached the store within first_checkpoint_minutes="
                f"{limits.first_state_seconds / 60:.0f}, at {where}; the trainer was ended. The log has the errors of "
                "the uploads, if there were any; otherwise raise it, or lower checkpoint_minutes."
            )
        if now - self.started > limits.deadline_seconds:
            raise TrainingFailed(
                f"the trainer ran past deadline_minutes={limits.deadline_seconds / 60:.0f} at {where}; it was ended. "
                "Raise deadline_minutes, or lower token_budget or objective.epochs."
            )
