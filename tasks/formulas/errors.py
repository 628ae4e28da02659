"""What the formulas refuse."""

from tasks.common.errors import HindsightError


class BadFormula(HindsightError):
    """An expression is not one of the language."""


class UnknownOperator(BadFormula):
    """An expression calls an operator that the language does not have."""


class ReadsFuture(BadFormula):
    """An expression would read values of days after its row's."""


class BadCatalogue(HindsightError):
    """A catalogue file breaks its schema, or gives a name twice."""


class UnknownFormula(HindsightError):
    """No entry of the catalogue has the name."""


class NotExecutable(HindsightError):
    """The catalogue lists the formula without an expression."""


class MissingColumn(HindsightError):
    """A formula needs a column that the panel does not have."""


class BadPrices(HindsightError):
    """A price table cannot be read as a panel."""
