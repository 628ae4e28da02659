"""The page of an audit: its models beside the panel's days, and each pair's conclusions."""

import numpy as np
import pytest

from tasks.common.text import DASH
from tasks.premium.inference.verdict import conclude
from tasks.report.build import write_report
from tasks.report.config import ReportConfig
from tasks.schemas.artifacts import Check, MeasuredModel, Preflight, Report
from tasks.schemas.estimates import Interval
from tasks.schemas.scores import PairScores, Reduction
from tests.report.conftest import model_score
from tests.report.page_reader import Page, after, words
from tests.report.sample_robust import TAILS, made_fits, made_power, made_robust

EVIL = "<script>alert(1)</script>"
PAIRS = ("base - placebo", "base - trained")


def measured(name: str, **changed: object) -> MeasuredModel:
    fields = {"cutoff": "2018-12-31", "what": "a model", "width": 32, "n_days_before": 168, "n_days_after": 307}
    return MeasuredModel.model_validate({"name": name, **fields, **changed})


@pytest.fixture
def write_audit(write_inputs, records, tmp_path):
    """Writes the report of an audit of three models, whose names are those of the sample's arms."""

    def write(models: list[MeasuredModel], notes: tuple[str, ...] = (), pairs: tuple[str, ...] = PAIRS):
        names = ("base", "placebo", "trained") if pairs else ("base",)
        fits = made_fits(*names)
        own = {
            pair: PairScores(
                conclusions=conclude(fits, pair, TAILS, is_shrunk=False), power=[made_power("gain", "unscaled", 0.01)]
            )
            for pair in pairs
        }
        score = model_score(-0.2, -0.04, Interval(p2_5=0.1, p50=0.2, p97_5=0.3))
        reduction = Reduction(point=0.01, interval=Interval(p2_5=-0.1, p50=0.0, p97_5=0.1))
        folders = write_inputs(
            robust=made_robust(fits=fits, pairs=own),
            models=dict.fromkeys(names, score),
            reductions=dict.fromkeys(pairs, reduction),
            pairs=list(pairs),
        )
        np.save(folders["premium"] / "draws.npy", np.random.default_rng(0).normal(size=(197, 1 + 2 * len(names))))
        checks = [Check(name="disk", passed=True, value="31 GB free", bound="1 GB")]
        preflight = Preflight(checks=checks, models=models, notes=list(notes))
        (folders["preflight"] / "checks.json").write_text(preflight.model_dump_json())
        del folders["corpus"]
        write_report(ReportConfig(title="Leakage audit"), folders, records, tmp_path)
        return Page(Report(tmp_path).page.read_text()), Report(tmp_path).table()

    return write


def test_every_pair_has_its_verdicts_and_the_table_a_column_for_each(write_audit):
    page, table = write_audit([measured("base"), measured("trained", cutoff="unknown", n_days_after=None)])
    for pair in PAIRS:
        name = f"{pair} (knowledge of the future only where nothing else tells the two apart)"
        assert after(page, name, 1)[0] in ("Above zero", "Below zero", "Undecided")
        assert f"{pair}, standardized" in page.text
    assert [*table[0]] == ["figure", "base", "placebo", "trained", *PAIRS]
    verdicts = next(row for row in table if row["figure"] == "lookahead")
    assert {verdicts[pair] for pair in PAIRS} <= {"above zero", "below zero", "undecided"}
    text = words(page)
    assert "The models of an audit differ in more than the text they know" in text
    for absent in ("No placebo arm was run", "has no ledger", "the base trained on as many tokens"):
        assert absent not in text


def test_models_are_listed_with_the_days_on_either_side_of_their_cutoff(write_audit):
    unknown = measured("trained", cutoff="unknown", n_days_before=None, n_days_after=None)
    page, _ = write_audit([measured("base"), unknown])
    assert after(page, "days after it", 12) == [
        *("base", "2018-12-31", "a model", "32", "168", "307"),
        *("trained", "unknown", "a model", "32", DASH, DASH),
    ]


def test_what_a_user_names_is_text_and_never_markup(write_audit):
    page, _ = write_audit([measured("base", what=EVIL, cutoff=EVIL)], notes=(EVIL,))
    assert page.text.count(EVIL) == 3
    assert "script" not in page.tags


def test_with_one_model_to_compare_nothing_is_concluded_and_the_page_says_so(write_audit):
    page, table = write_audit([measured("base")], pairs=())
    assert "One model was measured: there is no difference between models, and no conclusion is drawn." in words(page)
    assert [*table[0]] == ["figure", "base"]
    assert "What to expect, and where this run is" in page.text
