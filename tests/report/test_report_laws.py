"""Laws that hold for every report."""

import re

import numpy as np
import pytest
from markupsafe import Markup

from tasks.report.build import write_report
from tasks.report.config import REVISION, ReportConfig
from tasks.report.figures.drawing import Plot
from tasks.report.figures.reference import reduction_draws
from tasks.report.page import template
from tasks.report.tables.provenance import loss_curves, tokens_of, versions
from tasks.schemas.artifacts import Check, Report
from tasks.store.digests import sha256_of_json
from tests.report.conftest import made_draws, made_scores
from tests.report.sample_robust import made_robust


def test_the_first_line_of_a_smoke_test_states_that_the_numbers_mean_nothing(write):
    assert write(ReportConfig(plumbing_only=True)).text[0].startswith("Smoke test, these numbers mean nothing")
    assert write(ReportConfig(plumbing_only=False)).text[0] == "Leakage premium"


def test_the_page_starts_as_html5_and_loads_nothing(write, tmp_path):
    page = write(ReportConfig())
    html = Report(tmp_path).page.read_text()
    assert html.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses)
    assert not re.search(r"url\((?!#)|@import|<\?xml|<!DOCTYPE svg", html)


def test_the_headline_is_on_the_page_and_in_the_table(write, tmp_path):
    text = write(ReportConfig()).text
    rows = Report(tmp_path).table()
    table = {row["figure"]: row for row in rows}
    assert rows[0] == {"figure": "lookahead", "base": "", "trained": "", "difference": "above zero"}
    assert [row["figure"] for row in rows[1:6]] == [
        "lookahead: R2 disjoint, unscaled",
        "lookahead: R2 disjoint, unscaled, 95 %",
        "lookahead: R2 disjoint, standardized",
        "lookahead: R2 disjoint, standardized, 95 %",
        "gain",
    ]
    assert table["gain: R2 off, standardized"] == {
        "figure": "gain: R2 off, standardized",
        "base": "+0.0105",
        "trained": "+0.0021",
        "difference": "+0.0084",
    }
    assert table["gain: R2 off, standardized, 95 %"]["difference"] == "[+0.0023, +0.0145]"
    assert table["premium"] == {"figure": "premium", "base": "+0.2189", "trained": "+0.1398", "difference": "+0.0791"}
    assert table["premium, 95 % of stock draws"]["difference"] == "[-0.1300, +0.2800]"
    assert table["premium, unscaled"]["difference"] == "+0.0794"
    assert table["premium, unscaled, 95 %"]["difference"] == "[+0.0560, +0.1028]"
    assert table["R2 off: days after the cut"]["difference"] == "-0.0666"
    assert all(set(row) == {"figure", "base", "trained", "difference"} for row in rows)
    cells = [row[column] for row in rows for column in ("base", "trained", "difference") if row[column]]
    on_the_page = " ".join(text).lower()
    assert [cell for cell in cells if cell not in on_the_page] == []


def test_dropped_draws_are_counted_by_reason(write, tmp_path):
    text = " ".join(write(ReportConfig()).text)
    assert "197 of 200 draws" in text
    assert "Dropped: 2 for too few stocks; 1 for undefined R2." in text
    assert "Two-way draws: 196 of 200 kept" in text
    assert "Dropped: 1 for undefined disjoint; 3 for undefined off." in text
    assert [row["base"] for row in Report(tmp_path).table() if "dropped" in row["figure"]] == ["1", "3", "2", "1"]
    whole = made_robust(n_kept_draws=200, dropped_draws={})
    text = " ".join(write(n_kept_draws=200, dropped_draws={}, robust=whole).text)
    assert text.count("No draw was dropped.") == 2


def test_draws_that_the_reference_scores_zero_are_named_where_there_are_any(write):
    assert "83 of the kept draws have a test side of one constant target" in " ".join(write(n_flat_draws=83).text)
    assert "of the kept draws" not in " ".join(write().text)


def test_a_placebo_between_base_and_trained_moves_no_draw_of_the_reduction():
    scores, draws = made_scores(), made_draws(197)
    with_placebo = np.insert(draws, [3, 3], np.random.default_rng(1).normal(size=(197, 2)), axis=1)
    models = {"base": scores.models["base"], "placebo": scores.models["trained"], "trained": scores.models["trained"]}
    among_three = scores.model_copy(update={"models": models})
    assert reduction_draws(with_placebo, among_three) == reduction_draws(draws, scores)


def test_every_artifact_is_listed_with_digest_and_inputs(write, records):
    text = write().text
    for record in records:
        assert record.digest[:12] in text
        assert record.key in text
    train = next(record for record in records if record.kind == "train")
    assert f"base {records[0].digest[:12]}, corpus {records[1].digest[:12]}" in text
    assert train.git_commit in text


def test_tokens_seen_take_precedence_over_tokens_offered(records):
    train = next(record for record in records if record.kind == "train")
    assert (train.facts["n_tokens"], tokens_of(train)) == (99_999, 10_240)
    assert tokens_of(next(record for record in records if record.kind == "panel")) is None


def test_seconds_and_tokens_are_shown_by_stage(write):
    text = write().text
    start = text.index("train-made-up", text.index("Seconds and tokens"))
    assert text[start : start + 4] == ["train-made-up", "64.0", "10,240", "160"]


def test_the_loss_is_drawn_only_where_one_was_recorded(write, records):
    assert "Training loss over the tokens seen, as logged by the trainer." in write().text
    without = [record for record in records if not loss_curves([record])]
    assert "Training" not in write(records=without).text


def test_two_trainings_are_drawn_as_two_named_curves(write, records, make_record, tmp_path):
    placebo = make_record("train", label="train-after", facts={"loss_curve": [[1, 3.0], [2, 2.5]]})
    assert "a line per arm" in " ".join(write(records=[*records, placebo]).text)
    assert {">train-after<", ">train-made-up<"} <= set(re.findall(r">train-[\w-]+<", Report(tmp_path).page.read_text()))


def test_stages_that_ran_with_other_versions_show_both(make_record):
    other = make_record("train", versions={"torch": "2.12.0"}, git_commit=None)
    found = {row["what"]: row["version"] for row in versions([make_record("base"), other])}
    assert found["torch"] == "2.12.0, 2.13.0"
    assert "outside a checkout" in found["git commit"]


def test_text_from_records_checks_and_titles_is_escaped(write, make_record):
    evil = "<script>alert(1)</script>"
    record = make_record("train", versions={"torch": evil, evil: "1"}, git_commit=evil)
    page = write(
        ReportConfig(title=evil),
        records=[record],
        checks=[Check(name=evil, passed=True, value=evil, bound=evil)],
        n_kept_draws=199,
        dropped_draws={evil: 1},
    )
    assert "script" not in page.tags
    assert page.text.count(evil) >= 5


def test_the_same_run_gives_the_same_bytes(write, tmp_path):
    write(ReportConfig())
    first = Report(tmp_path).page.read_bytes()
    write(ReportConfig())
    assert Report(tmp_path).page.read_bytes() == first


def test_facts_hold_the_number_of_artifacts_and_the_seconds(records, write_inputs, tmp_path):
    facts = write_report(ReportConfig(), write_inputs(), records, tmp_path)
    assert facts == {"n_artifacts": 9, "seconds_of_all_stages": 7 * 12.5 + 31.0 + 64.0, "plumbing_only": False}


def test_what_was_lost_on_a_rented_machine_is_named_beside_the_spend(records, write_inputs, tmp_path):
    lost = "Machine hs-1 of vessl was stopped without a receipt for train/<b>; it had cost $12.40."
    write_report(ReportConfig(), write_inputs(), records, tmp_path, [lost])
    page = Report(tmp_path).page.read_text()
    assert page.count("train/&lt;b&gt;; it had cost $12.40.") == 1
    assert "Dollars are in the table. Machine hs-1" in page


@pytest.mark.parametrize(("n_rows", "counted"), [(1, "Table, 1 row<"), (2, "Table, 2 rows<")])
def test_a_figures_table_is_counted(n_rows, counted):
    plot = Plot(Markup("<svg></svg>"), [{"figure": "premium", "value": "0"}] * n_rows)
    assert counted in template("macros.html").module.figure(plot, "")


def test_revision_is_raised_with_the_words_and_tables(write):
    # Text only: the figures' coordinates vary with matplotlib's release.
    text = "\n".join(write().text)
    known = {
        2: "b7ca8e9c207b02cc",
        3: "fabd74ffe50aaa96",
        4: "d38708a1562219d1",
        5: "6e2031bd2ff58ea4",
        6: "8d059baac64ebc4d",
        7: "333fa7c208054ee3",
        8: "ccb59f8b3124a651",
        9: "7e42470df410ea0d",
        10: "7e42470df410ea0d",  # the style sheet, and words about power that this run does not have
        11: "1859ba7b886c7c52",
        12: "f15e3b41b76819a3",
        13: "62a914773974158e",
    }
    assert known.get(REVISION) == sha256_of_json(text)[:16], (
        "the same run gives another page: raise REVISION in tasks/report/config.py and add the new digest here, "
        "or stores will serve the old page for the new code"
    )


@pytest.mark.parametrize(("target", "is_said"), [("binary", True), ("number", False)])
def test_a_binary_targets_r2_is_called_brier_skill_at_the_top_and_with_the_panel(write, records, target, is_said):
    panel = next(record for record in records if record.kind == "panel")
    told = panel.model_copy(update={"facts": {**panel.facts, "target": target, "table": {"n_times_with_hours": 7}}})
    text = " ".join(write(records=[told if record is panel else record for record in records]).text)
    assert ("Brier skill. The target is 0 or 1" in text) is is_said
    assert ("An R2 of it is a Brier skill score" in text) is is_said
    assert "read its target for returns, and an entity for a stock" in text
    assert "Found in the table" in text
