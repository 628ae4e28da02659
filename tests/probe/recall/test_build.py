"""The stage as a whole: known answers, and inputs that do not fit together."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.probe.recall.build import write_recall
from tasks.probe.recall.config import RecallConfig
from tasks.probe.recall.errors import MismatchedAnswers, UnknownModel
from tasks.schemas.recall import Recall
from tests.probe.recall.made_answers import (
    CONFIG,
    CUTOFF,
    made_documents,
    write_answers,
    write_items,
    write_panel,
    write_predictions,
    write_run,
)


@pytest.fixture
def folders(tmp_path):
    return write_run(tmp_path)


def test_a_planted_cutoff_is_found_by_the_pair_and_bits_move_after_it_alone(folders, tmp_path):
    facts = write_recall(CONFIG, folders, tmp_path)
    found = Recall.read(tmp_path)
    pair = found.pairs["base - trained"].curve
    assert pair.change.interval[0] <= CUTOFF < pair.change.interval[1]
    assert (pair.change.interval[1] - pair.change.interval[0]).days < 60
    assert pair.rise.point == pytest.approx(-0.2, abs=0.02)
    assert pair.rise.interval[1] < -0.15
    assert pair.before.interval[0] < 0 < pair.before.interval[1]
    assert found.models["base"].cutoff is None
    assert found.models["base"].curve.rise.why_none == "the model's cutoff is unknown"
    assert found.models["trained"].questions["date_only"].overall.auc.by_date[0] > 0.7
    assert facts["change_point"]["base - trained"] == str(pair.change.day)


def test_periods_have_all_documents_and_bytes_and_the_same_figures_come_again(folders, tmp_path):
    write_recall(CONFIG, folders, tmp_path)
    once = (tmp_path / "recall.json").read_bytes()
    found = Recall.read(tmp_path)
    assert found.period == "quarter"
    periods = found.models["base"].curve.periods
    assert sum(own.n_documents for own in periods) == 240
    assert [own.first for own in periods] == sorted(own.first for own in periods)
    total = sum(own.n_bytes for own in periods)
    mean = sum(own.rate.point * own.n_bytes for own in periods) / total
    assert found.models["base"].curve.overall.point == pytest.approx(mean)
    write_recall(CONFIG, dict(reversed(folders.items())), tmp_path)
    assert (tmp_path / "recall.json").read_bytes() == once


def test_overlap_is_counted_and_overlapping_documents_are_compared_with_the_others(folders, tmp_path):
    write_recall(CONFIG, folders, tmp_path)
    found = Recall.read(tmp_path)
    assert [(own.bound, own.n_documents) for own in found.contamination.documents] == [(0.1, 80), (0.5, 80)]
    assert found.contamination.panel == {"share": 0.25}
    pair = found.pairs["base - trained"].curve
    assert pair.overlapping.point - pair.others.point == pytest.approx(pair.overlap_gap.point)
    assert pair.overlap_gap.interval[0] > 0  # the overlapping ones are all from before the cutoff


def test_without_scores_there_is_no_concentration_but_the_reason(folders, tmp_path):
    write_recall(CONFIG, folders, tmp_path)
    assert Recall.read(tmp_path).pairs["base - trained"].why_no_concentration.startswith("the run has no scores")


def test_predictions_of_the_scores_tell_where_lookahead_is(folders, tmp_path):
    premium = tmp_path / "premium"
    write_predictions(premium, folders["panel"])
    target = pd.read_parquet(folders["panel"] / "rows.parquet")["target"]
    write_recall(CONFIG, {**folders, "premium": premium}, tmp_path)
    (found,) = Recall.read(tmp_path).pairs["base - trained"].concentration
    asked = target[::3]
    explained = (1 - 0.7**2) * (asked**2).sum() / ((asked - asked.mean()) ** 2).sum()
    assert found.lookahead.point == pytest.approx(explained)


def test_empty_items_make_reasons_and_no_figures(tmp_path):
    write_panel(tmp_path / "panel")
    write_items(tmp_path / "items")
    write_answers(tmp_path / "base", tmp_path / "items")
    config = CONFIG.model_copy(update={"compared": (), "cutoffs": {"base": CUTOFF}})
    write_recall(config, {name: tmp_path / name for name in ("items", "panel", "base")}, tmp_path)
    own = Recall.read(tmp_path).models["base"]
    assert own.curve.overall.why_none == "there are no documents"
    assert own.curve.change.why_none == "0 documents, and at least 20 are needed"
    assert own.facts.before.why_none == "there are no dated items"
    assert own.questions == {}
    assert Recall.read(tmp_path).contamination.why_none


def test_documents_on_one_side_of_the_cutoff_have_no_rise_and_say_why(folders, tmp_path):
    late = CONFIG.model_copy(update={"cutoffs": {"trained": date(2024, 1, 1)}})
    write_recall(late, folders, tmp_path)
    own = Recall.read(tmp_path).models["trained"]
    assert own.curve.before.point is not None
    assert own.curve.rise.why_none == "no document is dated after the cutoff, 2024-01-01"
    assert own.questions["date_only"].after.auc.why_none == "no such row was asked about"


def test_answers_to_other_items_rows_of_another_panel_and_unknown_models_are_refused(folders, tmp_path):
    write_items(tmp_path / "other", made_documents(100))
    write_answers(tmp_path / "trained", tmp_path / "other")
    with pytest.raises(MismatchedAnswers, match="trained has 100 answers on documents, which are not those to the 240"):
        write_recall(CONFIG, folders, tmp_path)
    write_answers(tmp_path / "trained", folders["items"], bits=np.full(240, np.nan))
    with pytest.raises(MismatchedAnswers, match=r"bits of trained on documents is nan at \{'id': 'd0000'\}"):
        write_recall(CONFIG, folders, tmp_path)
    write_answers(tmp_path / "trained", folders["items"])
    write_panel(folders["panel"], n_days=60)
    with pytest.raises(MismatchedAnswers, match="rows 0 to 1437, and the panel has 720"):
        write_recall(CONFIG, folders, tmp_path)
    with pytest.raises(UnknownModel, match="'placebo' has no answers; those that have are base, trained"):
        write_recall(CONFIG.model_copy(update={"compared": ("placebo",)}), folders, tmp_path)


def test_bounds_of_overlap_ascend():
    with pytest.raises(ValueError, match="in ascending order"):
        RecallConfig(overlap_bounds=(0.5, 0.1))
