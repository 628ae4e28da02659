"""The trained ladder through the audit pipeline: its report states what was planted, and the measure's own figures."""

from pathlib import Path

import pytest

from flows.pipelines.registry import load, pipeline_of
from flows.runner.inline import run_inline
from tasks.premium.config import RobustConfig
from tasks.schemas.artifacts import Report
from tasks.schemas.estimates import CO_PRIMARY
from tasks.schemas.results import QuotedLadder, QuotedShare, Results
from tasks.store.store import open_store
from tests.premium.audited_ladder import FAMILY, SEED, TITLES, write_audit
from tests.premium.made_ladder import ladder_of
from tests.premium.trained_ladder import CUTOFFS, trained_ladder

pytestmark = [pytest.mark.slow, pytest.mark.trainer]
R = 0.2


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Report]:
    """By what is planted."""
    with pytest.MonkeyPatch.context() as patch:
        state = tmp_path_factory.mktemp("ladder")
        patch.setenv("HINDSIGHT_STATE", str(state))
        patch.setenv("HINDSIGHT_STORE", str(state / "store"))
        trained, store = trained_ladder(), open_store()
        recipes = {r: load(write_audit(trained, r, state)) for r in TITLES}
        return {r: Report(store.fetch(run_inline(pipeline_of(own))["report"])) for r, own in recipes.items()}


def quoted(report: Report) -> QuotedLadder:
    [ladder] = Results.read(report.path).ladders
    return ladder


def against(what: str, ladder: QuotedLadder) -> dict[str, QuotedShare]:
    return {own.fit: own for own in ladder.shares if own.against == what}


def test_the_planted_share_is_in_both_intervals_and_the_verdict_is_a_tent(reports: dict[float, Report]) -> None:
    ladder = quoted(reports[R])
    assert (ladder.family, [rung.model for rung in ladder.rungs], ladder.verdict) == (FAMILY, [*CUTOFFS], "tent")
    shares = against("flat", ladder)
    assert tuple(shares) == CO_PRIMARY
    assert all(own.low <= R <= own.high for own in shares.values())


def test_with_nothing_planted_the_verdict_is_flat(reports: dict[float, Report]) -> None:
    ladder = quoted(reports[0.0])
    assert ladder.verdict == "flat"
    assert all(own.low <= 0 <= own.high for own in against("flat", ladder).values())


@pytest.mark.parametrize("r", TITLES)
def test_the_reports_shares_are_the_measures_on_the_same_rows_as_arrays(reports: dict[float, Report], r: float) -> None:
    """Through a table, vectors in files, the store and another order of rows, not a figure is changed."""
    ladder = quoted(reports[r])
    measured = ladder_of(trained_ladder().planted(r, SEED), CUTOFFS, RobustConfig().n_draws)
    assert ladder.verdict == measured.verdict
    for what, field in (("flat", "share"), ("line", "share_beside_line")):
        for fit, own in against(what, ladder).items():
            found = getattr(measured.fits[fit].combined, field)
            assert (own.point, own.low, own.high) == pytest.approx((found.point, *found.interval), abs=1e-9)


def test_the_second_answer_of_the_page_says_what_was_found(reports: dict[float, Report]) -> None:
    for r, begins in ((R, "lookahead is shown, share r = +0."), (0.0, "no lookahead is found, share r = ")):
        answer = Results.read(reports[r].path).findings[1].answer
        assert answer.startswith(f"{FAMILY}: {begins}")
        assert Path(reports[r].page).read_text().count(f'aria-label="Ladder of cutoffs, {FAMILY}"') == 1
