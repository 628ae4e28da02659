"""The formula language: Python's expression syntax, a whitelist, and no way to read a later row.

A formula is parsed by `ast`, never evaluated as Python. The result holds columns, numbers and calls of registered
operators; everything else is refused with the place it is written in.
"""

import ast
import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from tasks.formulas.errors import BadFormula, ReadsFuture, UnknownOperator
from tasks.formulas.nodes import COLUMNS, Call, Column, Node, Number, reads_column
from tasks.formulas.operators import FUTURE, OPERATORS, Constant, Operator

MAX_LENGTH, MAX_NODES = 2_000, 250
MAX_CONSTANT = 1e15

_BINARY: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARE: Mapping[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "=="}
_TRUTH: Mapping[type[ast.boolop], str] = {ast.And: "&", ast.Or: "|"}


def parse(text: str, where: str = "formula") -> Node:
    """Parse a formula.

    Args:
        text: Such as `Mean(close, 5) / close`.
        where: What a refusal names: an entry, its file and line.

    Returns:
        The formula, which reads at least one column.

    Raises:
        UnknownOperator: If it calls what the language does not have.
        ReadsFuture: If it would read later rows, or rows that no number names.
        BadFormula: If it is not an expression of the language, or a window is out of bounds.
    """
    return _Parser(text, where).formula()


class _Parser:
    """One formula's text and where it is written."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where

    def formula(self) -> Node:
        if len(self.text) > MAX_LENGTH:
            self._refuse(f"has {len(self.text)} characters, at most {MAX_LENGTH} are read; split it")
        try:
            tree = ast.parse(self.text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self._refuse(f"is not an expression: {getattr(error, 'msg', None) or error}; correct it")
        if (n_nodes := sum(isinstance(each, ast.expr) for each in ast.walk(tree))) > MAX_NODES:
            self._refuse(f"has {n_nodes} parts, at most {MAX_NODES} are read; split it")
        found = self._node(tree)
        if not reads_column(found):
            self._refuse("reads no column; a formula needs one of " + ", ".join(COLUMNS))
        return found

    def _node(self, tree: ast.expr) -> Node:
        match tree:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._number(tree, value)
            case ast.Name(id=name):
                return self._column(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _negative(self._node(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return Call(_BINARY[type(op)], (self._node(left), self._node(right)))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
                return Call(_COMPARE[type(op)], (self._node(left), self._node(right)))
            case ast.BoolOp(op=op, values=[left, right]):
                return Call(_TRUTH[type(op)], (self._node(left), self._node(right)))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return Call("if else", (self._node(test), self._node(body), self._node(orelse)))
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, tree)
        return self._refuse(
            f"holds {ast.unparse(tree)!r}, which the language does not have; it has numbers, columns, "
            "+ - * / **, one comparison, `and`, `or`, `x if c else y`, and calls of operators"
        )

    def _number(self, tree: ast.expr, value: float) -> Number:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self._refuse(f"holds the number {ast.unparse(tree)[:40]}, which is not finite; write one below 1e308")
        return Number(number)

    def _column(self, name: str) -> Column:
        if name not in COLUMNS:
            near = f"the nearest is {_nearest(name, COLUMNS)!r}; the columns are {', '.join(COLUMNS)}"
            why = f"{name!r} is an operator and needs arguments" if name in OPERATORS else near
            self._refuse(f"reads the unknown column {name!r}; {why}")
        return Column(name)

    def _call(self, name: str, tree: ast.Call) -> Call:
        if name.lower() in FUTURE or any((each.arg or "").lower() in FUTURE for each in tree.keywords):
            self._refuse(
                f"reads the future by {ast.unparse(tree)!r}: a row's value may only be made of its own and "
                "earlier rows; use delay(x, 1) or a window that ends with the row",
                ReadsFuture,
            )
        if name not in OPERATORS:
            near = _nearest(name, [each for each in OPERATORS if each.isidentifier()])
            self._refuse(f"calls the unknown operator {name!r}; the nearest is {near!r}", UnknownOperator)
        operator = OPERATORS[name]
        n_arguments = operator.n_series + len(operator.constants)
        if tree.keywords or len(tree.args) != n_arguments or any(isinstance(each, ast.Starred) for each in tree.args):
            self._refuse(
                f"writes {ast.unparse(tree)!r}; {operator.signature} takes {n_arguments} arguments, and none by name"
            )
        series = tuple(self._node(each) for each in tree.args[: operator.n_series])
        if operator.group != "elementwise" and not all(reads_column(each) for each in series):
            self._refuse(
                f"gives {operator.signature} a number for a series in {ast.unparse(tree)!r}; give it a column "
                "or an expression of one"
            )
        written = zip(operator.constants, tree.args[operator.n_series :], strict=True)
        return Call(name, series, tuple(self._constant(operator, each, argument) for each, argument in written))

    def _constant(self, operator: Operator, parameter: Constant, tree: ast.expr) -> float:
        value = _written_number(tree)
        what = f"{parameter.name} of {operator.signature}"
        if value is None:
            refusal = ReadsFuture if parameter.is_whole else BadFormula
            self._refuse(
                f"has {ast.unparse(tree)!r} for the {what}; it must be written as a number, so that the rows "
                "that are read are known beforehand",
                refusal,
            )
        if parameter.name == "shift" and value < 0:
            self._refuse(
                f"reads the future: the {what} is {value:g}, which names later rows; write at least {parameter.low:g}",
                ReadsFuture,
            )
        if not parameter.low <= value <= parameter.high:
            self._refuse(f"has {value:g} for the {what}; it must be {parameter.low:g} to {parameter.high:g}")
        if parameter.is_whole and not isinstance(value, int):
            self._refuse(f"has {value!r} for the {what}; rows are counted by whole numbers, write {int(value)}")
        return value

    def _refuse(self, what: str, refusal: type[BadFormula] = BadFormula) -> NoReturn:
        raise refusal(f"{self.where} {what}.")


def _written_number(tree: ast.expr) -> float | None:
    """The number that an argument is written as, with its sign; None if it is anything else."""
    match tree:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as operand):
            value = _written_number(operand)
            return None if value is None else -value
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            # A whole number of hundreds of digits is no float.
            return value if value < MAX_CONSTANT else math.inf
    return None


def _negative(node: Node) -> Node:
    return Number(-node.value) if isinstance(node, Number) else Call("-x", (node,))


def _nearest(name: str, known: Sequence[str]) -> str:
    lower = {each.lower(): each for each in known}
    return lower[get_close_matches(name.lower(), lower, n=1, cutoff=0.0)[0]]
