"""`hindsight formulas`: count, show and compute the formulas of the catalogue, and write questions about them."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from hindsight.cli.output import examples, print_table
from tasks.formulas.catalogue import Catalogue, load_catalogue
from tasks.formulas.files import FILES

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


@app.command(
    help_epilogue=examples(
        "hindsight formulas samples --out samples.jsonl",
        "hindsight formulas samples prices.parquet --seed 1 --out samples.jsonl",
    )
)
def samples(prices: Path | None = None, /, *, out: Path, seed: int = 0, catalogue: More = ()) -> None:
    """Write questions and answers about the formulas, a JSON object per line: kind, formula, split, question, answer.

    Args:
        prices: Prices as for `compute`, of which examples are computed; definitions alone if left out.
        out: The file to write.
        seed: Seed of wordings, days and entities, and of the formulas whose split is `held_out`.
        catalogue: A catalogue file of your own, beside the project's.
    """
    from tasks.formulas.panel import read_panel
    from tasks.formulas.samples import SamplesConfig, make_samples

    panel = read_panel(prices) if prices else None
    made = make_samples(_load(catalogue), SamplesConfig(seed=seed), panel)
    out.write_text("".join(f"{sample.model_dump_json()}\n" for sample in made.samples))
    counts = Counter((sample.kind, sample.split) for sample in made.samples)
    print_table([{"kind": kind, "split": split, "samples": f"{n:,}"} for (kind, split), n in sorted(counts.items())])
    if panel:
        missing = [f"{n} {reason}" for reason, n in sorted(made.without_example.items())]
        print(f"formulas without a computed example: {', '.join(missing) or 'none'}")
    print(f"written to {out}")


def _load(more: Iterable[Path]) -> Catalogue:
    return load_catalogue((*FILES, *more))
