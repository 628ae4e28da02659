"""The verdict in words: what it says follows from the scores, and what speaks against it is named."""

import pytest

from tasks.premium.inference.verdict import conclude
from tasks.report.quoted import Quoted
from tasks.report.verdict.answer import verdict
from tasks.report.verdict.leakage import QUESTION
from tasks.schemas.estimates import CO_PRIMARY
from tasks.schemas.results import Finding
from tasks.schemas.scores import HEADLINE_PAIR, Conclusion, PairScores, PremiumScores
from tests.report.conftest import made_scores
from tests.report.sample_robust import (
    HEAVY,
    TAILS,
    estimate,
    made_fits,
    made_power,
    made_robust,
    with_difference,
)

DIGEST = "a" * 64


def answers(scores: PremiumScores, relation: str = "pretrained") -> dict[str, Finding]:
    """By the number of the question."""
    return {str(number): own for number, own in enumerate(verdict(Quoted(scores, DIGEST), relation), start=1)}


def of_robust(**changed: object) -> dict[str, Finding]:
    return answers(made_scores(robust=made_robust(**changed)))


@pytest.mark.parametrize(
    ("lookahead", "gain", "outcome", "begins"),
    [
        (0.05, 0.05, "shown", "Yes: base predicts better than trained on unseen stocks and days; base predicts better"),
        (0.05, 0.0, "partly", "In part: base predicts better than trained on unseen stocks and days; base and trained"),
        (
            0.0,
            0.05,
            "partly",
            "In part: base and trained cannot be told apart on unseen stocks and days; base predicts",
        ),
        (0.0, 0.0, "not shown", "Not shown: base and trained cannot be told apart, neither on unseen stocks and days"),
        (-0.05, 0.0, "not shown", "Not shown: trained predicts better than base on unseen stocks and days; base and"),
        (-0.05, 0.05, "partly", "In part: trained predicts better than base on unseen stocks and days; base predicts"),
    ],
)
def test_the_first_answer_follows_from_the_side_of_zero_of_both_figures(lookahead, gain, outcome, begins):
    fits = with_difference(lookahead=estimate(lookahead, 0.01), gain=estimate(gain, 0.01))
    first = of_robust(fits=fits)["1"]
    assert (first.question, first.outcome) == (QUESTION, outcome)
    assert first.answer.startswith(begins)
    assert ("Not shown does not mean absent" in " ".join(first.because)) is (outcome == "not shown")
    assert [(own.figure, own.fit) for own in first.figures] == [
        *(("lookahead", "unscaled"), ("lookahead", "standardized")),
        *(("gain", "unscaled"), ("gain", "standardized")),
    ]


ONE_BETTER = "{0} predicts better than {1} on unseen stocks and days; {0} predicts better than {1} on the days"


@pytest.mark.parametrize(
    ("lookahead", "gain", "outcome", "begins"),
    [
        (0.05, 0.05, "shown", f"Yes: {ONE_BETTER.format('base', 'trained')}"),
        (-0.05, -0.05, "shown", f"Yes: {ONE_BETTER.format('trained', 'base')}"),
        (-0.05, 0.0, "partly", "In part: trained predicts better than base on unseen stocks and days; base and"),
        (0.05, -0.05, "partly", "In part: base predicts better than trained on unseen stocks and days; trained"),
        (0.0, 0.0, "not shown", "Not shown: base and trained cannot be told apart, neither on unseen stocks and days"),
    ],
)
def test_of_an_audits_models_either_side_of_zero_is_shown_and_the_better_one_named(lookahead, gain, outcome, begins):
    fits = with_difference(lookahead=estimate(lookahead, 0.01), gain=estimate(gain, 0.01))
    found = answers(made_scores(robust=made_robust(fits=fits)), "separate")
    assert found["1"].outcome == outcome
    assert found["1"].answer.startswith(begins)
    # The third question cannot say that they differ where the first says that nothing is shown.
    assert (found["1"].outcome == "not shown") is (found["3"].outcome == "not shown")


@pytest.mark.parametrize("relation", ["pretrained", "separate"])
@pytest.mark.parametrize(
    ("lookahead", "gain", "doubt"),
    [
        (-0.05, 0.05, "have opposite signs: it is also what knowledge of trained makes that ends at the cut"),
        (0.05, -0.05, "have opposite signs: it is also what knowledge of base makes that ends at the cut"),
        (0.0, 0.05, "The gain of base - trained alone says little: it is also what knowledge of trained makes"),
        (0.05, 0.05, None),
        (0.05, 0.0, None),
    ],
)
def test_a_gain_without_lookahead_of_its_sign_is_doubted(lookahead, gain, doubt, relation):
    fits = with_difference(lookahead=estimate(lookahead, 0.01), gain=estimate(gain, 0.01))
    doubts = answers(made_scores(robust=made_robust(fits=fits)), relation)["1"].doubts
    found = [text for text in doubts if "knowledge of" in text]
    assert len(found) == (doubt is not None)
    assert doubt is None or doubt in found[0]


def test_every_figure_has_its_interval_rows_and_artifact_as_the_scores_have_them():
    scores = made_scores()
    for finding in answers(scores).values():
        for own in finding.figures:
            fit = scores.robust.fits[own.fit]
            found = getattr(fit.differences[own.of] if " - " in own.of else fit.models[own.of], own.figure)
            assert (own.point, own.ends, own.artifact) == (found.point, found.interval, DIGEST)
    gain = answers(scores)["1"].figures[2]
    assert (gain.figure, gain.n_rows, gain.n_draws) == ("gain", 31, 196)


def test_an_untrained_base_has_no_leakage_to_show_and_one_model_measures_none():
    untrained = answers(made_scores(), "untrained")["1"]
    assert untrained.outcome == "fact"
    assert untrained.answer.startswith(
        "Not the question of this run, whose base had read nothing: base predicts better"
    )
    alone = answers(made_scores(robust=made_robust(pairs={}), pairs=[], reductions={}), "separate")
    assert [own.outcome for own in alone.values()] == ["not measured", "fact", "not measured", "not measured", "fact"]


def test_several_pairs_are_counted_and_those_that_differ_are_named():
    fits = made_fits("base", "placebo", "trained")
    pairs = ("base - placebo", "base - trained")
    own = {pair: PairScores(conclusions=conclude(fits, pair, TAILS, is_shrunk=False)) for pair in pairs}
    found = answers(made_scores(robust=made_robust(fits=fits, pairs=own), pairs=list(pairs)), "separate")
    sides = {pair: [one.verdict for one in scores.conclusions.values()] for pair, scores in own.items()}
    clear = [pair for pair, verdicts in sides.items() if "above zero" in verdicts]
    assert clear == ["base - trained"]
    assert found["1"].answer == "In part, by 1 of 2 comparisons: base better than trained."
    assert found["3"].answer == "Clear of zero under both fits: base - trained on unseen stocks and days."


def test_more_than_two_comparisons_are_counted_in_the_answers_and_stand_below_one_by_one():
    fits = made_fits("base", "placebo", "trained")
    sizes = {"base - placebo": 0.01, "base - trained": 0.03, "placebo - trained": 0.02}
    powers = {
        pair: [made_power(metric, fit, size) for metric in ("lookahead", "gain") for fit in CO_PRIMARY]
        for pair, size in sizes.items()
    }
    powers["placebo - trained"].pop()
    above = Conclusion(verdict="above zero", reason="")
    sides = {"base - placebo": {"lookahead": above, "gain": above}, "base - trained": {"lookahead": above}}
    own = {pair: PairScores(conclusions=sides.get(pair, {}), power=power) for pair, power in powers.items()}
    found = answers(made_scores(robust=made_robust(fits=fits, pairs=own), pairs=[*sizes]), "separate")
    least = made_power("lookahead", "unscaled", 0.01).smallest_detectable
    most = made_power("lookahead", "unscaled", 0.03).smallest_detectable
    assert found["4"].answer.startswith(
        f"Lookahead: {least:.4f} to {most:.4f} of R2, or more, in 3 comparisons; gain: "
    )
    assert found["4"].answer.endswith("in 2 comparisons, nothing in 1.")
    assert [text.split(":")[0] for text in found["4"].each[:2]] == [
        "Lookahead of base - placebo",
        "Gain of base - placebo",
    ]
    assert found["1"].answer == "Yes, by 1 of 3 comparisons: base better than placebo. In part, by 1 more."
    assert [len(found[number].each) for number in "14"] == [3, 6]


def test_without_robust_scores_no_verdict_follows():
    [only] = verdict(Quoted(made_scores(robust=None), DIGEST), "pretrained")
    assert (only.outcome, only.figures) == ("not measured", [])


def test_fits_that_are_clear_of_zero_on_opposite_sides_are_said_to_contradict_each_other():
    assert answers(made_scores())["1"].answer == (
        "In part: base predicts better than trained on unseen stocks and days; the two fits contradict each other on "
        "the days after the cut."
    )


def test_the_shares_say_in_words_what_is_clear_of_zero():
    assert answers(made_scores())["2"].answer == (
        "base: no clear effect of shared days, +0.0218 [-0.0082, +0.0518]; nothing clear of zero remains on unseen "
        "stocks and days, +0.0183 [-0.0317, +0.0683] (R2, standardized columns). Their difference on the same "
        "rows is measured more closely: lookahead, base - trained, +0.0122 [+0.0047, +0.0197]."
    )
    clear = {"shared_day_effect": estimate(0.2, 0.1), "disjoint": estimate(0.05, 0.01)}
    fits = made_fits()
    own = fits["standardized"].models
    models = {**own, "base": own["base"].model_copy(update=clear)}
    fits["standardized"] = fits["standardized"].model_copy(update={"models": models})
    assert of_robust(fits=fits)["2"].answer.startswith(
        "base: sharing days is worth +0.2000 [+0.1000, +0.3000]; what remains on unseen stocks and days is +0.0500"
    )


def test_controls_that_earn_as_much_are_named_with_their_premium():
    [doubt] = answers(made_scores())["2"].doubts
    assert "The premium of base, +0.2185 with unscaled columns, is no evidence by itself" in doubt
    assert "one-hot date +0.3580, cannot know the future" in doubt
    assert of_robust(controls=[])["2"].doubts == []


def test_what_could_be_found_is_the_larger_of_both_fits_and_nothing_where_one_is_blind():
    assert answers(made_scores())["4"].answer == (
        "Lookahead: 0.0279 of R2 (2.8% of the variance) or more; gain: 0.0227 of R2 (2.3% of the variance) or more."
    )
    blind = of_robust(power=[made_power("lookahead", "unscaled", 0.01), made_power("gain", "unscaled", 0.01)])
    assert blind["4"].answer.startswith("Lookahead: nothing, for the standardized fit is blind here; gain: nothing")
    assert blind["5"].answer.startswith("Lookahead and shared-day effect: with care.")
    assert "It is no evidence that there is no effect." in " ".join(blind["5"].doubts)
    heavy = of_robust(tails=HEAVY)["4"]
    assert heavy.answer == (
        "Lookahead: 0.0279 of R2 (2.8% of the variance) or more; gain: nothing, for a few days decide it."
    )


@pytest.mark.parametrize(
    ("changed", "doubt", "answer"),
    [
        ({"tails": HEAVY}, "carries 61%", "reduction: no, a few days decide them"),
        ({"n_kept_draws": 60, "n_draws": 60}, "Only 60 draws", "shared-day effect: with care"),
        (
            {"n_kept_draws": 180, "dropped_draws": {"undefined_on": 20}},
            "180 of 200 draws were kept (20 for",
            "with care",
        ),
    ],
)
def test_what_makes_an_interval_untrusted_is_named(changed, doubt, answer):
    found = of_robust(**changed)["5"]
    assert any(doubt in text for text in found.doubts)
    assert answer in found.answer
    assert answers(made_scores())["5"].doubts == []


def test_a_wide_interval_is_named_and_makes_the_answer_careful():
    wide = estimate(0.0, 0.01).model_copy(update={"is_wide": True})
    found = of_robust(fits=with_difference(lookahead=wide))
    assert found["1"].figures[0].is_wide
    assert found["5"].answer.startswith("Lookahead and shared-day effect: with care.")
    assert "Intervals of lookahead (unscaled), lookahead (standardized) are marked. Wide:" in found["5"].doubts[0]


def test_the_width_of_an_interval_is_as_uncertain_as_its_number_of_draws_says():
    # The standard error of a standard deviation of n normal draws, relative to it, is 1 / sqrt(2 (n - 1)).
    assert "uncertain by 5 % (one standard error)" in answers(made_scores())["5"].because[0]
    assert "uncertain by 10 % (one standard error)" in of_robust(n_kept_draws=51, n_draws=51)["5"].because[0]


def test_a_hypothesis_stated_before_the_run_is_answered_with_the_first_question():
    assert "Stated before the run: Training on text up to 2017-07-02" in answers(made_scores())["1"].because[-1]
    assert made_robust().pairs[HEADLINE_PAIR].answer.verdict in answers(made_scores())["1"].because[-1]
