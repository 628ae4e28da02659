"""The line by which a running training says how it goes: written into the log, read back by `hindsight metrics`."""

import re
from dataclasses import dataclass

from tasks.common.text import duration, parse_duration

_LINE = re.compile(
    r"train: step (?P<step>\d+) of (?P<n_steps>\d+), loss (?P<loss>\S+), (?P<rate>[\d.]+) tokens/s, "
    r"(?P<left>[\w. ]+) left, (?P<states>\d+) states in the store"
    r"(?:, (?P<memory>[\d.]+) GB at most)?(?:, MFU (?P<mfu>[\d.]+) %)?"
)


@dataclass(frozen=True)
class StepLine:
    """A line after a step.

    Args:
        step: Optimizer steps that are done.
        n_steps: Of the whole run.
        loss: Of the step.
        tokens_per_second: Over all GPUs, since this attempt began.
        seconds_left: At that rate.
        n_states: Training states that this run has in the store.
        peak_memory_bytes: Of the rank that uses most; None if unknown.
        mfu: Share of the GPUs' peak that training's own arithmetic uses; None on a machine whose peak is not known.
    """

    step: int
    n_steps: int
    loss: float
    tokens_per_second: float
    seconds_left: float
    n_states: int
    peak_memory_bytes: float | None = None
    mfu: float | None = None

    def __str__(self) -> str:
        memory = "" if self.peak_memory_bytes is None else f", {self.peak_memory_bytes / 1e9:.2f} GB at most"
        mfu = "" if self.mfu is None else f", MFU {100 * self.mfu:.1f} %"
        return (
            f"train: step {self.step} of {self.n_steps}, loss {self.loss:.4f}, {self.tokens_per_second:.0f} tokens/s, "
            f"{duration(self.seconds_left)} left, {self.n_states} states in the store{memory}{mfu}"
        )

    @classmethod
    def parse(cls, line: str) -> "StepLine | None":
        """Read a line back, to its precision; None of another line."""
        if not (found := _LINE.fullmatch(line)) or (left := parse_duration(found["left"])) is None:
            return None
        return cls(
            step=int(found["step"]),
            n_steps=int(found["n_steps"]),
            loss=float(found["loss"]),
            tokens_per_second=float(found["rate"]),
            seconds_left=left,
            n_states=int(found["states"]),
            peak_memory_bytes=float(found["memory"]) * 1e9 if found["memory"] else None,
            mfu=float(found["mfu"]) / 100 if found["mfu"] else None,
        )
