"""The base's figures are the same to the bit wherever they are made of the same things."""

import math

import pytest

from tasks.sweep.errors import BaseDiffers
from tasks.sweep.same_base import refuse_other_base
from tests.report.sample_robust import made_robust
from tests.sweep.samples import made_measured, made_scores, model_score


def test_equal_figures_share_a_base() -> None:
    assert list(refuse_other_base([made_measured("lora"), made_measured("full")]).values()) == [["lora", "full"]]


def test_one_bit_apart_is_refused_with_both_values_and_both_names() -> None:
    off = -0.26
    other = made_scores(base=model_score(off, math.nextafter(-0.04, 0)))
    with pytest.raises(
        BaseDiffers, match=r"is -?0\.\d+ in lora and -?0\.\d+ in full, though panel, base states"
    ) as told:
        refuse_other_base([made_measured("lora"), made_measured("full", other)])
    assert "base.premium" in str(told.value)


def test_a_control_of_the_bases_states_counts_as_the_bases_figure() -> None:
    robust = made_robust()
    controls = [robust.controls[0].model_copy(update={"on": 0.5}), *robust.controls[1:]]
    other = made_scores(robust=robust.model_copy(update={"controls": controls}))
    with pytest.raises(BaseDiffers, match=r"robust\.controls\.\w+\.on is .* and 0\.5 in full"):
        refuse_other_base([made_measured("lora"), made_measured("full", other)])


def test_a_figure_that_is_not_a_number_is_the_same_as_itself() -> None:
    undefined = made_scores(base=model_score(float("nan"), -0.04))
    refuse_other_base([made_measured("a", undefined), made_measured("b", undefined.model_copy(deep=True))])


def test_another_panel_other_states_or_other_settings_are_another_base() -> None:
    other = made_scores(base=model_score(-0.1, -0.04))
    measured = [
        made_measured("here"),
        made_measured("panel", other, panel="q" * 64),
        made_measured("states", other, base="c" * 64),
        made_measured("settings", other, {"seed": 7}),
    ]
    assert len(refuse_other_base(measured)) == 4


def test_a_question_is_no_part_of_the_base() -> None:
    asked = {"hypothesis": {"statement": "It falls.", "metric": "reduction", "at_least": 0.1}}
    assert len(refuse_other_base([made_measured("plain"), made_measured("asked", config=asked)])) == 1


def test_other_versions_of_packages_are_named() -> None:
    other = made_measured("full", made_scores(base=model_score(-0.1, -0.04)))
    older = other.record.model_copy(update={"versions": {"numpy": "2.0.0"}})
    with pytest.raises(BaseDiffers, match=r"numpy 2\.4\.6 and 2\.0\.0"):
        refuse_other_base([made_measured("lora"), type(other)("full", older, other.scores)])
