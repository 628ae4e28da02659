"""The trainer's settings that axolotl's YAML has no key for, as `settings.json`.

Both environments import this file, so it imports the standard library only.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

from tasks.train.trainer import work_files

ArmKind = Literal["lora", "full-weight"]
ObjectiveKind = Literal["text", "chat", "preference"]
MasterWeights = Literal["fp32", "stochastic_rounding", "none"]
"""See FullWeightArm."""


@dataclass(frozen=True)
class Settings:
    """One run's settings that axolotl has no key for.

    Args:
        objective: What is predicted: `text`, `chat` or `preference`.
        arm: `lora` or `full-weight`.
        master_weights: As in FullWeightArm; `none` for adapters.
        n_steps: Optimizer steps of the whole run, resumed or not.
        n_filler_rows: Rows at the end without labels, which fill the last step of several ranks.
        n_filler_tokens: Tokens of those rows; they are not counted as seen.
        checkpoint_seconds: Time between two training states.
        audit_after_steps: Steps after which the share of weights changed is measured.
        min_share_changed: Smallest share allowed.
    """

    objective: ObjectiveKind
    arm: ArmKind
    master_weights: MasterWeights
    n_steps: int
    n_filler_rows: int
    n_filler_tokens: int
    checkpoint_seconds: float
    audit_after_steps: int
    min_share_changed: float

    def write(self, folder: Path) -> None:
        """Write `settings.json`."""
        (folder / work_files.SETTINGS).write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path = Path()) -> Self:
        """Read `settings.json`."""
        return cls(**json.loads((folder / work_files.SETTINGS).read_text()))
