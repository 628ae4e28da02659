"""What a trial found: figures and checks of each part, and whether it came to its end.

Its JSON schema is docs/reference/gpu-trial.schema.json (`python -m docs.results`).
"""

from typing import Literal

from pydantic import AwareDatetime, Field, JsonValue

from tasks.common.settings import Frozen
from tasks.schemas.artifacts import Check

Size = Literal["small", "full"]
"""`full` is that of Qwen3.5-35B-A3B and of the panel, and needs a GPU; `small` runs on a CPU."""
Status = Literal["finished", "failed", "out of time", "not started"]


def limit_of(size: Size, seconds: float) -> float:
    """A time limit: as stated at full size; ten times as long at small size, for a CPU that others use too."""
    return seconds if size == "full" else 10 * seconds


class Findings(Frozen):
    """What a part returns."""

    figures: dict[str, JsonValue]
    """By name, with the unit in the name."""
    checks: tuple[Check, ...] = ()
    """Figures held against a bound."""


class PartRecord(Frozen):
    """One part, as it ended."""

    name: str
    status: Status
    """`finished` parts are not run again on the same device, at the same size and by the same code."""
    size: Size
    device: str
    """As torch names it; `cpu` without a GPU."""
    code: str
    """sha256 of the project's code."""
    started_at: AwareDatetime
    """UTC."""
    seconds: float
    """Wall time of the part's process, its imports included."""
    limit_seconds: float
    error: str = ""
    """Why it did not finish."""
    figures: dict[str, JsonValue] = Field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it finished and nothing was out of its bound."""
        return self.status == "finished" and all(check.passed for check in self.checks)


class GpuTrial(Frozen):
    """All parts, in the order they are run in."""

    schema_version: Literal[1] = 1
    device: str
    size: Size
    seconds: float
    """Wall time of this run; parts that an earlier run finished took none of it."""
    parts: tuple[PartRecord, ...]
