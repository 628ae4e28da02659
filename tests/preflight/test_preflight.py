"""Checks before a GPU is rented, on real inputs of the smoke recipe."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from tasks.common.settings import project_root
from tasks.embed.config import EmbedConfig
from tasks.embed.outline import outline
from tasks.preflight.artifact import ARTIFACT_TYPE, REVISION
from tasks.preflight.checks import Inputs, all_checks
from tasks.preflight.checks.artifacts import panel_checks, sentences_check, token_checks, trainer_check, weights_check
from tasks.preflight.checks.training import training_checks
from tasks.preflight.power import power_checks
from tasks.preflight.write import PreflightFailed, write_preflight
from tasks.recipe import Recipe, Route, load_recipe
from tasks.schemas.artifacts import Check, ModelFolder, Panel, Preflight, TextShards
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store
from tasks.train.pipeline.rows import write_rows
from tests.preflight.conftest import SMOKE

FULL_WEIGHT = load_recipe(project_root() / "configs" / "smoke-full-weight.yaml").model_dump(mode="json")


@pytest.fixture(scope="module")
def folders(published: tuple[Path, dict[str, ArtifactRef]]) -> dict[str, Path]:
    state, refs = published
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HINDSIGHT_STATE", str(state))
        return {name: open_store().fetch(ref) for name, ref in refs.items()}


@pytest.fixture
def inputs(folders: dict[str, Path], own_state: Path):
    own_state.mkdir()

    def of(**changed: object) -> Inputs:
        recipe = Recipe.model_validate({**SMOKE.model_dump(mode="json"), **changed})
        base, corpus, panel = ModelFolder(folders["base"]), TextShards(folders["corpus"]), Panel(folders["panel"])
        return Inputs(recipe, base, corpus, panel, open_store())

    return of


def failed(checks: Iterable[Check]) -> dict[str, str]:
    return {check.name: check.value for check in checks if not check.passed}


def train(**changed: object) -> dict[str, object]:
    return {**SMOKE.train.model_dump(mode="json"), **changed}


def test_the_smoke_recipe_passes_and_its_checks_are_published(
    folders: dict[str, Path], published: tuple[Path, dict[str, ArtifactRef]], monkeypatch: pytest.MonkeyPatch
) -> None:
    state, refs = published
    monkeypatch.setenv("HINDSIGHT_STATE", str(state))
    checks = Preflight.read(folders["passed"]).checks
    assert open_store().record(refs["passed"]).facts == {"n_checks": len(checks), "forecast": {}}
    assert all(check.passed for check in checks)
    assert {f"LoRA target {entry}" for entry in SMOKE.train.arm.target_parameters} <= {check.name for check in checks}


def test_a_lora_target_that_matches_nothing_is_refused_by_name(inputs) -> None:
    lora = {**SMOKE.train.arm.model_dump(mode="json"), "target_modules": ["q_proj", "query_proj"]}
    refused = failed(training_checks(inputs(train=train(arm=lora)).run.training))
    assert "'query_proj' in target_modules reaches no weight" in refused["LoRA targets"]


def test_a_token_budget_beyond_the_corpus_is_refused(inputs) -> None:
    refused = failed(token_checks(inputs(train=train(token_budget=9_000_000))))
    assert "token_budget=9,000,000" in refused["tokens"]


def test_a_cut_with_too_few_rows_behind_it_is_refused(inputs) -> None:
    cut = inputs(premium={"train_until": "2022-12-20"})
    assert list(failed(panel_checks(cut.panel, cut.recipe.premium))) == ["panel rows after 2022-12-20"]
    width = cut.run.training.sizes.state_width
    assert list(failed(power_checks(cut.recipe.premium, False, width, cut.panel))) == ["power"]


def test_more_folds_than_stocks_are_refused(inputs) -> None:
    folds = inputs(premium={"n_folds": 21})
    refused = failed(
        [
            *panel_checks(folds.panel, folds.recipe.premium),
            *power_checks(folds.recipe.premium, False, folds.run.training.sizes.state_width, folds.panel),
        ]
    )
    assert list(refused) == ["panel stocks", "power"]
    assert refused["panel stocks"] == "20 stocks"
    assert refused["power"].startswith("20 distinct stocks for 21 stock-disjoint folds")


def test_a_missing_trainer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", "/nowhere/python")
    assert "/nowhere/python is missing" in failed([trainer_check()])["trainer environment"]


def test_a_pickle_among_the_base_weights_is_refused(inputs, folders: dict[str, Path]) -> None:
    pickle = folders["base"] / "pytorch_model.bin"
    pickle.write_bytes(b"")
    try:
        assert failed([weights_check("base", inputs().base)]) == {"base weights": "pytorch_model.bin"}
    finally:
        pickle.unlink()


def test_all_failures_are_reported_at_once_and_nothing_is_published(inputs, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    both = inputs(train=train(token_budget=9_000_000), premium={"n_folds": 21})
    with pytest.raises(
        PreflightFailed, match=r"3 of \d+ checks failed\. tokens: .* panel stocks: 20 stocks, bound: at .* power: 20 "
    ):
        write_preflight(both, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_tokens_are_counted_in_rows_and_steps_from_the_documents_lengths(inputs) -> None:
    checked = inputs()
    (line,) = token_checks(checked)
    written = write_rows(checked.corpus.token_ids(), SMOKE.train, checked.store.cache_dir.parent / "rows.arrow")
    text = f"{written.n_tokens:,} tokens in {written.n_rows:,} rows in {written.n_steps:,} steps of 2 rows, 512 tokens"
    assert line.value.startswith(text)


def test_the_full_weight_smoke_recipe_passes_and_counts_its_filler(inputs) -> None:
    checks = {check.name: check for check in all_checks(inputs(**FULL_WEIGHT))}
    assert [name for name, check in checks.items() if not check.passed] == []
    assert {"gradient accumulation", "optimizer", "master weights", "weights: routed_experts"} <= set(checks)
    n_rows, n_steps = (int(word) for word in re.findall(r"(\d+) (?:rows in|steps of)", checks["tokens"].value))
    assert n_rows == 2 * n_steps


def test_a_recipe_that_passed_for_one_pool_is_checked_for_another() -> None:
    fused = SMOKE.model_copy(update={"route": Route(train="h100")})
    elsewhere = SMOKE.model_copy(update={"route": Route(train="h100x8")})
    sooner = SMOKE.model_copy(update={"train": SMOKE.train.model_copy(update={"deadline_minutes": 1})})
    renamed = SMOKE.model_copy(update={"name": "renamed"})
    corpus = ArtifactRef(kind="corpus", label="sotu", key="0" * 16, digest="0" * 64)
    keys = [ARTIFACT_TYPE.spec(recipe, {"corpus": corpus}).key for recipe in (fused, elsewhere, sooner, renamed)]
    assert keys[0] == keys[3]
    assert len(set(keys)) == 3


def test_the_list_of_checks_is_that_of_this_revision(folders: dict[str, Path]) -> None:
    lora = SMOKE.train.arm
    coverage = [*(f"LoRA target {entry}" for entry in (*lora.target_modules, *lora.target_parameters)), "LoRA targets"]
    panel = ["panel rows up to 2020-12-31", "panel rows after 2020-12-31", "panel stocks"]
    first = [
        *("store round trip", "disk", "base weights", "trainer environment", "tokenizer", *coverage, "tokens", *panel),
    ]
    fifth = [
        *("store round trip", "store space", "disk of this machine", "credentials"),
        *("base weights", "trainer environment", "tokenizer", "tokens", *panel),
        *("adapter dropout", "packing", *coverage, "memory of this machine", "training state"),
        *("forecast of all", "power"),
    ]
    seventh = [name for each in fifth for name in ([each, "merge"] if each == "base weights" else [each])]
    seventh.insert(seventh.index("panel stocks") + 1, "sentences")
    known = {1: first, 2: [*first, "power"], 5: fifth, 6: fifth, 7: seventh, 8: seventh, 9: seventh, 10: seventh}
    assert [check.name for check in Preflight.read(folders["passed"]).checks] == known.get(REVISION), (
        "a recipe is checked differently: raise REVISION in tasks/preflight/artifact.py and add the new list here"
    )


def test_sentences_that_embed_would_refuse_fail_before_a_gpu_is_rented(inputs) -> None:
    given = inputs()
    for config, passes in ((EmbedConfig(), True), (EmbedConfig(max_tokens=8), False)):
        found = sentences_check("sentences", config, partial(outline, config, given.panel, given.base))
        assert found.passed is passes
    assert not found.passed
    assert re.match(r"prompt of panel row 0 has \d+ tokens, between 1 and max_tokens=8 are allowed", found.value)
