"""What each figure is expected to be by what a model knows, and where the run's own figures are."""

from collections.abc import Mapping

from tasks.common.text import signed
from tasks.report.tables.decomposition import FIGURES, SCHEME_OF, meaning_of
from tasks.report.text import Cell, EstimateRow, quoted
from tasks.schemas.estimates import CO_PRIMARY, Estimate, FitName
from tasks.schemas.scores import Expected, RobustScores

CASES = {"nothing": "nothing", "up_to_the_cut": "to the cut", "beyond": "beyond"}
"""What a model knows: fields of Expected, as the page names them."""
NEARLY_ZERO = 1e-6
DIFFERENCES = (*SCHEME_OF, "reduction")


def expected_differences(robust: RobustScores) -> list[EstimateRow]:
    """Lookahead, gain and reduction of a model that knows the whole panel, by what the other knows; then the run's own.

    Returns:
        Columns are CASES, then each pair under each co-primary fit with the cases it is consistent with.
    """
    pairs = list(robust.pairs)
    return [
        (
            own.figure,
            meaning_of(own.figure, pairs[0] if len(pairs) == 1 else "the first - the second"),
            _row(own, {f"{pair} {fit}": _own(robust, pair, fit, own.figure) for pair in pairs for fit in CO_PRIMARY}),
        )
        for own in robust.expected
        if pairs and own.figure in DIFFERENCES
    ]


def columns_of_differences(robust: RobustScores) -> list[str]:
    """Headings of `expected_differences`."""
    pairs = list(robust.pairs)
    return [*CASES.values(), *(fit if len(pairs) == 1 else f"{pair}, {fit}" for pair in pairs for fit in CO_PRIMARY)]


def expected_figures(robust: RobustScores) -> list[EstimateRow]:
    """Each R2 and the premium, by what a model knows; then every model of the run, columns standardized."""
    models = robust.fits["standardized"].models
    return [
        (*FIGURES[own.figure], _row(own, {name: getattr(parts, own.figure) for name, parts in models.items()}))
        for own in robust.expected
        if own.figure in FIGURES
    ]


def consistent_with(interval: tuple[float, float], expected: Expected) -> list[str]:
    """The cases whose expected sign the interval holds.

    Where a positive figure is expected, the upper end is above zero; where a negative one, the lower end is below it;
    where none, zero is inside. An end that is not a number is consistent with nothing.

    Examples:
        >>> gain = Expected(figure="gain", nothing=1, up_to_the_cut=2, beyond=0)
        >>> consistent_with((0.01, 0.05), gain), consistent_with((-0.05, -0.01), gain)
        (['nothing', 'to the cut'], [])
    """
    low, high = interval

    def holds(value: float) -> bool:
        if value > NEARLY_ZERO:
            return high > 0
        return low < 0 if value < -NEARLY_ZERO else low <= 0 <= high

    return [name for case, name in CASES.items() if holds(getattr(expected, case))]


def _own(robust: RobustScores, pair: str, fit: FitName, figure: str) -> Estimate:
    found: Estimate = getattr(robust.difference(pair)[fit], figure)
    return found


def _row(expected: Expected, own: Mapping[str, Estimate]) -> list[Cell]:
    return [[_in_units_of_r(getattr(expected, case))] for case in CASES] + [
        _position(estimate, expected) for estimate in own.values()
    ]


def _position(own: Estimate, expected: Expected) -> Cell:
    if own.point is None or own.interval is None:
        return [signed(own.point)]
    found = consistent_with(own.interval, expected)
    as_which = {0: "as none", len(CASES): "as all three"}.get(len(found), f"as {', '.join(found)}")
    return [signed(own.point), quoted(own), as_which]


def _in_units_of_r(value: float) -> str:
    """`+0.90 r`, or 0."""
    return "0" if abs(value) < NEARLY_ZERO else f"{value:+.2f} r"
