"""The base's figures are equal to the bit where panel, base states and settings are equal."""

import math

import pytest

from tasks.sweep.errors import BaseDiffers
from tasks.sweep.same_base import check_base_figures
from tests.report.sample_robust import made_robust
from tests.sweep.samples import made_scores, made_variation, model_score


def test_equal_figures_share_a_base() -> None:
    assert list(check_base_figures([made_variation("lora"), made_variation("full")]).values()) == [["lora", "full"]]


def test_a_difference_of_one_bit_is_refused_with_both_values_and_both_names() -> None:
    off = -0.26
    other = made_scores(base=model_score(off, math.nextafter(-0.04, 0)))
    with pytest.raises(
        BaseDiffers, match=r"is -?0\.\d+ in lora and -?0\.\d+ in full, though panel, base states"
    ) as caught:
        check_base_figures([made_variation("lora"), made_variation("full", other)])
    assert "base.premium" in str(caught.value)


def test_a_control_on_the_bases_states_counts_as_a_figure_of_the_base() -> None:
    robust = made_robust()
    first = robust.controls[0]
    fits = first.fits | {"winsorized": first.fits["winsorized"].model_copy(update={"on": 0.5})}
    controls = [first.model_copy(update={"fits": fits}), *robust.controls[1:]]
    other = made_scores(robust=robust.model_copy(update={"controls": controls}))
    with pytest.raises(BaseDiffers, match=r"robust\.controls\.\w+\.fits\.winsorized\.on is .* and 0\.5 in full"):
        check_base_figures([made_variation("lora"), made_variation("full", other)])


def test_nan_is_equal_to_itself() -> None:
    undefined = made_scores(base=model_score(float("nan"), -0.04))
    check_base_figures([made_variation("a", undefined), made_variation("b", undefined.model_copy(deep=True))])


def test_another_panel_other_states_or_other_settings_give_another_base() -> None:
    other = made_scores(base=model_score(-0.1, -0.04))
    found = [
        made_variation("here"),
        made_variation("panel", other, panel="q" * 64),
        made_variation("states", other, base="c" * 64),
        made_variation("settings", other, {"seed": 7}),
    ]
    assert len(check_base_figures(found)) == 4


def test_a_hypothesis_does_not_change_the_base() -> None:
    asked = {"hypothesis": {"statement": "It falls.", "metric": "reduction", "at_least": 0.1}}
    assert len(check_base_figures([made_variation("plain"), made_variation("asked", config=asked)])) == 1


def test_other_versions_of_packages_are_named() -> None:
    other = made_variation("full", made_scores(base=model_score(-0.1, -0.04)))
    older = other.record.model_copy(update={"versions": {"numpy": "2.0.0"}})
    with pytest.raises(BaseDiffers, match=r"numpy 2\.4\.6 and 2\.0\.0"):
        check_base_figures([made_variation("lora"), type(other)("full", older, other.scores)])
