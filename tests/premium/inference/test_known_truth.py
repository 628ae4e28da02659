"""What figures are expected to be, against planted panels: formulas and fits share nothing but the splits."""

from itertools import product

import numpy as np
import pytest

from tasks.premium.inference.evaluate import score
from tasks.premium.inference.known_truth import expected_figures, expected_r2
from tasks.premium.inference.schemes import make_schemes
from tests.premium.planted import planted_scores
from tests.premium.sample_panels import cut_after, made_rows

N_STOCKS, N_DAYS, N_TRAIN_DAYS, R = 40, 100, 80, 0.3


@pytest.fixture(scope="module")
def planted():
    """(24 panels, 4 knowledge ends, 5 schemes) R2 of a column that knows all days up to an end, and the schemes."""
    rows = made_rows(np.zeros((N_STOCKS, N_DAYS)))
    schemes, _ = make_schemes(rows.labels, cut_after(rows, N_TRAIN_DAYS))
    day = np.tile(np.arange(N_DAYS), N_STOCKS)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(24):
        target, noise = rng.normal(size=(2, len(day)))
        known = [np.where(day < end, np.sqrt(R) * target + np.sqrt(1 - R) * noise, noise) for end in (0, 60, 80, 100)]
        found.append([score(own[:, None], target, schemes).r2[0, 0] for own in known])
    return np.array(found), schemes, day


@pytest.mark.parametrize("index", [0, 1, 2, 3], ids=["nothing", "three_quarters", "up_to_the_cut", "beyond"])
def test_every_schemes_r2_of_a_planted_column_is_the_formulas(planted, index):
    found, schemes, day = planted
    expected = expected_r2(schemes, day < (0, 60, 80, 100)[index])
    mean, error = found[:, index].mean(axis=0), found[:, index].std(axis=0, ddof=1) / np.sqrt(len(found))
    for number, scheme in enumerate(schemes):
        # Estimating two coefficients on 3,000 rows, and a test mean on 800, costs up to 0.003.
        assert abs(mean[number] - R * expected[scheme.name]) < 3.5 * error[number] + 3e-3, scheme.name


def test_lookahead_and_gain_together_say_who_knows_more_and_whether_of_the_test_span(planted):
    _, schemes, day = planted
    r2 = {end: expected_r2(schemes, day < end) for end in range(0, N_DAYS + 1, 2)}
    half_of_test = N_TRAIN_DAYS + (N_DAYS - N_TRAIN_DAYS) / 2
    n_of_each = {True: 0, False: 0}
    for base, trained in product(r2, repeat=2):
        lookahead = r2[base]["disjoint"] - r2[trained]["disjoint"]
        gain = r2[base]["off"] - r2[trained]["off"]
        if lookahead > 0.06 and gain != 0:
            n_of_each[gain > 0] += 1
            assert base > trained
            assert base > N_TRAIN_DAYS if gain > 0 else base <= half_of_test
    assert min(n_of_each.values()) > 100


@pytest.mark.parametrize(("n_blocks", "dip"), [(2, -1 / 2), (3, -1 / 6), (5, -1 / 20), (10, -1 / 90)])
def test_a_model_that_knows_only_the_first_block_scores_lowest(n_blocks, dip):
    """Of B blocks the first is predicted from none that is known, each other one from one in B - 1."""
    rows = made_rows(np.zeros((5, N_DAYS)))
    schemes, _ = make_schemes(rows.labels, cut_after(rows, N_TRAIN_DAYS, n_date_blocks=n_blocks))
    day = np.tile(np.arange(N_DAYS), 5)
    found = {end: expected_r2(schemes, day < end)["disjoint"] for end in range(N_DAYS + 1)}
    # The purge leaves out two days on each side of a block, so that the known days are a little more of the rest.
    assert found[N_DAYS // n_blocks] == pytest.approx(dip, rel=0.1)
    assert min(found.values()) == pytest.approx(dip, rel=0.15)


def test_the_table_is_the_references_formula_and_the_signs_a_reader_can_derive(planted):
    _, schemes, day = planted
    table = {row.figure: row for row in expected_figures(schemes, day < N_TRAIN_DAYS)}
    assert list(table) == ["on", "off", "disjoint", "premium", "lookahead", "gain", "reduction"]
    on, off = planted_scores(1.0, 0.8, 1.0, 0.0)
    assert (table["on"].up_to_the_cut, table["off"].up_to_the_cut) == pytest.approx((on, off), abs=1e-2)
    assert [table[name].nothing for name in ("on", "off", "disjoint", "premium")] == [0, 0, 0, 0]
    assert [table[name].beyond for name in ("on", "off", "disjoint", "premium")] == [1, 1, 1, 0]
    # A base that knows everything against a model that knows this much: lookahead and gain tell who knows more ...
    assert (table["lookahead"].nothing, table["lookahead"].beyond) == (1, 0)
    assert 0 < table["lookahead"].up_to_the_cut < 1
    assert [table["gain"].nothing, table["gain"].up_to_the_cut, table["gain"].beyond] == [1, 2, 0]
    # ... and the reduction falls where the trained model is exactly point-in-time.
    assert table["reduction"].nothing == table["reduction"].beyond == 0
    assert table["reduction"].up_to_the_cut == pytest.approx(-(on - off), abs=1e-2)
