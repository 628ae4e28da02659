"""Any number of models is measured on the same draws: the figures are those of measuring them apart."""

import json

import numpy as np
import pytest

from tasks.premium.build import write_premium
from tasks.premium.config import Hypothesis, PremiumConfig, RobustConfig
from tasks.premium.errors import UnknownModel
from tasks.schemas.scores import PremiumScores

CONFIG = PremiumConfig(n_draws=20, n_folds=2, robust=RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5))
MODELS = ("ignorant", "vintage-2013", "vintage-2016", "wide")


@pytest.fixture
def four(inputs, tmp_path):
    """Folders of a panel and the states of four models of different widths."""
    rng = np.random.default_rng(8)
    folders = {"panel": inputs["panel"]} | {name: tmp_path / name for name in MODELS}
    for width, name in enumerate(MODELS, start=2):
        folders[name].mkdir()
        np.save(folders[name] / "states.npy", rng.normal(size=(120, width)).astype(np.float32))
        (folders[name] / "prompts.sha256").write_text((inputs["base"] / "prompts.sha256").read_text())
    return folders


@pytest.fixture
def measure(four, tmp_path):
    """Measures some of the four models, and gives scores and draws."""

    def measured(*names: str, **changed: object) -> tuple[PremiumScores, np.ndarray, np.ndarray]:
        folder = tmp_path / "-".join(["scores", *names])
        folder.mkdir()
        inputs = {name: four[name] for name in ("panel", *names)}
        write_premium(CONFIG.model_copy(update=changed), inputs, folder)
        return PremiumScores.read(folder), np.load(folder / "draws.npy"), np.load(folder / "two_way.npy")

    return measured


def test_four_models_have_the_figures_of_four_runs_and_each_pair_those_of_a_run_of_two(measure):
    scores, draws, two_way = measure(*MODELS)
    assert list(scores.models) == list(MODELS)
    for place, name in enumerate(MODELS):
        alone, own_draws, own_two_way = measure(name)
        assert alone.models[name] == scores.models[name]
        np.testing.assert_array_equal(own_draws[:, 1:], draws[:, 1 + 2 * place : 3 + 2 * place])
        np.testing.assert_array_equal(own_two_way[:, 1:], two_way[:, 1 + 24 * place : 25 + 24 * place])
        for fit, found in alone.robust.fits.items():
            assert found.models[name] == scores.robust.fits[fit].models[name]
    for one, other in (("ignorant", "wide"), ("vintage-2013", "vintage-2016")):
        pair = f"{one} - {other}"
        apart = measure(one, other)[0]
        assert apart.reductions[pair] == scores.reductions[pair]
        assert apart.robust.difference(pair) == scores.robust.difference(pair)
    assert len(scores.reductions) == 6


def test_conclusions_are_on_each_pair_with_the_reference_unless_the_config_names_some(measure):
    hypothesis = Hypothesis(statement="The first knows more.", at_least=0.0)
    scores = measure(*MODELS[:3], hypothesis=hypothesis)[0]
    assert scores.pairs == list(scores.robust.pairs) == ["ignorant - vintage-2013", "ignorant - vintage-2016"]
    assert {*scores.robust.pairs["ignorant - vintage-2013"].conclusions} == {"lookahead", "gain"}
    assert all(pair.answer.statement == "The first knows more." for pair in scores.robust.pairs.values())
    named = measure(*MODELS, reference="wide", compared=("vintage-2016",))[0]
    assert list(named.models) == ["wide", "ignorant", "vintage-2013", "vintage-2016"]
    assert named.pairs == ["wide - vintage-2016"]
    assert named.compared == ["wide", "vintage-2016"]


def test_one_model_has_figures_and_controls_and_no_pair(measure):
    scores = measure("wide")[0]
    assert scores.robust.fits["unscaled"].models["wide"].premium.interval
    assert {control.name for control in scores.robust.controls} >= {"noise", "one_hot_date"}
    assert (scores.pairs, scores.reductions, scores.robust.pairs) == ([], {}, {})
    assert scores.compared == ["wide"]


@pytest.mark.parametrize(("changed", "named"), [({"reference": "large"}, "large"), ({"compared": ("small",)}, "small")])
def test_a_config_that_names_another_model_is_refused_with_the_models_there_are(four, tmp_path, changed, named):
    inputs = {name: four[name] for name in ("panel", *MODELS)}
    with pytest.raises(UnknownModel, match=f"'{named}'; the models of this run are ignorant, vintage-2013"):
        write_premium(CONFIG.model_copy(update=changed), inputs, tmp_path)
    with pytest.raises(UnknownModel, match="at least one model"):
        write_premium(CONFIG, {"panel": four["panel"]}, tmp_path)


def test_the_order_in_which_models_are_passed_changes_nothing(four, tmp_path):
    written = []
    for names in (MODELS, MODELS[::-1]):
        write_premium(CONFIG, {name: four[name] for name in (*names, "panel")}, tmp_path)
        written.append(json.loads((tmp_path / "scores.json").read_text()))
    assert written[0] == written[1]
    assert list(written[0]["models"]) == list(written[1]["models"])
