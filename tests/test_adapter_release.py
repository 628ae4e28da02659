"""The recipe of a release: its defaults are the reference's, and what contradicts itself is refused at once."""

from itertools import product

import pytest
from jinja2 import Environment
from pydantic import ValidationError

from flows.pipelines.adapter_release import adapter_release_pipeline
from flows.pipelines.registry import load
from tasks.adapter_release import AdapterRelease
from tasks.common.settings import project_root
from tasks.export.modelfile import DEEPSEEK_R1
from tasks.train.config import TrainConfig
from tasks.train.pipeline.rules import check_rules


def test_the_defaults_are_the_reference_s() -> None:
    release = AdapterRelease(name="reference")
    sft, dpo = release.training("sft"), release.training("dpo")
    assert [(own.arm.rank, own.arm.alpha, len(own.arm.target_modules)) for own in (sft, dpo)] == [(64, 128, 7)] * 2
    assert (sft.learning_rate, sft.objective.epochs, sft.rows_per_step, sft.arm.dropout) == (2e-5, 3, 16, 0.05)
    assert (dpo.learning_rate, dpo.objective.epochs, dpo.objective.beta, dpo.rows_per_step) == (2e-6, 2, 0.1, 16)


def test_a_training_is_the_same_artifact_whichever_class_its_config_came_from() -> None:
    training = AdapterRelease(name="reference").training("sft")
    assert type(training) is TrainConfig
    assert TrainConfig.model_validate(training.model_dump(mode="json")).identity() == training.identity()


@pytest.mark.parametrize("name", ["forex-smoke", "forex-r1-7b", "forex-r1-7b-8gpu"])
def test_a_recipe_survives_the_form_and_names_the_same_artifacts(name: str) -> None:
    release = load(project_root() / "configs" / f"{name}.yaml")
    again = AdapterRelease.model_validate(release.model_dump(mode="json"))
    assert [step.config.identity() for step in adapter_release_pipeline(again).steps] == [
        step.config.identity() for step in adapter_release_pipeline(release).steps
    ]


def test_the_second_training_starts_from_the_folded_first_one() -> None:
    steps = {step.name: step for step in adapter_release_pipeline(AdapterRelease(name="reference")).steps}
    assert steps["train dpo"].inputs == {"base": "merge sft", "corpus": "preference rows"}
    assert steps["merge dpo"].inputs == {"base": "merge sft", "train": "train dpo"}
    assert steps["export"].inputs == {"model": "merge dpo"}


def test_the_model_is_trained_asked_and_exported_with_one_template_and_one_system_message() -> None:
    release = AdapterRelease(name="x", chat_template="{{ messages }}", mix={"system": "You trade."})
    steps = {step.name: step.config for step in adapter_release_pipeline(release).steps}
    asked = ("chat rows", "preference rows", "forecast base", "forecast final", "export")
    assert {steps[name].chat_template for name in asked} == {"{{ messages }}"}
    assert steps["export"].system == steps["mix"].system == "You trade."


def test_the_recipe_of_r1_has_its_template_without_thinking() -> None:
    release = load(project_root() / "configs" / "forex-r1-7b.yaml")
    messages = [{"role": role, "content": f"{role}!"} for role in ("system", "user", "assistant", "user")]
    rendered = [
        Environment(autoescape=True).from_string(text).render(messages=messages, add_generation_prompt=True)
        for text in (release.chat_template, DEEPSEEK_R1)
    ]
    assert rendered[0] == rendered[1]


def test_eight_gpus_train_the_same_rows_in_the_same_steps() -> None:
    one, eight = (load(project_root() / "configs" / f"{name}.yaml") for name in ("forex-r1-7b", "forex-r1-7b-8gpu"))
    assert (one.route.train, eight.route.train) == ("h100", "h100x8")
    for name, pool in product(("sft", "dpo"), ("h100", "h100x8")):
        release = one if pool == "h100" else eight
        training = release.training(name)
        assert training.rows_per_step == 16
        assert [rule.sentence for rule in check_rules(training, pool, {}) if not rule.passed] == []
    batches = ("micro_batch_size", "gradient_accumulation_steps")
    for training in ("sft", "dpo"):
        own, other = (getattr(release, training).model_dump(exclude={*batches}) for release in (one, eight))
        assert own | {"arm": own["arm"] | {"n_ranks": 8}} == other
    ours, theirs = (release.model_dump(exclude={"name", "sft", "dpo", "export", "route"}) for release in (one, eight))
    assert ours == theirs


def test_no_training_is_paid_for_before_the_base_was_asked() -> None:
    steps = {step.name: step for step in adapter_release_pipeline(AdapterRelease(name="reference")).steps}
    assert "forecast base" in steps["train sft"].after


def test_mix_and_evaluate_hold_out_the_same_days() -> None:
    release = AdapterRelease(name="reference", holdout={"holdout_share": 0.25, "embargo_days": 7})
    steps = {step.name: step.config for step in adapter_release_pipeline(release).steps}
    assert [(own.holdout_share, own.embargo_days) for own in (steps["mix"], steps["evaluate"])] == [(0.25, 7)] * 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mix": {"holdout_share": 0.3}}, "mix.holdout_share is set; mix and evaluate take it from holdout"),
        ({"evaluate": {"embargo_days": 3}}, "evaluate.embargo_days is set"),
        ({"holdout": {"holdout_from": "2020-01-01", "train_until": "2020-02-01"}}, "starts before the training ends"),
        ({"panel": {"source": {"kind": "sp500"}}}, "panel.source.kind is 'sp500', which has no currency pairs"),
        ({"align": {"objective": "preference"}}, "align.objective is set; a release tokenizes for both trainings"),
        ({"align": {"sequence_length": 4096}}, r"align.sequence_length=4096 is more than sft.sequence_length=2048"),
        ({"align": {"chat_template": "{{ x }}"}}, "align.chat_template is set; the model is asked as it was trained"),
        ({"evaluate": {"models": ["majority"]}}, "evaluate.models leaves planted out"),
        ({"evaluate": {"language_models": ["final"]}}, "a release forecasts with base, sft, final, in this order"),
        ({"mix": {"max_gap_days": 200}}, "mix.max_gap_days=200 and evaluate.max_gap_days=45"),
        ({"forecast": {"max_tokens": 64}}, "forecast.max_tokens=64 is less than align.sequence_length=2048"),
        ({"dpo": {"arm": {"dropout": 0.1}}}, "less than or equal to 0"),
        ({"sft": {"token_budget": 5_000}}, "token_budget=5000 counts for objective text only"),
    ],
)
def test_what_contradicts_itself_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AdapterRelease.model_validate({"name": "bad", **fields})
