"""Language models beside baselines on the rows they were asked about, and what they know of formulas."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tasks.evaluate.build import write_evaluation
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.errors import BadForecast
from tasks.evaluate.knowledge import by_family, knowledge_scores
from tasks.evaluate.task import publish_evaluate
from tasks.schemas.artifacts import Panel
from tasks.schemas.direction import DirectionScores
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import open_store
from tests.evaluate.panels import made_panel

CONFIG = EvaluateConfig(models=("majority", "boosting", "planted"), n_draws=40)
TABLE = made_panel(n_days=150)
HOLDOUT = (TABLE["date"] >= np.sort(TABLE["date"].unique())[-60]).to_numpy()
ROSE = (TABLE["target"] > 0).to_numpy()


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    (tmp_path / "panel").mkdir()
    TABLE.to_parquet(tmp_path / "panel" / "rows.parquet")
    return tmp_path / "panel"


def answered(
    folder: Path, panel: Path, probability: np.ndarray, mass: float = 0.9, knowledge: list[dict] | None = None
) -> Path:
    """A model's forecasts, as the forecast stage writes them."""
    folder.mkdir()
    np.save(folder / "directions.npy", probability)
    np.save(folder / "mass.npy", np.where(np.isnan(probability), np.nan, mass))
    (folder / "knowledge.json").write_text(json.dumps(knowledge or []))
    (folder / "panel.sha256").write_text(Panel(panel).rows_sha256() + "\n")
    return folder


def evaluated(panel: Path, probabilities: Mapping[str, np.ndarray], config: EvaluateConfig = CONFIG) -> DirectionScores:
    folder = panel.parent / "scores"
    folder.mkdir()
    models = {name: answered(panel.parent / name, panel, own) for name, own in probabilities.items()}
    write_evaluation(config, {"panel": panel, **models}, folder)
    return DirectionScores.read(folder)


def hold_out_only(probability: np.ndarray, is_asked: np.ndarray = HOLDOUT) -> np.ndarray:
    return np.where(is_asked, probability, np.nan)


def difference(scores: DirectionScores, model: str, reference: str) -> object:
    return next(own for own in scores.comparisons if (own.model, own.reference) == (model, reference))


def test_a_forecast_that_knows_the_outcome_is_right_and_a_constant_half_scores_a_half(panel):
    # But for one row in thirty: of equal rows there is no interval.
    knows = np.where((np.arange(len(ROSE)) % 30 > 0) == ROSE, 0.8, 0.2)
    scores = evaluated(panel, {"final": hold_out_only(knows), "base": hold_out_only(np.full(len(knows), 0.5))})
    accuracy = {name: scores.models[name].splits["chronological"].accuracy.point for name in ("base", "final")}
    assert accuracy["final"] >= 0.95
    assert accuracy["base"] == 0.5
    assert scores.models["base"].splits.keys() == {"chronological"}
    low, _ = difference(scores, "final", "base").difference.by_date
    assert low > 0.4
    assert scores.asked["base"].distance == 0
    assert scores.asked["final"].distance == pytest.approx(0.3)
    assert scores.asked["final"].mass == pytest.approx(0.9)


def test_a_model_asked_about_some_rows_is_compared_with_the_others_on_these_rows_alone(panel):
    rng = np.random.default_rng(0)
    is_asked = HOLDOUT & (rng.random(len(ROSE)) < 0.3)
    # Right on every row, and asked about those that rise more often than the others do.
    is_asked &= ROSE | (rng.random(len(ROSE)) < 0.2)
    scores = evaluated(panel, {"final": hold_out_only(np.where(ROSE, 0.9, 0.1), is_asked)})
    found = difference(scores, "final", "majority")
    majority = ROSE[is_asked].mean()
    majority = majority if scores.models["majority"].splits["chronological"].calibration[5].n_rows else 1 - majority
    assert (found.n_rows, found.accuracy.point) == (is_asked.sum(), 1.0)
    assert found.reference_accuracy.point == pytest.approx(majority)
    assert found.reference_accuracy.point != scores.models["majority"].splits["chronological"].accuracy.point
    assert found.difference.point == pytest.approx(1 - majority)
    asked = scores.asked["final"]
    assert (asked.n_rows, asked.n_not_asked, asked.n_outside) == (is_asked.sum(), (HOLDOUT & ~is_asked).sum(), 0)


def test_the_difference_of_two_models_has_the_interval_of_the_rows_on_which_they_differ(panel):
    rng = np.random.default_rng(1)
    base = rng.random(len(ROSE))
    # The same on nine rows of ten, and right on the tenth.
    final = np.where(rng.random(len(ROSE)) < 0.9, base, np.where(ROSE, 0.9, 0.1))
    scores = evaluated(panel, {"base": hold_out_only(base), "final": hold_out_only(final)})
    found = difference(scores, "final", "base")
    width = np.ptp(found.difference.by_date)
    assert width < 0.5 * np.ptp(found.accuracy.by_date)
    assert found.difference.by_date[0] > 0
    assert found.difference.point == pytest.approx(found.accuracy.point - found.reference_accuracy.point)


def test_each_model_is_compared_with_the_baselines_and_with_those_before_it(panel):
    half = hold_out_only(np.full(len(ROSE), 0.6))
    scores = evaluated(panel, {"final": half, "sft": half, "base": half})
    assert list(scores.models) == ["majority", "boosting", "planted", "base", "sft", "final"]
    assert [(own.model, own.reference) for own in scores.comparisons] == [
        ("base", "majority"), ("base", "boosting"),
        ("sft", "majority"), ("sft", "boosting"), ("sft", "base"),
        ("final", "majority"), ("final", "boosting"), ("final", "base"), ("final", "sft"),
    ]  # fmt: skip
    same = difference(scores, "final", "sft").difference
    assert (same.point, same.by_date) == (0, None)
    assert same.why_none == "its rows score the same, and their spread is no measure of error"


def test_rows_asked_about_outside_of_the_hold_out_are_counted_and_not_scored(panel):
    probability = np.full(len(ROSE), 0.6)
    scores = evaluated(panel, {"final": probability})
    assert scores.asked["final"].n_outside == (~HOLDOUT).sum()
    assert scores.models["final"].splits["chronological"].n_rows == HOLDOUT.sum()


def test_forecasts_of_another_panel_or_of_an_unknown_name_are_refused(panel):
    probability = hold_out_only(np.full(len(ROSE), 0.6))
    folder = answered(panel.parent / "final", panel, probability)
    with pytest.raises(BadForecast, match=r"'dpo' is none of evaluate.language_models \(base, sft, final\); add it"):
        write_evaluation(CONFIG, {"panel": panel, "dpo": folder}, panel.parent)
    TABLE.assign(target=-TABLE["target"]).to_parquet(panel / "rows.parquet")
    with pytest.raises(BadForecast, match=r"'final' was asked about a panel whose rows have sha256"):
        write_evaluation(CONFIG, {"panel": panel, "final": folder}, panel.parent)


def test_the_task_takes_any_number_of_models_by_name(panel):
    def publish(kind: str, folder: Path) -> ArtifactRef:
        return open_store().publish(ArtifactType(kind, 1, lambda *_: folder.name).spec(CONFIG), folder, {}, 0.0)

    final = answered(panel.parent / "final", panel, hold_out_only(np.full(len(ROSE), 0.6)))
    own = publish("panel", panel)
    alone, both = (publish_evaluate.fn(CONFIG, own, models) for models in (None, {"final": publish("forecast", final)}))
    assert alone.key != both.key
    assert "final" in DirectionScores.read(open_store().fetch(both)).models


def questions(right: np.ndarray, families: list[str], n_answers: int = 4) -> list[dict]:
    return [
        {"id": str(place), "group": family, "right": 0, "chosen": int(not own), "n_answers": n_answers}
        for place, (own, family) in enumerate(zip(right, families, strict=True))
    ]


def test_an_accuracy_of_answers_picked_at_random_has_chance_in_its_interval():
    families = [f"family {n % 12}" for n in range(240)]
    inside = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = knowledge_scores({"final": questions(rng.integers(4, size=240) == 0, families)})["final"]
        assert found.chance == 0.25
        low, high = found.accuracy.by_family
        inside.append(low <= found.chance <= high)
    assert np.mean(inside) >= 0.9


def test_the_interval_by_family_by_hand():
    # Families that are right in all, in half and in none of their two questions: sums of 1, 0 and -1 about 1/2.
    values, families = np.array([1.0, 1, 1, 0, 0, 0]), ["a", "a", "b", "b", "c", "c"]
    found = by_family(values, families, (-9, 9))
    # Student's 0.975 quantile for two degrees of freedom is 4.3027.
    half_width = 4.3027 * np.sqrt(3 / 2 * 2) / 6
    assert found.point == 0.5
    assert found.by_family == pytest.approx((0.5 - half_width, 0.5 + half_width), abs=1e-4)
    assert by_family(values, families, (0, 1)).by_family == (0, 1)
    why = by_family(values[:4], families[:4], (0, 1)).why_none
    assert why == "its questions are of 2 families, and an interval needs 3"


def test_knowledge_is_compared_on_the_questions_that_both_models_were_asked():
    families = [f"family {n % 5}" for n in range(50)]
    before = questions(np.zeros(50, dtype=bool), families)
    after = questions(np.arange(50) % 3 > 0, families)
    found = knowledge_scores({"base": before[:30], "sft": [], "final": after})
    assert list(found) == ["base", "final"]
    assert list(found["final"].differences) == ["base"]
    assert found["final"].differences["base"].point == pytest.approx(20 / 30)
    assert (found["final"].n_questions, found["final"].n_right, found["final"].n_families) == (50, 33, 5)
