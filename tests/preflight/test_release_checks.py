"""Preflight of a release: what its base, its examples and its recipe show before a training is paid for."""

import json
import shutil
from pathlib import Path

import pytest

from tasks.adapter_release import AdapterRelease
from tasks.preflight.release import ReleaseInputs, changeable_checks, release_checks
from tasks.schemas.artifacts import Check, ModelFolder
from tasks.schemas.examples import TokenizedExamples
from tasks.store.store import open_store
from tests.gguf.small_chat_models import chat_model, needs_export

pytestmark = needs_export()
ON_A_CPU = {"precision": "fp32", "kernels": "plain"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small Llama, which the converter knows."""
    return chat_model(tmp_path_factory.mktemp("base"))


def inputs(base: Path, folder: Path, n_examples: int = 100, **fields: object) -> ReleaseInputs:
    rows = folder / "rows"
    rows.mkdir(exist_ok=True)
    (rows / "counts.json").write_text(json.dumps({"n_examples": n_examples, "n_tokens": 200 * n_examples}))
    recipe = {"name": "x", "sft": ON_A_CPU, "dpo": ON_A_CPU, **fields}
    release = AdapterRelease.model_validate(recipe)
    examples = {name: TokenizedExamples(rows) for name in ("sft", "dpo")}
    return ReleaseInputs(release, ModelFolder(base), examples, open_store())


def with_config(base: Path, folder: Path, **changed: object) -> Path:
    """A copy of a model with other keys in its config.json."""
    other = folder / "other"
    shutil.copytree(base, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | changed))
    return other


def failed(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks if not check.passed}


def test_a_small_release_passes_and_both_trainings_are_checked(base: Path, tmp_path: Path, own_state: Path) -> None:
    checks = list(release_checks(inputs(base, tmp_path)))
    assert failed(checks) == {}
    names = {check.name for check in checks}
    assert {"export", "sft: LoRA targets", "dpo: LoRA targets", "sft: merge", "disk of this machine"} <= names


def test_a_pair_is_two_rows_and_every_epoch_counts(base: Path, tmp_path: Path, own_state: Path) -> None:
    trainings = inputs(base, tmp_path, n_examples=10).trainings
    assert [trainings[name].n_rows for name in ("sft", "dpo")] == [3 * 10, 2 * 2 * 10]
    assert [trainings[name].n_tokens for name in ("sft", "dpo")] == [3 * 2_000, 2 * 2_000]


def test_an_architecture_that_the_converter_does_not_know_is_refused(
    base: Path, tmp_path: Path, own_state: Path
) -> None:
    other = with_config(base, tmp_path, architectures=["UnheardOfForCausalLM"])
    assert "UnheardOfForCausalLM" in failed(list(release_checks(inputs(other, tmp_path))))["export"].value


def test_a_template_that_no_modelfile_can_have_is_refused_before_a_training(
    base: Path, tmp_path: Path, own_state: Path
) -> None:
    unknown = "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}\n{% endfor %}"
    found = failed(list(release_checks(inputs(base, tmp_path, chat_template=unknown))))
    assert list(found) == ["chat template"]
    assert "ChatML" in found["chat template"].value


def test_adapters_that_reach_nothing_are_named_for_their_training(base: Path, tmp_path: Path, own_state: Path) -> None:
    wrong = {**ON_A_CPU, "arm": {"target_modules": ["in_proj_qkv"]}}
    found = failed(list(release_checks(inputs(base, tmp_path, dpo=wrong))))
    assert "dpo: LoRA targets" in found
    assert "sft: LoRA targets" not in found


def test_a_training_beyond_its_deadline_is_refused_and_the_other_is_not(
    base: Path, tmp_path: Path, own_state: Path
) -> None:
    late = inputs(base, tmp_path, n_examples=10**9, sft={"deadline_minutes": 1}, dpo={"deadline_minutes": 43_200})
    assert "sft: training deadline" in failed(list(changeable_checks(late)))


def test_a_base_that_cannot_be_trained_leaves_the_other_checks_to_be_read(
    base: Path, tmp_path: Path, own_state: Path
) -> None:
    other = with_config(base, tmp_path, model_type="unheard_of")
    found = {check.name: check for check in release_checks(inputs(other, tmp_path))}
    assert "transformers has no classes for the base" in found["base"].value
    assert found["store round trip"].passed
