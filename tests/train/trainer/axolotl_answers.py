"""Axolotl's answers, asked once for all tests: its imports take most of the time."""

import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tasks.train.arms import FullWeightArm
from tasks.train.config import TrainConfig
from tasks.train.pipeline.axolotl_yaml import axolotl_config
from tasks.train.pipeline.launch import trainer_environment, trainer_python
from tasks.train.pipeline.rows import write_rows
from tests.train.arm_configs import CONFIGS, misspelt
from tests.waiting import GENEROUS_SECONDS


@cache
def facts() -> dict[str, Any]:
    """What `tests.train.trainer.axolotl_facts` finds, by question."""
    with TemporaryDirectory() as folder:
        questions: dict[str, Any] = {
            "in_job_merges": axolotl_config(TrainConfig(arm=FullWeightArm()), n_steps=3),
            "gradients_synced": axolotl_config(TrainConfig(arm=FullWeightArm()), n_steps=3),
            "packed_batches": str(_packed_rows(Path(folder) / "rows.arrow")),
        }
        settings = {name: axolotl_config(config, n_steps=3) for name, config in CONFIGS.items()}
        bitsandbytes = axolotl_config(TrainConfig(arm=FullWeightArm(), optimizer="adamw_bnb_8bit"), n_steps=3)
        questions["schema"] = settings | {"misspelt": misspelt(), "bitsandbytes": bitsandbytes}
        others = ("losses", "checkpointed_passes", "kept_master_weights", "rounded_steps", "eight_bit_moments")
        done = subprocess.run(
            [trainer_python(), "-m", "tests.train.trainer.axolotl_facts"],
            input=json.dumps(questions | dict.fromkeys(others)),
            env=trainer_environment(on_cpu=True),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=GENEROUS_SECONDS,
        )
    assert "ANSWERS" in done.stdout, done.stderr[-2_000:]
    told: dict[str, Any] = json.loads(done.stdout.split("ANSWERS")[-1])
    return told


def _packed_rows(path: Path) -> Path:
    """Five rows of sixteen tokens from three documents, filled up with five."""
    # The budget is below what the form allows.
    config = TrainConfig(packing=True, sequence_length=16).model_copy(update={"token_budget": 75})
    ids = np.arange(1, 60, dtype=np.uint32)
    write_rows([ids[:20], ids[:23], ids[:40]], config, path)
    return path
