"""Axolotl's own schema knows and accepts what it is told of either arm, and none of what it would silently take."""

from pathlib import Path

import pytest
import yaml

from tasks.train.arms import FullWeightArm
from tasks.train.config import REVISION, TrainConfig
from tasks.train.errors import PackingLeaks
from tasks.train.pipeline.axolotl_yaml import axolotl_config
from tests.train.arm_configs import CONFIGS, recipe
from tests.train.trainer.axolotl_answers import facts


@pytest.mark.trainer
@pytest.mark.parametrize("name", CONFIGS)
def test_axolotl_knows_accepts_and_leaves_every_setting(name: str) -> None:
    assert facts()["schema"][name] == {"unknown": [], "changed": []}


@pytest.mark.trainer
def test_keys_that_axolotl_takes_without_a_word_are_found() -> None:
    unknown = ["learning_rates", "reshard_after_backward", "sync_every_batch"]
    assert facts()["schema"]["misspelt"]["unknown"] == unknown


@pytest.mark.trainer
def test_axolotl_itself_refuses_one_of_the_bitsandbytes_optimizers_under_fsdp2() -> None:
    assert "FSDP2 not compatible with adamw_bnb_8bit" in facts()["schema"]["bitsandbytes"]["refused"]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_number_is_a_number_and_checkpointing_is_set_once(name: str) -> None:
    settings = yaml.safe_load(yaml.safe_dump(axolotl_config(CONFIGS[name], n_steps=3)))
    rates = ("learning_rate", "embedding_lr", "warmup_ratio", "weight_decay", "adam_epsilon", "max_grad_norm")
    assert all(isinstance(settings[key], float) for key in rates)
    asked = [settings["gradient_checkpointing"], settings.get("fsdp_config", {}).get("activation_checkpointing", False)]
    assert asked == [CONFIGS[name].activation_checkpointing, False]


def test_packed_rows_are_refused_without_the_kernels_that_keep_documents_apart() -> None:
    with pytest.raises(PackingLeaks, match="Set kernels to fused, or packing to false"):
        axolotl_config(recipe("smoke").model_copy(update={"packing": True}), n_steps=3)


def test_same_config_gives_the_same_settings_or_a_new_revision() -> None:
    arms = {
        "axolotl_defaults.yaml": axolotl_config(TrainConfig(), n_steps=3_815),
        "axolotl_full_weight.yaml": axolotl_config(
            TrainConfig(arm=FullWeightArm(), gradient_accumulation_steps=8), n_steps=477
        ),
    }
    expected = {name: yaml.safe_load((Path(__file__).parent / name).read_text()) for name in arms}
    assert (REVISION, arms) == (3, expected), (
        "axolotl would be told otherwise: raise REVISION in tasks/train/config.py and correct the expected settings"
    )
