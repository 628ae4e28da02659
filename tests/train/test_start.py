"""Trainings that go on from an adapter: nothing of it is lost, and one that does not fit is refused by name."""

import json
import shutil
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tasks.schemas.artifacts import Checkpoint
from tasks.store.refs import ArtifactSpec
from tasks.store.store import open_store
from tasks.train.arms import FullWeightArm
from tasks.train.config import TrainConfig
from tasks.train.errors import TrainerMissing, WrongStart
from tasks.train.objectives import ChatObjective, PreferenceObjective
from tasks.train.pipeline.start import check_start
from tasks.train.pipeline.train_arm import train_arm
from tasks.train.task import publish_train
from tests.chat_fixtures import dense_base
from tests.model_fixtures import scratch_folder
from tests.store.small_artifact import SmallConfig
from tests.train.attempts import inputs_of, tuning

WEIGHTS = "adapter_model.safetensors"
STILL = tuning(ChatObjective()).model_copy(
    update={"learning_rate": 1e-30, "embedding_learning_rate": 1e-30, "min_share_changed": 0.0}
)
"""Steps that are smaller than any gap between two numbers."""


@cache
def start() -> Checkpoint:
    """An adapter with the targets of `tuning`, whose factors are all far from zero."""
    from peft import get_peft_model

    from tasks.train.estimates.targets import peft_config

    folder = scratch_folder("start")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(dense_base().path), peft_config(STILL.arm))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, factor in model.named_parameters():
            if "lora_" in name:
                factor.normal_(0.0, 0.2, generator=generator)
    model.save_pretrained(folder / "adapter", save_embedding_layers=False)
    return Checkpoint(folder)


def changed(change: str, tmp_path: Path) -> Checkpoint:
    """The start with one fault."""
    adapter = shutil.copytree(start().path, tmp_path / "copy") / "adapter"
    tensors, config = load_file(adapter / WEIGHTS), json.loads((adapter / "adapter_config.json").read_text())
    first = min(tensors)
    if change == "missing":
        del tensors[first]
    elif change == "extra":
        tensors["base_model.model.model.layers.9.mlp.up_proj.lora_A.weight"] = torch.zeros(4, 32)
    elif change == "nan":
        tensors[first][0, 0] = float("nan")
    elif change == "shape":
        tensors[first] = torch.zeros(4, 31)
    elif change == "rank":
        config["r"] = 8
    elif change == "alpha":
        config["lora_alpha"] = 64
    else:
        config["target_modules"] = ["q_proj", "lm_head"]
    save_file(tensors, adapter / WEIGHTS, metadata={"format": "pt"})
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    return Checkpoint(tmp_path / "copy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", "the adapter to go on from lacks 1 tensors, .*layers.0.mlp.down_proj.lora_A.weight first"),
        ("extra", r"has 1 that this base has no place for, .*layers\.9\.mlp"),
        ("nan", "has NaN or infinite values; train the adapter again"),
        ("shape", r"has shape \(4, 31\), and rank 4 on this base needs \(4, 64\)"),
        ("rank", r"has rank 8, and train\.arm\.rank is 4"),
        ("alpha", r"has alpha 64, and train\.arm\.alpha is 8"),
        ("targets", "in target_modules lm_head alone, no down_proj, .*compared with train.arm.target_modules"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused_by_name(change: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(WrongStart, match=message):
        check_start(changed(change, tmp_path), STILL, dense_base())


def test_only_adapters_go_on_from_adapters_and_no_preference_training_does() -> None:
    whole = TrainConfig(arm=FullWeightArm())
    with pytest.raises(WrongStart, match="a training of the arm full-weight cannot go on from one of the arm lora"):
        check_start(start(), whole, dense_base())
    with pytest.raises(WrongStart, match=r"set objective\.kind to chat"):
        check_start(start(), tuning(PreferenceObjective()), dense_base())
    assert check_start(start(), STILL, dense_base()) == start().adapter_dir


def test_an_adapter_of_another_base_is_refused_before_a_trainer_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", "/nowhere/python")
    store = open_store()

    def published(kind: str, number: int, folder: Path, **inputs: object) -> object:
        return store.publish(ArtifactSpec(kind, "small", 1, SmallConfig(size=number), inputs), folder, {}, 1.0)

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    base, other = published("base", 1, dense_base().path), published("base", 2, tmp_path / "other")
    mix = published("mix", 1, tmp_path / "other")
    rows = published("align", 1, inputs_of("chat")[1].path, mix=mix)
    foreign, own = (published("train", number, start().path, base=of) for number, of in ((1, other), (2, base)))
    with pytest.raises(WrongStart, match=r"is an adapter of another base, base/small/.*; name the base it was trained"):
        publish_train.fn(STILL, base, rows, foreign)
    with pytest.raises(TrainerMissing):
        publish_train.fn(STILL, base, rows, own)


@pytest.mark.trainer
def test_without_a_step_the_adapter_is_the_one_before_and_the_first_loss_is_that_models(tmp_path: Path) -> None:
    base, rows = inputs_of("chat")
    work = scratch_folder("work")
    facts = train_arm(STILL, base, rows, tmp_path, work, None, start())
    before, after = (load_file(path / "adapter" / WEIGHTS) for path in (start().path, tmp_path))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert facts["loss_curve"][0][1] == pytest.approx(_first_loss(work), rel=1e-5)
    assert facts["audit"][-1]["groups"]["attention"]["n_sampled"] > 0


def _first_loss(work: Path) -> float:
    """Of the first step's rows, by a fresh load of base and adapter with PEFT."""
    from peft import PeftModel

    from tests.train.test_objectives import IGNORED, rows_of

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(dense_base().path), start().adapter_dir)
    summed, n_predicted = 0.0, 0
    for row in rows_of(work)[:4]:
        ids, labels = torch.tensor([row["input_ids"]]), torch.tensor(row["labels"])
        with torch.inference_mode():
            logits = model.eval()(ids).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[:-1], labels[1:], ignore_index=IGNORED, reduction="sum")
        summed, n_predicted = summed + float(loss), n_predicted + int((labels != IGNORED).sum())
    return summed / n_predicted
