"""Operators that work element by element.

Python's own comparisons are missing where a side is missing. qlib's `Gt` and `Lt` are false there, as numpy's are, and
missing only on days on which both are, such as those before an entity's first.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tasks.formulas.operators.registry import FloatArray, operator


def _plain(name: str, function: Callable[..., Any], meaning: str, n_series: int = 2, *aliases: str) -> None:
    def compute(*arguments: FloatArray) -> FloatArray:
        found: FloatArray = np.asarray(function(*arguments), dtype=np.float64)
        return found

    operator(name, *aliases, group="elementwise", n_series=n_series, meaning=meaning)(compute)


def _known(compare: Callable[[FloatArray, FloatArray], Any]) -> Callable[[FloatArray, FloatArray], FloatArray]:
    def compute(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.where(np.isnan(x) | np.isnan(y), np.nan, compare(x, y))

    return compute


def _one_known(compare: Callable[[FloatArray, FloatArray], Any]) -> Callable[[FloatArray, FloatArray], FloatArray]:
    def compute(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.where(np.isnan(x) & np.isnan(y), np.nan, compare(x, y))

    return compute


for _name, _function, _meaning in (
    ("+", np.add, "Sum."),
    ("-", np.subtract, "Difference."),
    ("*", np.multiply, "Product."),
    ("/", np.divide, "Quotient."),
    ("**", np.power, "Power; missing for a negative base with a fractional exponent."),
    ("<", _known(np.less), "1 where x is less, 0 where not, missing where a side is."),
    ("<=", _known(np.less_equal), "1 where x is less or equal, 0 where not, missing where a side is."),
    (">", _known(np.greater), "1 where x is greater, 0 where not, missing where a side is."),
    (">=", _known(np.greater_equal), "1 where x is greater or equal, 0 where not, missing where a side is."),
    ("==", _known(np.equal), "1 where both are equal, 0 where not, missing where a side is."),
    ("&", np.minimum, "Written `and`: the less of two truth values."),
    ("|", np.maximum, "Written `or`: the greater of two truth values."),
    ("Gt", _one_known(np.greater), "1 where x is greater, else 0, also where one side is missing (qlib)."),
    ("Lt", _one_known(np.less), "1 where x is less, else 0, also where one side is missing (qlib)."),
):
    _plain(_name, _function, _meaning)
_plain("Greater", np.maximum, "The greater of two values.", 2, "max")
_plain("Less", np.minimum, "The less of two values.", 2, "min")
_plain("-x", np.negative, "The value with the other sign.", 1)
_plain("Abs", np.abs, "Absolute value.", 1, "abs")
_plain("Log", np.log, "Natural logarithm.", 1, "log")
_plain("sqrt", np.sqrt, "Square root.", 1)
_plain("sign", np.sign, "1, 0 or -1.", 1)


@operator("signedpower", group="elementwise", n_series=2)
def signed_power(x: FloatArray, y: FloatArray) -> FloatArray:
    """sign(x) * |x| ** y."""
    return np.sign(x) * np.abs(x) ** y


@operator("if else", group="elementwise", n_series=3)
def choose(condition: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Written `x if condition else y`: chosen row by row, missing where the condition is."""
    chosen: FloatArray = np.where(np.isnan(condition), np.nan, np.where(condition != 0, x, y))
    return chosen
