"""bf16 weights at a small learning rate stay where they are, and the run says so early; fp32 master weights move."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.train.trainer import work_files
from tests.train.trainer.sharded.runs import SMALL, lay_out, lines_of, run, uninterrupted

pytestmark = pytest.mark.trainer

IN_BF16 = SMALL.model_copy(
    update={
        "precision": "bf16",
        "learning_rate": 2e-5,
        "token_budget": 1_000,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
    }
)
WITHOUT_MASTER_WEIGHTS = IN_BF16.model_copy(update={"arm": SMALL.arm.model_copy(update={"master_weights": "none"})})


def last_audit(folder: Path) -> dict[str, Any]:
    audit: dict[str, Any] = json.loads((folder / work_files.AUDIT).read_text())[-1]
    return audit


def test_bf16_weights_without_master_weights_end_the_run_early_with_the_reason() -> None:
    folder = lay_out(WITHOUT_MASTER_WEIGHTS)
    assert run(folder, WITHOUT_MASTER_WEIGHTS) != 0
    failure = json.loads((folder / work_files.FAILURE).read_text())
    assert failure["error"] == "WeightsDoNotMove"
    assert "after 2 steps at a learning rate of up to 2e-05" in failure["words"]
    assert "kept in bfloat16; min_share_changed=0.5" in failure["words"]
    assert last_audit(folder)["step"] == len(lines_of(folder)) == 2
    assert not (folder / work_files.OUTPUT / work_files.SHARDED).exists()


@pytest.mark.slow
def test_the_same_run_with_fp32_master_weights_goes_on() -> None:
    folder = uninterrupted(IN_BF16)
    audit = last_audit(folder)
    assert audit["step"] == len(lines_of(folder)) > 2
    assert all(
        group["changed"] > 0.9 * group["n_sampled"] for group in map(audit["groups"].get, ("attention", "router"))
    )
