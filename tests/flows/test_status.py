"""Which artifacts of a recipe exist, what a nightly run would have to train, and two reports side by side."""

import json
from pathlib import Path

import pytest

from flows.pipelines.leakage_premium import leakage_premium_pipeline, leakage_premium_steps
from flows.runs.comparison import NONE_YET, before_and_now
from flows.runs.existing_reports import find_report, missing_model_steps, reports_on_any_prices
from flows.status import existing_artifacts, spec_of
from tasks.panel.config import CsvSource, PanelConfig
from tasks.panel.source_version import pinned
from tasks.recipe import Recipe
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store

RECIPE = Recipe(name="x", panel=PanelConfig(source=CsvSource(csv="/prices.csv")))
FIRST, SECOND = "a" * 64, "b" * 64


@pytest.fixture
def store() -> Store:
    return open_store()


def on(sha256: str | None) -> Recipe:
    return RECIPE.model_copy(update={"panel": pinned(RECIPE.panel, sha256)})


def publish(store: Store, recipe: Recipe, folder: Path, gain: str = "+0.0100", until: str = "report") -> None:
    """Every step's artifact up to one of them, of a few bytes each."""
    folder.mkdir(exist_ok=True)
    refs: dict[str, ArtifactRef] = {}
    for step in leakage_premium_steps(recipe):
        spec = spec_of(step, refs)
        table = [
            {"figure": "lookahead", "base": "", "trained": "", "difference": "undecided"},
            {"figure": "gain: R2 off, standardized", "base": "+0.1", "trained": "+0.1", "difference": gain},
            {"figure": "premium", "base": "+0.1", "trained": "+0.1", "difference": "+0.0200"},
            {"figure": "R2 on", "base": "+0.2", "trained": "+0.2", "difference": ""},
        ]
        (folder / "table.json").write_text(json.dumps(table))
        (folder / "own.txt").write_text(spec.key)
        sha256 = getattr(recipe.panel.source, "sha256", None) or FIRST
        facts = {"source": {"csv_sha256": sha256}, "first_day": "2020-01-01", "last_day": "2021-12-31", "n_rows": 96}
        refs[step.name] = store.publish(spec, folder, facts if step.name == "panel" else {}, 1.0)
        if step.name == until:
            return


def existing(recipe: Recipe, store: Store) -> dict[str, ArtifactRef]:
    return existing_artifacts(leakage_premium_pipeline(recipe), store)


def test_of_a_recipe_nobody_ran_the_whole_model_is_missing(store: Store) -> None:
    assert missing_model_steps(RECIPE, store) == ["base", "corpus", "train", "merge"]
    assert find_report(RECIPE, store) is None


def test_new_prices_leave_the_model_standing_and_everything_they_go_into_open(store: Store, tmp_path: Path) -> None:
    publish(store, on(FIRST), tmp_path / "made")
    assert list(existing(on(SECOND), store)) == ["base", "corpus", "train", "merge"]
    assert missing_model_steps(on(SECOND), store) == []


def test_another_learning_rate_would_have_to_be_trained(store: Store, tmp_path: Path) -> None:
    publish(store, RECIPE, tmp_path / "made")
    train = RECIPE.train.model_copy(update={"learning_rate": 1e-5})
    assert missing_model_steps(RECIPE.model_copy(update={"train": train}), store) == ["train", "merge"]


def test_the_placebos_model_counts_too(store: Store, tmp_path: Path) -> None:
    publish(store, RECIPE, tmp_path / "made")
    missing = missing_model_steps(RECIPE.model_copy(update={"placebo": True}), store)
    assert missing == ["corpus placebo", "train placebo", "merge placebo"]


def test_a_run_that_ended_before_its_report_has_measured_nothing(store: Store, tmp_path: Path) -> None:
    publish(store, RECIPE, tmp_path / "made", until="premium")
    assert "premium" in existing(RECIPE, store)
    assert find_report(RECIPE, store) is None


def test_earlier_prices_are_found_the_newest_first_and_other_panels_are_none_of_them(
    store: Store, tmp_path: Path
) -> None:
    other = RECIPE.model_copy(update={"panel": RECIPE.panel.model_copy(update={"seed": 7})})
    for recipe in (on(None), on(FIRST), other, on(SECOND)):
        publish(store, recipe, tmp_path / "made")
    found = [store.record(one.panel).config["source"]["sha256"] for one in reports_on_any_prices(RECIPE, store)]
    assert found == [SECOND, FIRST, None]


def test_a_panel_whose_record_is_cut_hides_no_other(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(store, on(FIRST), tmp_path / "made")
    publish(store, on(SECOND), tmp_path / "made")
    cut = find_report(on(SECOND), store).panel
    store.objects.write(f"{cut.path}/record.json", b"{")
    (found,) = reports_on_any_prices(RECIPE, store)
    assert found == find_report(on(FIRST), store)
    assert f"panel {cut.path} is left out of the comparison" in caplog.text


def test_old_and_new_figures_stand_side_by_side_the_headline_first(store: Store, tmp_path: Path) -> None:
    publish(store, on(FIRST), tmp_path / "made", "+0.0100")
    publish(store, on(SECOND), tmp_path / "made", "+0.0300")
    rows = before_and_now(find_report(on(FIRST), store), find_report(on(SECOND), store), store)
    assert rows[:3] == [
        {"figure": "base - trained: lookahead", "before": "undecided", "now": "undecided"},
        {"figure": "base - trained: gain: R2 off, standardized", "before": "+0.0100", "now": "+0.0300"},
        {"figure": "prices", "before": FIRST[:12], "now": SECOND[:12]},
    ]
    assert rows[-1] == {"figure": "base - trained: premium", "before": "+0.0200", "now": "+0.0200"}
    assert not any("R2 on" in row["figure"] for row in rows)


def test_a_first_measure_has_nothing_beside_it(store: Store, tmp_path: Path) -> None:
    publish(store, on(FIRST), tmp_path / "made")
    rows = before_and_now(None, find_report(on(FIRST), store), store)
    assert {row["before"] for row in rows} == {NONE_YET}
