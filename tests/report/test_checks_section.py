"""The robustness checks on the page."""

from tasks.schemas.checks import NumericalNoise
from tasks.schemas.estimates import CO_PRIMARY
from tasks.schemas.scores import ModelScore
from tests.report.page_reader import after, words
from tests.report.sample_checks import CHECKS, DECODABILITY, PORTFOLIOS, made_portfolio, no_estimate
from tests.report.sample_robust import made_robust


def test_every_model_and_pair_has_its_walk_forward_and_date_disjoint_premium_with_intervals_and_counts(write):
    page = write()
    assert after(page, "R2 walk-forward, base", 3)[1:] == ["-0.2701", "[-0.3401, -0.2001]"]
    assert after(page, "premium, date-disjoint, trained", 3)[1:] == ["+0.1219", "[+0.0019, +0.2419]"]
    assert after(page, "reduction, date-disjoint, base - trained", 1) == ["difference of their date-disjoint premiums"]
    assert after(page, "R2 walk-forward, base - trained", 3)[1:] == ["-0.0669", "[-0.0799, -0.0539]"]
    assert "Tested: walk-forward 500 rows on 417 days." in words(page)
    assert after(page, "walk-forward, purged", 3) == ["5", "1,480", "500"]


def test_decay_has_a_row_per_span_with_rows_days_and_intervals_and_says_what_is_missing(write):
    page = write()
    assert "trained, cutoff 2017-07-02" in page.text
    assert after(page, "up to the cutoff, disjoint", 7) == [
        *("150 rows", "+0.0200", "[+0.0120, +0.0280]", "100 days"),
        *("+0.0500", "[+0.0300, +0.0700]", "90 days"),
    ]
    assert "R2 of up to the cutoff, off, rank IC of up to the cutoff, off: 0 days of this span are tested" in words(
        page
    )
    without = write(robust=made_robust(checks=CHECKS.model_copy(update={"decay": {}})))
    assert "No model of this run has a knowledge cutoff" in words(without)


def test_the_portfolio_has_gross_and_net_ratios_turnover_and_paired_differences(write):
    page = write()
    start = page.text.index("Long-short portfolio")
    base = page.text.index("base", start)
    assert page.text[base + 1 : base + 9] == [
        *("417 days tested, 12 stocks on the median day", "+1.50", "[+0.50, +2.50]", "400 days"),
        *("+0.75", "[-0.25, +1.75]", "400 days", "turnover 3.62 a day"),
    ]
    pair = page.text.index("base - trained", start)
    assert page.text[pair + 1 : pair + 4] == ["difference, paired by day", "+1.25", "[+0.45, +2.05]"]
    assert "the 20% of stocks" in words(page)
    assert "net of 5 hundredths of a percent" in words(page)


def test_a_portfolio_that_cannot_be_made_says_why(write):
    none = made_portfolio(0).model_copy(update={"gross": no_estimate("3 days count."), "net": no_estimate("same.")})
    models = {"base": none, "trained": made_portfolio(1)}
    portfolios = {"unscaled": PORTFOLIOS.model_copy(update={"models": models})}
    text = words(write(robust=made_robust(checks=CHECKS.model_copy(update={"portfolios": portfolios}))))
    assert "\N{EN DASH} Sharpe ratio of base: 3 days count." in text
    left_out = CHECKS.model_copy(update={"portfolios": {}, "why_no_portfolio": "the target is no return"})
    assert "There is no portfolio: the target is no return." in words(write(robust=made_robust(checks=left_out)))


def test_the_references_checks_have_a_column_per_model_and_a_reason_where_there_is_none(write):
    page = write()
    assert after(page, "R2 off, embargo of five days", 4) == ["-0.2605", "-0.1939", "564", "31"]
    assert after(page, "premium, embargo of five days", 2) == ["+0.2000", "+0.2000"]
    assert after(page, "R2 walk-forward, five folds", 2) == ["-0.1303", "-0.0969"]
    assert after(page, "R2 walk-forward, five folds, mean of folds", 2) == ["-0.1563", "-0.1163"]
    assert after(page, "R2 walk-forward, embargo of five days", 1) == ["\N{EN DASH}"]
    assert "R2 walk-forward, embargo of five days of trained: five days are too few." in words(page)


def test_a_page_of_earlier_scores_says_that_they_have_no_checks(write):
    assert "of an earlier version, have no robustness checks" in words(write(robust=made_robust(checks=None)))
    assert ModelScore.model_fields["checks"].default is None


def test_numerical_noise_has_a_row_per_model_embedded_twice_and_no_heading_without_one(write):
    spreads = {"largest_relative_difference": 0.0123, "mean_relative_difference": 0.0045}
    figures = {fit: {"disjoint": 0.0011, "off": 0.0022, "premium": 0.0033} for fit in CO_PRIMARY}
    one = NumericalNoise(settings="precision bf16", n_rows=256, n_panel_rows=1480, **spreads, figures=figures)
    none = one.model_copy(update={"figures": {}, "why_none": "the repeated rows cannot be scored by themselves: why"})
    page = write(robust=made_robust(noise={"base": one, "trained": none}))
    start = page.text.index("Numerical noise")
    base = page.text.index("precision bf16", start)
    assert page.text[base : base + 5] == ["precision bf16", "256 of 1,480", "1.2e-02", "4.5e-03", "1.1e-03"]
    assert "\N{EN DASH} figures of trained: the repeated rows cannot be scored by themselves: why" in words(page)
    assert "Numerical noise" not in write().text


def test_decodability_has_scores_beside_chance_and_the_share_of_the_effect_or_why_there_is_none(write):
    page = write(robust=made_robust(checks=CHECKS.model_copy(update={"decodability": DECODABILITY})))
    start = page.text.index("Decodability")
    base = page.text.index("base", start)
    assert page.text[base + 1 : base + 8] == [
        *("1,480 rows", "+0.9100", "[+0.8900, +0.9300]", "chance 0.0000"),
        *("+0.5000", "[+0.4800, +0.5200]", "chance 0.0500 of 60"),
    ]
    again = page.text.index("base", base + 1)
    assert page.text[again + 1 : again + 8] == [
        *("57 to 59 directions removed", "+0.2000", "[+0.1000, +0.3000]", "+0.1500", "[+0.0500, +0.2500]"),
        *("+0.7500", "[+0.5500, +0.9500]"),
    ]
    assert "share of base, standardized: the effect holds zero" in words(page)
    assert "stock of base: all rows have the same stock" in words(page)
    assert "Decodability" not in write().text
