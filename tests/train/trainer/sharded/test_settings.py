"""The sharded trainer goes by the YAML that axolotl would read, and by nothing it does not know."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn
from transformers import get_scheduler

from tasks.train.errors import StateRefused
from tasks.train.pipeline.axolotl_yaml import axolotl_config
from tasks.train.trainer import work_files as workplace
from tasks.train.trainer.sharded.errors import SettingsRefused
from tasks.train.trainer.sharded.keys import Keys
from tasks.train.trainer.sharded.model import weights_dtype
from tasks.train.trainer.sharded.optimizer import build_optimizer, build_scheduler, n_warmup_steps
from tasks.train.trainer.sharded.run import refuse_another_runs
from tasks.train.trainer.state_files import StateInfo as Told
from tests.train.trainer.sharded.workplaces import SMALL


def written(folder: Path, **changes: Any) -> Path:
    document = axolotl_config(SMALL, n_steps=40) | changes
    kept = {key: value for key, value in document.items() if value is not None}
    (folder / workplace.YAML).write_text(yaml.safe_dump(kept, sort_keys=False))
    return folder


def test_what_the_pipeline_writes_for_axolotl_is_read_as_it_is_meant(tmp_path: Path) -> None:
    keys = Keys.read(written(tmp_path))
    assert (keys.max_steps, keys.micro_batch_size, keys.gradient_accumulation_steps) == (40, 2, 2)
    assert (keys.learning_rate, keys.embedding_lr, keys.warmup_ratio) == (1e-3, 1e-4, 0)
    assert (keys.layer_class, keys.reshard_after_forward, keys.sync_each_batch) == (
        "Qwen3_5MoeDecoderLayer",
        True,
        True,
    )


def test_activation_checkpointing_is_known(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"activation_checkpointing": True})
    (tmp_path / workplace.YAML).write_text(yaml.safe_dump(axolotl_config(config, n_steps=40)))
    assert Keys.read(tmp_path).gradient_checkpointing


@pytest.mark.parametrize("name", ["learning_rate", "max_grad_norm", "seed", "sample_packing"])
def test_a_missing_key_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsRefused, match=f"axolotl.yaml has no {name}, which the sharded trainer goes by"):
        Keys.read(written(tmp_path, **{name: None}))


def test_a_missing_key_inside_another_is_named_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"no accelerator_config\.gradient_accumulation_kwargs\.sync_each_batch"):
        Keys.read(written(tmp_path, accelerator_config={"gradient_accumulation_kwargs": {}}))


def test_an_unknown_key_is_not_left_out_in_silence(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsRefused, match=r"axolotl\.yaml has neftune_noise_alpha, which the sharded trainer does not"
    ):
        Keys.read(written(tmp_path, neftune_noise_alpha=5))


def test_what_wants_a_gpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="has sample_packing: True; without a GPU it is False"):
        Keys.read(written(tmp_path, sample_packing=True))


def test_weights_are_kept_in_fp32_unless_bf16_is_asked_for_without_masters() -> None:
    assert weights_dtype(bf16=True, masters="fp32") == weights_dtype(bf16=False, masters="none") == torch.float32
    assert weights_dtype(bf16=True, masters="none") == torch.bfloat16
    assert weights_dtype(bf16=True, masters="stochastic_rounding") == torch.bfloat16
    with pytest.raises(SettingsRefused, match="rounds to bf16, but precision is fp32; set masters to fp32"):
        weights_dtype(bf16=False, masters="stochastic_rounding")


def toy() -> nn.Module:
    return nn.ModuleDict(
        {"embed_tokens": nn.Linear(2, 2, bias=False), "mixer": nn.Linear(2, 2), "lm_head": nn.Linear(2, 2)}
    )


def test_embedding_and_head_have_a_learning_rate_of_their_own(tmp_path: Path) -> None:
    optimizer = build_optimizer(toy(), Keys.read(written(tmp_path)), "fp32")
    assert [(group["lr"], len(group["params"])) for group in optimizer.param_groups] == [(1e-3, 2), (1e-4, 3)]
    assert all(
        (group["weight_decay"], group["betas"], group["eps"]) == (0, (0.9, 0.999), 1e-8)
        for group in optimizer.param_groups
    )


def test_eight_bit_moments_are_refused(tmp_path: Path) -> None:
    keys = replace(Keys.read(written(tmp_path)), optimizer="adamw_bnb_8bit")
    with pytest.raises(SettingsRefused, match="adamw_bnb_8bit cannot step weights that are split over ranks"):
        build_optimizer(toy(), keys, "fp32")


@pytest.mark.parametrize("course", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("n_done", [1, 7, 39])
def test_a_schedule_goes_on_where_transformers_own_would_be(tmp_path: Path, course: str, n_done: int) -> None:
    keys = replace(Keys.read(written(tmp_path)), lr_scheduler=course, warmup_ratio=0.1)
    walked_by, resumed_by = (build_optimizer(toy(), keys, "fp32") for _ in range(2))
    walked = get_scheduler(course, walked_by, num_warmup_steps=4, num_training_steps=40)
    for _ in range(n_done):
        walked_by.step()
        walked.step()
    resumed = build_scheduler(resumed_by, keys, n_done)
    assert resumed.get_last_lr() == walked.get_last_lr()
    resumed_by.step()
    resumed.step()
    walked.step()
    assert resumed.get_last_lr() == walked.get_last_lr()


@pytest.mark.parametrize(
    ("ratio", "n_steps", "n_warmup"), [(0.03, 3_815, 114), (0.03, 40, 2), (0.03, 30, 0), (0.1, 40, 4)]
)
def test_warm_up_steps_are_counted_as_axolotl_counts_them(ratio: float, n_steps: int, n_warmup: int) -> None:
    assert n_warmup_steps(ratio, n_steps) == n_warmup


def test_a_state_of_another_run_is_refused() -> None:
    told = Told(step=3, tokens_seen=99, n_steps=6, world_size=2, dataset="a" * 64)
    refuse_another_runs(told, 6, 2, "a" * 64)
    with pytest.raises(
        StateRefused, match=r"the state of step 3 is of 6 steps on 2 ranks .* this run of 6 steps on 4 over"
    ):
        refuse_another_runs(told, 6, 4, "a" * 64)
    with pytest.raises(StateRefused, match="this run of 7 steps"):
        refuse_another_runs(told, 7, 2, "a" * 64)
    with pytest.raises(StateRefused, match="over bbbbbbbbbbbb"):
        refuse_another_runs(told, 6, 2, "b" * 64)
