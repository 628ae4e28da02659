"""What is refused before a GPU is rented, on real inputs of the smoke recipe."""

from pathlib import Path

import pytest

from tasks.artifacts import ModelFolder, Panel, Preflight, TextShards
from tasks.base.write import write_base
from tasks.corpus.write import write_corpus
from tasks.panel.build import write_panel
from tasks.preflight.checks import Inputs, all_checks
from tasks.preflight.room import REVISION
from tasks.preflight.write import PreflightFailed, write_preflight
from tasks.recipe import Recipe, load_recipe
from tasks.settings import project_root
from tasks.store.store import open_store

SMOKE = load_recipe(project_root() / "configs" / "smoke.yaml")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {name: tmp_path_factory.mktemp(name) for name in ("base", "corpus", "panel")}
    write_base(SMOKE.base, made["base"])
    write_corpus(SMOKE.corpus, made["corpus"])
    write_panel(SMOKE.panel, made["panel"])
    return made


@pytest.fixture
def inputs(folders: dict[str, Path], own_state: Path):
    own_state.mkdir()

    def of(**changed: object) -> Inputs:
        recipe = Recipe.model_validate({**SMOKE.model_dump(mode="json"), **changed})
        base, corpus, panel = ModelFolder(folders["base"]), TextShards(folders["corpus"]), Panel(folders["panel"])
        return Inputs(recipe, base, corpus, panel, open_store())

    return of


def failed(inputs: Inputs) -> dict[str, str]:
    return {check.name: check.value for check in all_checks(inputs) if not check.passed}


def train(**changed: object) -> dict[str, object]:
    return {**SMOKE.train.model_dump(mode="json"), **changed}


def test_the_smoke_recipe_passes_and_its_checks_are_published(inputs, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    facts = write_preflight(inputs(), tmp_path / "out")
    checks = Preflight.read(tmp_path / "out").checks
    assert facts == {"n_checks": len(checks)}
    assert all(check.passed for check in checks)
    assert {f"LoRA target {entry}" for entry in SMOKE.train.lora.target_parameters} <= {check.name for check in checks}


def test_a_lora_target_that_matches_nothing_is_refused_by_name(inputs) -> None:
    lora = {**SMOKE.train.lora.model_dump(mode="json"), "target_modules": ["q_proj", "query_proj"]}
    assert "'query_proj' in target_modules reaches no weight" in failed(inputs(train=train(lora=lora)))["LoRA targets"]


def test_a_token_budget_beyond_the_corpus_is_refused(inputs) -> None:
    assert "token_budget=9,000,000" in failed(inputs(train=train(token_budget=9_000_000)))["tokens"]


def test_a_cut_with_too_few_rows_behind_it_is_refused(inputs) -> None:
    premium = {"train_until": "2022-12-20"}
    assert list(failed(inputs(premium=premium))) == ["panel rows after 2022-12-20", "power"]


def test_more_folds_than_stocks_are_refused(inputs) -> None:
    refused = failed(inputs(premium={"n_folds": 21}))
    assert list(refused) == ["panel stocks", "power"]
    assert refused["panel stocks"] == "20 stocks"
    assert refused["power"].startswith("20 distinct stocks for 21 stock-disjoint folds")


def test_a_missing_trainer_is_refused(inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", "/nowhere/python")
    assert "/nowhere/python is missing" in failed(inputs())["trainer environment"]


def test_a_pickle_among_the_base_weights_is_refused(inputs, folders: dict[str, Path]) -> None:
    pickle = folders["base"] / "pytorch_model.bin"
    pickle.write_bytes(b"")
    try:
        assert failed(inputs()) == {"base weights": "pytorch_model.bin"}
    finally:
        pickle.unlink()


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_published(inputs, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    both = inputs(train=train(token_budget=9_000_000), premium={"n_folds": 21})
    with pytest.raises(
        PreflightFailed, match=r"3 of \d+ checks failed\. tokens: .* panel stocks: 20 stocks, bound: at .* power: 20 "
    ):
        write_preflight(both, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_same_recipe_is_checked_as_this_revision_checked_it(inputs) -> None:
    lora = SMOKE.train.lora
    first = [
        *("store round trip", "disk", "base weights", "trainer environment", "tokenizer"),
        *(f"LoRA target {entry}" for entry in (*lora.target_modules, *lora.target_parameters)),
        *("LoRA targets", "tokens", "panel rows up to 2020-12-31", "panel rows after 2020-12-31", "panel stocks"),
    ]
    known = {1: first, 2: [*first, "power"]}
    assert [check.name for check in all_checks(inputs())] == known.get(REVISION), (
        "a recipe is checked otherwise: raise REVISION in tasks/preflight/room.py and add the new list here"
    )
