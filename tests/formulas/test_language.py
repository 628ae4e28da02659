"""What the language reads, and what it refuses with which sentence."""

import pandas as pd
import pytest

from tasks.formulas.errors import BadFormula, ReadsFuture, UnknownOperator
from tasks.formulas.evaluate import evaluate
from tasks.formulas.language import parse
from tasks.formulas.nodes import Call, Column, Number, columns_of, rows_before
from tasks.formulas.operators import OPERATORS
from tasks.formulas.operators.registry import MAX_WINDOW
from tasks.formulas.panel import panel_from_rows


def test_a_formula_is_columns_numbers_and_calls() -> None:
    assert parse("Mean(close, 5) / -2") == Call("/", (Call("Mean", (Column("close"),), (5,)), Number(-2.0)))
    assert parse("low if close > open else high") == Call(
        "if else", (Call(">", (Column("close"), Column("open"))), Column("low"), Column("high"))
    )


def test_space_and_brackets_change_nothing() -> None:
    assert parse("(close-open)/open") == parse(" ( (close - open) ) /  open ")


def test_rows_before_adds_up_along_the_deepest_path() -> None:
    assert rows_before(parse("close + Ref(close, 3)")) == 3
    assert rows_before(parse("ts_mean(delay(close, 3), 20) - ts_mean(close, 10)")) == 22
    assert rows_before(parse("ewma(close, 0.94)")) == float("inf")
    assert columns_of(parse("volume * close + close")) == ("close", "volume")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Ref(close, -1)", "reads the future: the shift of Ref(x, shift) is -1, which names later rows"),
        ("delay(close, -5)", "reads the future: the shift of delay(x, shift) is -5"),
        ("delta(close, -2)", "reads the future: the shift of delta(x, shift) is -2"),
        ("Ref(close, volume)", "has 'volume' for the shift of Ref(x, shift); it must be written as a number"),
        ("Ref(close, 1 - 2)", "it must be written as a number, so that the rows that are read are known beforehand"),
        ("Mean(close, open)", "has 'open' for the window of Mean(x, window)"),
        ("Mean(close, 5, center=True)", "reads the future by 'Mean(close, 5, center=True)'"),
        ("lead(close, 1)", "reads the future by 'lead(close, 1)'"),
        ("bfill(close)", "a row's value may only be made of its own and earlier rows; use delay(x, 1)"),
        ("close / Future(close, 5)", "reads the future by 'Future(close, 5)'"),
    ],
)
def test_what_would_read_the_future_is_refused_by_parsing(text: str, sentence: str) -> None:
    with pytest.raises(ReadsFuture) as refused:
        parse(text, "mine.yaml, line 7: formula mine.X")
    assert str(refused.value).startswith("mine.yaml, line 7: formula mine.X ")
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("Meen(close, 5)", "Mean"), ("ts_stddev(close, 5)", "stddev"), ("__import__('os')", ""), ("negative(close)", "")],
)
def test_an_unknown_operator_is_answered_with_the_nearest(text: str, nearest: str) -> None:
    with pytest.raises(
        UnknownOperator, match=f"calls the unknown operator '{text.partition('(')[0]}'; the nearest is"
    ) as refused:
        parse(text)
    assert nearest in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("__import__('os').system('true')", "which the language does not have"),
        ("close.__class__", "holds 'close.__class__'"),
        ("close[0]", "holds 'close[0]'"),
        ("[close for close in open]", "which the language does not have"),
        ("(lambda: close)()", "which the language does not have"),
        ("close if high > low > open else 1", "which the language does not have"),
        ("'close'", "which the language does not have"),
        ("True + close", "which the language does not have"),
        ("close @ open", "which the language does not have"),
        ("f'{close}'", "which the language does not have"),
        ("close := 1", "is not an expression"),
        ("close +", "is not an expression"),
        ("", "is not an expression"),
        ("(" * 300 + "close" + ")" * 300, "is not an expression"),
        ("close" + " + close" * 300, "has 2405 characters, at most 2000 are read; split it"),
        ("-" * 500 + "close", "has 501 parts, at most 250 are read"),
        ("Mean(close, " + "9" * 400 + ")", "has inf for the window of Mean(x, window)"),
        ("Ref(close, -" + "9" * 400 + ")", "reads the future: the shift of Ref(x, shift) is -inf"),
        ("close + " + "9" * 400, "which is not finite"),
        ("close + 1e999", "which is not finite"),
        ("1 + 2", "reads no column; a formula needs one of open, high"),
        ("closs", "reads the unknown column 'closs'; the nearest is 'close'"),
        ("Mean", "'Mean' is an operator and needs arguments"),
        ("Mean(close)", "Mean(x, window) takes 2 arguments"),
        ("Mean(close, window=5)", "takes 2 arguments, and none by name"),
        ("Mean(*close)", "takes 2 arguments"),
        ("Mean(5, 5)", "gives Mean(x, window) a number for a series in 'Mean(5, 5)'"),
        ("Mean(close, 0)", f"has 0 for the window of Mean(x, window); it must be 1 to {MAX_WINDOW}"),
        ("Mean(close, 505)", f"has 505 for the window of Mean(x, window); it must be 1 to {MAX_WINDOW}"),
        ("Std(close, 1)", f"it must be 2 to {MAX_WINDOW}"),
        ("Mean(close, -5)", "has -5 for the window"),
        ("Mean(close, 5.5)", "rows are counted by whole numbers, write 5"),
        ("Mean(close, True)", "it must be written as a number"),
        ("Ref(close, 0)", "has 0 for the shift of Ref(x, shift)"),
        ("Quantile(close, 5, 1.5)", "has 1.5 for the quantile of Quantile(x, window, quantile); it must be 0 to 1"),
        ("ewma(close, 1)", "has 1 for the decay"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadFormula) as refused:
        parse(text, "mine.yaml, line 7: formula mine.X")
    message = str(refused.value)
    assert sentence in message
    assert message.startswith("mine.yaml, line 7: formula mine.X ")
    assert len(message.splitlines()) == 1


def test_every_operator_has_a_meaning_and_none_counts_rows_to_come() -> None:
    assert len(OPERATORS) > 60
    for each in OPERATORS.values():
        assert each.meaning.endswith(".")
        least = tuple(constant.low for constant in each.constants)
        assert each.rows_before(least) >= 0


def test_the_deepest_formula_that_is_read_can_be_computed() -> None:
    text = "-" * 249 + "close"
    panel = panel_from_rows(pd.DataFrame({"entity": "A", "date": ["2020-01-01"], "close": [2.0]}))
    ((_, values),) = evaluate({"deep": parse(text)}, panel)
    assert values.item() == -2
