"""Write goldens.parquet: what pyqlib 0.9.7 and alpha101v 0.1.9 compute on the panel of prices.py.

Neither is a dependency: beside the project's pins pyqlib resolves to mlflow 1.27.0 of 2022, jupyter, gym and solvers,
some sixty packages that nothing else here needs (2026-11-30). So they are installed without what they require, into a
folder that is thrown away:

    pip install --target /tmp/oracles --no-deps pyqlib==0.9.7 alpha101v==0.1.9 \
        python-redis-lock redis loguru fire dill
    PYTHONPATH=.:/tmp/oracles python tests/formulas/make_goldens.py
"""

import re
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.formulas.catalogue import load_catalogue
from tasks.formulas.operators.registry import settled
from tasks.formulas.panel import Panel, panel_from_rows
from tests.formulas.prices import rows, rows_with_gaps

FILE = Path(__file__).with_name("goldens.parquet")
VERSIONS = {"pyqlib": "0.9.7", "alpha101v": "0.1.9"}
DAYS = {
    "alpha158": [0, 1, 2, 4, 6, 9, 30, 59, 60, 101, 105, 200],
    "alpha360": [0, 1, 30, 58, 59, 60, 105, 329],
    "operators": [0, 1, 5, 6, 20, 105, 329],
    "alpha101": [256, 275, 280, 290, 300, 310, 316, 320, 323, 325],
}
OPERATORS = ("Delta(close, 3)", "Cov(close, volume, 10)", "EMA(close, 10)")
"""Of qlib, and in neither of its feature sets."""
ENTITIES = {"alpha158": [0, 2, 11], "operators": [0, 2], "alpha360": [0, 2], "alpha101": list(range(12))}


def of_qlib(family: str, panel: Panel) -> dict[str, np.ndarray]:
    """qlib's own expressions, by its own parser and operators, over the panel in double precision.

    Its storage holds floats of 32 bits; here a column is read from the panel instead, from the entity's first day on.
    """
    import qlib.contrib.data.loader as loader
    import qlib.data.base as base
    import qlib.data.ops as ops
    from qlib.utils import parse_field

    def load(feature: Any, instrument: int, *_: object) -> pd.Series:
        column = pd.Series(panel.columns[str(feature).removeprefix("$")][:, instrument])
        return column.loc[panel.has_row[:, instrument].argmax() :]

    base.Expression.load = lambda self, *where: self._load_internal(*where)
    base.Feature.load = load
    ops.Operators.register(ops.OpsList)
    if family == "operators":
        fields, names = [re.sub(r"\b(close|volume)\b", r"$\1", text) for text in OPERATORS], list(OPERATORS)
    else:
        fields, names = getattr(loader, f"{family.capitalize()}DL").get_feature_config()
    found: dict[str, np.ndarray] = {}
    for field, name in zip(fields, names, strict=True):
        expression = eval(parse_field(field), {"Operators": ops.Operators})  # noqa: S307 (as qlib does)
        columns = {entity: expression.load(entity, None, None) for entity in range(len(panel.entities))}
        found[f"{family}.{name}"] = pd.DataFrame(columns, dtype=float).to_numpy()
    return found


def of_alpha101(panel: Panel) -> dict[str, np.ndarray]:
    """alpha101v's factors with the choices of tasks/formulas/operators/windows.py where the paper leaves one.

    Values are settled before they are ranked, for which of two equal ones is the greater would follow from rounding.
    """
    import alpha101v.factors as factors
    from alpha101v import operators
    from alpha101v.registry import run_factor_raw

    def rank(x: pd.DataFrame) -> pd.DataFrame:
        greatest = x.abs().max(axis=1)
        return operators.rank(settle(x.mask(x.abs().lt(1e-12 * greatest, axis=0), 0.0)), "one_over_n")

    def settle(x: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(settled(x.to_numpy(float)), x.index, x.columns)

    factors.rank = rank
    factors.ts_rank = lambda x, d: operators.ts_rank(settle(x), d, "one_over_n")
    factors.ts_argmax = lambda x, d: operators.ts_argmax(settle(x), d)
    factors.ts_argmin = lambda x, d: operators.ts_argmin(settle(x), d)
    factors.stddev = partial(operators.stddev, ddof=1)
    factors.covariance = partial(operators.covariance, ddof=1)
    factors.decay_linear = partial(operators.decay_linear, dense=True)
    factors.maximum, factors.minimum = np.maximum, np.minimum
    wide = {name.replace("open", "Open"): pd.DataFrame(values) for name, values in panel.columns.items()}
    keys = [key for key in load_catalogue().executable if key.startswith("alpha101.")]
    return {key: run_factor_raw(re.sub(r".*ALPHA", "alpha", key), wide).to_numpy(float) for key in keys}


def table(family: str, found: dict[str, np.ndarray]) -> pd.DataFrame:
    """Long: one row per formula, day and entity."""
    place = np.ix_(DAYS[family], ENTITIES[family])
    keys = pd.MultiIndex.from_product([DAYS[family], ENTITIES[family]], names=["day", "entity"])
    wide = pd.DataFrame({key: values[place].ravel() for key, values in found.items()}, index=keys)
    return wide.melt(var_name="formula", ignore_index=False).reset_index()


if __name__ == "__main__":
    for name, wanted in VERSIONS.items():
        if version(name) != wanted:
            raise SystemExit(f"{name} is {version(name)}, {wanted} is needed")
    gaps, complete = panel_from_rows(rows_with_gaps()), panel_from_rows(rows())
    tables = [table(family, of_qlib(family, gaps)) for family in ("alpha158", "alpha360", "operators")]
    goldens = pd.concat([*tables, table("alpha101", of_alpha101(complete))], ignore_index=True)
    kinds = {"day": "int16", "entity": "int8", "formula": "category"}
    goldens.astype(kinds).to_parquet(FILE, compression="zstd", index=False)
    print(f"{len(goldens)} values, {FILE.stat().st_size} bytes")
