"""Recipes checked at full size from a config alone: no weights, no corpus, no GPU."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from transformers import BertConfig, PretrainedConfig, T5Config

from tasks.base.config import TinySource
from tasks.base.tiny import tiny_config
from tasks.common.settings import project_root
from tasks.embed.chrono_gpt import ChronoGPTConfig
from tasks.preflight.checks import check_recipe, limit_checks
from tasks.preflight.checks.money import money_checks
from tasks.preflight.forecast import forecast, total
from tasks.preflight.planned_run import PlannedRun
from tasks.preflight.write import PreflightFailed, raise_failed, table
from tasks.recipe import Recipe, load_recipe
from tasks.schemas.artifacts import Check
from tasks.train.errors import UntrainableBase
from tasks.train.pipeline.launch import trainer_python
from tests.architectures import qwen_35b

N_PANEL_ROWS = 30_000


def recipe(name: str, train: dict[str, Any] | None = None, **changed: Any) -> Recipe:
    fields = load_recipe(project_root() / "configs" / f"{name}.yaml").model_dump(mode="json")
    return Recipe.model_validate(fields | changed | {"train": fields["train"] | (train or {})})


def checked(name: str, train: dict[str, Any] | None = None, **changed: Any) -> dict[str, Check]:
    return {check.name: check for check in check_recipe(recipe(name, train, **changed), qwen_35b(), N_PANEL_ROWS)}


def failed(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if not check.passed]


FULL, LORA = "fineweb-2017-26-full-weight", "fineweb-2017-26-lora"


def test_the_full_weight_recipe_passes_at_full_size() -> None:
    checks = checked(FULL)
    assert failed(checks) == []
    assert checks["memory per GPU"].value.startswith(
        "57.2 GiB (weights, gradients and moments 48.4, gathered layers 4.7"
    )
    assert checks["training state"].value.startswith("346.6 GB each, 10 bytes a parameter; 28.9 min to write")
    assert checks["weights"].value.startswith("34,660,610,688 trainable, 2,946,429,568 of them multiply a token")
    assert checks["forecast train"].value.startswith("0.706 to 1.26 h, $13.5 to 24 on h100x8")


def test_a_step_is_predicted_by_what_binds_it_and_marked_as_not_measured() -> None:
    four, eight = checked(FULL)["step time"], checked(FULL, {"micro_batch_size": 8})["step time"]
    assert (four.passed, four.bound) == (True, "for information")
    assert four.value.startswith(
        "0.57 to 1.20 s a step predicted, not measured (arithmetic 0.49, exchange between GPUs"
    )
    assert "exchange between GPUs binds, 65,536 tokens; a larger train.micro_batch_size moves as much" in four.value
    assert eight.value.endswith("arithmetic binds, 131,072 tokens")
    assert checked(LORA)["step time"].value.endswith("arithmetic binds, 65,536 tokens")
    assert "step time" not in checked("smoke")


def test_coverage_of_the_lora_recipe_is_that_of_the_reference() -> None:
    checks = checked(LORA)
    assert checks["LoRA targets"].value.startswith("949,927,936 of 34,660,610,688 trainable")
    assert checks["LoRA target mlp.experts.down_proj"].value == "419,430,400 trainable"
    assert checks["forecast train"].value.startswith("23.4 h, $55.9 on h100")


def test_the_lora_recipe_passes_and_would_not_with_whole_moments() -> None:
    assert failed(checked(LORA)) == []
    assert failed(checked(LORA, {"optimizer": "adamw_torch_fused"})) == ["memory per GPU"]


@pytest.mark.parametrize(
    ("name", "train", "route", "refused"),
    [
        (LORA, {"token_budget": 1_000_000_000, "arm": {"kind": "lora", "rank": 4}}, "h100", ["training deadline"]),
        (LORA, {"arm": {"kind": "lora", "rank": 4}}, "h100x8", ["GPUs"]),
        (LORA, {"arm": {"kind": "lora", "rank": 64}}, "h100", ["memory per GPU"]),
        (LORA, {"arm": {"kind": "lora", "rank": 4, "target_modules": ["c_attn"]}}, "h100", ["LoRA targets"]),
        (FULL, {"token_budget": 1_000_000_000}, "h100x8", []),
        (FULL, {}, "h100", ["GPUs"]),
        (FULL, {"micro_batch_size": 64}, "h100x8", ["memory per GPU"]),
        (FULL, {"checkpoint_minutes": 110}, "h100x8", ["training state"]),
        (
            FULL,
            {"gradient_accumulation_steps": 8, "arm": {"kind": "full-weight", "sync_each_batch": False}},
            "h100x8",
            ["gradient accumulation", "memory per GPU"],
        ),
        (FULL, {"arm": {"kind": "full-weight", "master_weights": "none"}}, "h100x8", ["master weights"]),
    ],
)
def test_each_fault_fails_its_own_check(name: str, train: dict[str, Any], route: str, refused: list[str]) -> None:
    assert failed(checked(name, train, route={"train": route})) == refused


@pytest.mark.parametrize(("within", "refused"), [(65.0, ["training state"]), (65.1, [])])
def test_the_first_state_has_time_for_loading_writing_uploading_and_reading_back(
    within: float, refused: list[str]
) -> None:
    # 6.2 min of loading, 30 until it starts, 5.8 to write 346.6 GB, 11.6 to upload them, 11.6 to read them back.
    assert failed(checked(FULL, {"first_checkpoint_minutes": within})) == refused


def test_short_rows_may_exceed_the_deadline_that_full_rows_meet() -> None:
    lora = recipe(LORA)
    short = [
        check
        for check in check_recipe(lora, qwen_35b(), N_PANEL_ROWS, n_rows=100_000)
        if check.name == "training deadline"
    ]
    assert [(check.passed, check.value) for check in short] == [(False, "23.4 to 76.6 h forecast")]
    assert checked(LORA)["training deadline"].passed


def test_hours_and_dollars_add_up_and_a_placebo_doubles_the_training() -> None:
    plain = forecast(PlannedRun.of(recipe(FULL), qwen_35b(), N_PANEL_ROWS))
    assert [stage.step for stage in plain] == ["embed base", "train", "merge", "embed trained"]
    everything = total(plain)
    assert everything.hours is not None
    assert everything.hours.high == pytest.approx(sum(stage.hours.high for stage in plain if stage.hours))
    assert everything.dollars is not None
    assert everything.dollars.high == pytest.approx(sum(stage.dollars.high for stage in plain if stage.dollars))
    with_placebo = forecast(PlannedRun.of(recipe(FULL, placebo=True), qwen_35b(), N_PANEL_ROWS))
    assert [stage.step for stage in with_placebo][4:] == ["train placebo", "merge placebo", "embed placebo"]


def test_a_broken_rule_is_refused_with_its_fact() -> None:
    lora = {"kind": "lora", "rank": 4, "dropout": 0.1}
    checks = check_recipe(recipe(LORA, {"arm": lora}), tiny_config(TinySource()), N_PANEL_ROWS)
    message = r"adapter dropout: arm\.dropout=0\.1, .* PEFT 0\.20 raises, .* Set arm\.dropout to 0"
    with pytest.raises(PreflightFailed, match=message):
        raise_failed(checks)


def test_a_machine_that_is_too_small_for_the_model_is_refused() -> None:
    checks = checked("smoke", {"sequence_length": 4096, "micro_batch_size": 1024})
    assert failed(checks) == ["memory of this machine"]
    assert "GiB predicted: 1 x " in checks["memory of this machine"].value


def test_plain_kernels_rent_nothing_and_are_not_forecast() -> None:
    assert forecast(PlannedRun.of(recipe("smoke"), tiny_config(TinySource()), N_PANEL_ROWS)) == []


def test_a_price_list_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = recipe(FULL)
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", str(trainer_python()))
    monkeypatch.setenv("HINDSIGHT_ROOT", str(tmp_path))
    (refused,) = [check for check in check_recipe(asked, qwen_35b(), N_PANEL_ROWS) if not check.passed]
    assert refused.name == "prices"
    assert "prices.yaml cannot be read: No such file" in refused.value


def test_the_forecast_is_a_fact_by_stage() -> None:
    stages = forecast(PlannedRun.of(recipe(FULL), qwen_35b(), N_PANEL_ROWS))
    facts = {stage.step: stage.facts() for stage in stages}["train"]
    assert facts == {
        "pool": "h100x8",
        "hours": [pytest.approx(0.706, abs=5e-4), pytest.approx(1.257, abs=5e-4)],
        "dollars": [pytest.approx(13.5, abs=0.05), pytest.approx(24.0, abs=0.05)],
    }


def test_without_a_price_hours_stay_and_dollars_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_PROVIDER", "unpriced")
    stages = forecast(PlannedRun.of(recipe(FULL), qwen_35b(), N_PANEL_ROWS))
    assert total(stages).hours is not None
    assert total(stages).dollars is None
    assert "no price" in str(stages[0])


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        # 2.825 h of embedding at $2.39 and 1.257 h of the node at $19.12; then the merge, $1.50, and embedding again.
        (30.0, "the run will ask before train, unless its artifact exists: that brings the cost up to $30.79"),
        (100.0, "all stages stay below the limit, by $60.96 at the slowest rates"),
    ],
)
def test_the_limit_line_names_the_stage_before_which_the_run_asks_and_never_fails(limit: float, text: str) -> None:
    asked = recipe(FULL, limits={"max_dollars": limit})
    (line,) = limit_checks(PlannedRun.of(asked, qwen_35b(), N_PANEL_ROWS))
    assert (line.passed, line.value) == (True, f"limits.max_dollars is ${limit:.2f}; {text}")
    assert list(limit_checks(PlannedRun.of(recipe(FULL), qwen_35b(), N_PANEL_ROWS))) == []


def test_the_table_has_a_line_per_check_with_names_in_a_column() -> None:
    checks = list(checked(FULL, {"micro_batch_size": 64}).values())
    lines = list(table(checks))
    assert len(lines) == len(checks)
    assert [line.startswith("FAIL") for line in lines] == [not check.passed for check in checks]
    starts = {line.index(check.value) for line, check in zip(lines, checks, strict=True)}
    assert len(starts) == 1


@pytest.mark.parametrize("architecture", [BertConfig(), T5Config()], ids=lambda own: own.model_type)
def test_a_base_that_is_no_causal_language_model_is_refused_from_its_config(architecture: PretrainedConfig) -> None:
    with pytest.raises(UntrainableBase, match=rf"the base is a {architecture.model_type}, which is no causal language"):
        check_recipe(recipe("smoke"), architecture, N_PANEL_ROWS)


def test_a_base_whose_classes_are_the_projects_own_is_refused() -> None:
    with pytest.raises(UntrainableBase, match=r"chrono.* that the trainer's transformers has no classes for"):
        check_recipe(recipe("smoke"), ChronoGPTConfig(), N_PANEL_ROWS)


def test_a_base_with_code_of_its_own_is_refused_when_the_recipe_is_read() -> None:
    revision = "0" * 40
    source = {"kind": "hub", "repo": "a/b", "revision": revision, "allow_code": f"a/b@{revision}"}
    with pytest.raises(ValidationError, match=r"a repository's code runs in an audit's embed stage only"):
        recipe("smoke", base={"source": source})


@pytest.mark.parametrize(("lease_hours", "passed"), [(2.8, False), (2.9, True)])
def test_a_stage_that_may_outlast_its_rented_machine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lease_hours: float, passed: bool
) -> None:
    file = tmp_path / "rent.yaml"
    fields = f"{{pool: h100, provider: local, offer: a, max_dollars_per_hour: 1, lease_hours: {lease_hours}}}"
    file.write_text(f"pools: [{fields}]")

    def leases() -> dict[str, Check]:
        found = money_checks(PlannedRun.of(recipe(FULL), qwen_35b(), N_PANEL_ROWS))
        return {check.name: check for check in found if check.name.startswith("lease for")}

    assert leases() == {}
    monkeypatch.setenv("HINDSIGHT_RENT", str(file))
    # 2.825 h at the slowest rate; the node that trains is not rented.
    check = leases()["lease for embed base"]
    assert (check.passed, check.bound) == (passed, f"lease_hours of pool h100, {lease_hours:g} h")
    assert "lease for train" not in leases()
