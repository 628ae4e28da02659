"""Values of formulas on a panel. A part that several formulas share is computed once, and freed after its last use."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from tasks.formulas.errors import MissingColumn
from tasks.formulas.nodes import Call, Column, Node, Number, columns_of
from tasks.formulas.operators import OPERATORS
from tasks.formulas.operators.registry import FloatArray
from tasks.formulas.panel import Panel


def evaluate(formulas: Mapping[str, Node], panel: Panel) -> Iterator[tuple[str, FloatArray]]:
    """Compute formulas one after the other.

    Args:
        formulas: By name.
        panel: Columns as arrays; days are its rows, and windows count them, also for an entity that lacks one.

    Yields:
        Name and (n_days, n_entities) values, NaN where a formula has none.

    Raises:
        MissingColumn: If the panel lacks a column; before anything is computed.
    """
    for name, node in formulas.items():
        if missing := [column for column in columns_of(node) if column not in panel.columns]:
            raise MissingColumn(
                f"formula {name} reads {', '.join(missing)}, and the panel has {', '.join(panel.columns)}; add the "
                "column, or leave the formula out."
            )
    shared = Shared(formulas.values(), panel)
    for name, node in formulas.items():
        # A formula that is a column alone would hand out the panel's own array.
        yield name, np.array(shared.value(node))


class Shared:
    """Values of formulas whose parts are computed once, and kept until their last use.

    Args:
        formulas: All of them; `value` is asked once for each, in any order.
        panel: Their columns.
    """

    def __init__(self, formulas: Iterable[Node], panel: Panel) -> None:
        self._panel = panel
        self._n_uses: Counter[Call] = Counter()
        self._values: dict[Call, FloatArray] = {}
        for node in formulas:
            self._count(node)

    @property
    def n_kept(self) -> int:
        """Values that are kept for a later use."""
        return len(self._values)

    def value(self, node: Node) -> FloatArray:
        """The (n_days, n_entities) values of a formula, or of a part of one."""
        match node:
            case Number(value):
                return np.float64(value)  # type: ignore[return-value]
            case Column(name):
                return self._panel.columns[name]
        found = self._values.pop(node, None)
        if found is None:
            operator = OPERATORS[node.operator]
            series = [self.value(each) for each in node.series]
            # Quotients by zero and logarithms of it are values of the language: infinite, or missing.
            with np.errstate(all="ignore"):
                found = operator.compute(*series, *node.constants)
        self._n_uses[node] -= 1
        if self._n_uses[node]:
            self._values[node] = found
        return found

    def _count(self, node: Node) -> None:
        """Count uses as `value` makes them: the parts of a call are used only the first time it is."""
        if isinstance(node, Call):
            self._n_uses[node] += 1
            if self._n_uses[node] == 1:
                for each in node.series:
                    self._count(each)
