"""`hindsight formulas`: count, show and compute the formulas of the catalogue."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from hindsight.cli.output import examples, print_table
from tasks.formulas.catalogue import FILES, Catalogue, load_catalogue

EPILOGUE = f"""The language, and how to add a formula: docs/formulas.md.

{examples("hindsight formulas", "hindsight formulas --catalogue my-formulas.yaml")}"""
More = Annotated[tuple[Path, ...], Parameter("--catalogue", negative="")]
Names = Annotated[tuple[str, ...], Parameter(negative="")]

app = App(name="formulas", help="Count, show and compute the formulas of the catalogue.", help_epilogue=EPILOGUE)


@app.default
def count(*, catalogue: More = ()) -> None:
    """Count formulas by family: those that can be computed, those that are defined, those that are not public.

    Args:
        catalogue: A catalogue file of your own, beside the project's.
    """
    from tasks.formulas.coverage import REFERENCE, coverage_rows

    print_table(coverage_rows(_load(catalogue)))
    print(REFERENCE)


@app.command(help_epilogue=examples("hindsight formulas show alpha158.ROC5", "hindsight formulas show PARKINSON20"))
def show(name: str, /, *, catalogue: More = ()) -> None:
    """Show a formula: what it means, its expression, its source, and what it needs.

    Args:
        name: Its name, with its family if several have it.
        catalogue: A catalogue file of your own, beside the project's.
    """
    from tasks.formulas.nodes import rows_before

    formula = _load(catalogue).find(name)
    facts = {
        "meaning": formula.entry.meaning,
        "expression": formula.entry.expression or "",
        "reads": ", ".join(formula.inputs),
        "rows": f"{rows_before(formula.node) + 1:g}" if formula.node else "",
        "source": formula.source,
        "note": formula.entry.note,
        "status": f"{formula.status}: {formula.entry.reason}" if formula.entry.reason else formula.status,
    }
    print(formula.key)
    print("\n".join(f"  {label:<11} {fact}" for label, fact in facts.items() if fact))


@app.command(
    help_epilogue=examples(
        "hindsight formulas compute prices.csv --names ROC5 --names PARKINSON20 --out features.parquet",
        "hindsight formulas compute prices.parquet --names alpha158 --out features.csv",
    )
)
def compute(prices: Path, /, *, names: Names, out: Path, catalogue: More = ()) -> None:
    """Compute formulas on a price table: a column for each, a row for each of the table's.

    Args:
        prices: CSV or parquet with the columns entity, date, and those that the formulas read: open, high, low, close,
            volume, vwap, amount, returns, log_returns, benchmark, factor. Returns follow from closes, and vwap and
            amount from each other, if they are absent.
        names: Formulas, or families: then all of it that can be computed.
        out: The CSV or parquet file to write.
        catalogue: A catalogue file of your own, beside the project's.
    """
    from tasks.formulas.evaluate import evaluate
    from tasks.formulas.panel import read_panel, table_writer

    write = table_writer(out)
    chosen = _load(catalogue).choose(names)
    panel = read_panel(prices)
    table = panel.long(evaluate(chosen, panel))
    write(table)
    n_missing = int(table[list(chosen)].isna().to_numpy().sum())
    print(f"{len(chosen)} formulas, {len(table):,} rows, {n_missing:,} missing values in {out}")


def _load(more: Iterable[Path]) -> Catalogue:
    return load_catalogue((*FILES, *more))
