"""The law: changing the values after a day changes no value of that day or before, of any executable formula."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tasks.formulas.catalogue import Catalogue, load_catalogue
from tasks.formulas.evaluate import evaluate
from tasks.formulas.nodes import rows_before
from tasks.formulas.operators.registry import FloatArray
from tasks.formulas.panel import Panel, panel_from_rows
from tests.formulas.prices import rows

N_DAYS, N_ENTITIES = 300, 5
PANEL = panel_from_rows(rows(N_DAYS, N_ENTITIES))
CATALOGUE = load_catalogue()


def with_another_future(panel: Panel, day: int, seed: int) -> Panel:
    """The panel with every value after a day drawn anew, and some of them missing."""
    rng = np.random.default_rng(seed)

    def changed(values: FloatArray) -> FloatArray:
        found = values.copy()
        found[day + 1 :] *= np.exp(rng.normal(0, 1, found[day + 1 :].shape))
        found[day + 1 :][rng.random(found[day + 1 :].shape) < 0.1] = np.nan
        return found

    return replace(panel, columns={name: changed(values) for name, values in panel.columns.items()})


def reading_the_future(one: Mapping[str, FloatArray], other: Mapping[str, FloatArray], day: int) -> list[str]:
    """Formulas with another value, bit for bit, on the day or before."""
    past = slice(0, day + 1)
    return [key for key in one if not np.array_equal(one[key][past], other[key][past], equal_nan=True)]


@pytest.fixture(scope="module")
def computed() -> dict[str, FloatArray]:
    return dict(evaluate(CATALOGUE.executable, PANEL))


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 64))])
def test_no_formula_of_the_catalogue_reads_the_future(computed: dict[str, FloatArray], seed: int) -> None:
    day = int(np.random.RandomState(seed).randint(N_DAYS - 1))
    other = dict(evaluate(CATALOGUE.executable, with_another_future(PANEL, day, seed)))
    assert len(other) == 673
    assert reading_the_future(computed, other, day) == []


def test_a_table_that_ends_earlier_gives_the_same_values(computed: dict[str, FloatArray]) -> None:
    day, table = 280, rows(N_DAYS, N_ENTITIES)
    earlier = panel_from_rows(table[table["date"] <= PANEL.days[day]])
    found = dict(evaluate(CATALOGUE.executable, earlier))
    assert reading_the_future(found, computed, day) == []


def smoothed(close: FloatArray) -> FloatArray:
    return pd.DataFrame(close).rolling(5, center=True).mean().to_numpy()


def standardized(close: FloatArray) -> FloatArray:
    return (close - close.mean(axis=0)) / close.std(axis=0)


def filled(close: FloatArray) -> FloatArray:
    return pd.DataFrame(close).shift(-1).to_numpy()


@pytest.mark.parametrize("leak", [smoothed, standardized, filled])
def test_the_law_finds_what_reads_the_future(leak: Callable[[FloatArray], FloatArray]) -> None:
    day = 200
    one, other = (panel.columns["close"] for panel in (PANEL, with_another_future(PANEL, day, 0)))
    assert reading_the_future({"leak": leak(one)}, {"leak": leak(other)}, day) == ["leak"]


def test_rows_before_is_what_a_value_is_made_of(catalogue: Catalogue, computed: dict[str, FloatArray]) -> None:
    """A value is the same, up to rounding, from its window's rows alone."""

    bounded = {key: node for key, node in catalogue.executable.items() if rows_before(node) < 60}
    assert len(bounded) > 550
    first = N_DAYS - 60
    recent = replace(
        PANEL,
        days=PANEL.days[first:],
        columns={name: values[first:] for name, values in PANEL.columns.items()},
        has_row=PANEL.has_row[first:],
    )
    for key, values in evaluate(bounded, recent):
        np.testing.assert_allclose(values[-1], computed[key][-1], rtol=1e-6, atol=1e-9, err_msg=key)
