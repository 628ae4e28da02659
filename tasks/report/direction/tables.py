"""Scores of direction forecasts as rows of text. A missing figure is a dash, and its reason is below the table."""

from collections.abc import Mapping

from tasks.common.text import DASH, Row
from tasks.report.direction import claims
from tasks.report.direction.cells import bps, counts, ends, lines, missing_of, points, share, with_ends
from tasks.report.text import EstimateRow, Missing, Table, reasons
from tasks.schemas.direction import (
    LEAKING,
    QUOTED,
    SPLITS,
    CalibrationBin,
    DirectionScores,
    Figure,
    Kept,
    SplitName,
    SplitScores,
)

MODEL = "model"
NO_FIT = "a forecast brought along has no fit on this split"
KEPT_SPLITS: tuple[SplitName, ...] = ("shuffled", QUOTED)
"""Of sections that show two splits; the overlapping one looks as the chronological one does."""


def headline(scores: DirectionScores) -> list[Row]:
    """One row per model: accuracy on every split, the accuracy premium of shuffling, and the profit after costs."""
    return [
        {
            MODEL: name,
            **{f"accuracy, {split}": with_ends(_accuracy(own.splits, split)) for split in SPLITS},
            "premium of shuffling": with_ends(own.premium.get("shuffled"), points),
            f"Brier, {QUOTED}": share(own.splits[QUOTED].brier.point),
            f"net bps per trade, {QUOTED}": with_ends(own.splits[QUOTED].net_bps, bps),
        }
        for name, own in scores.models.items()
    ]


def accuracies(scores: DirectionScores) -> Table[EstimateRow]:
    """Accuracy with both intervals, and Brier score, by model and split."""
    rows: list[EstimateRow] = []
    missing: list[Missing] = []
    for name, own in scores.models.items():
        cells = []
        for split in SPLITS:
            if (found := own.splits.get(split)) is None:
                cells.append([DASH])
                missing.append((f"{name}, {split}", NO_FIT))
                continue
            cells.append([*lines(found.accuracy), f"Brier {share(found.brier.point)}"])
            missing += missing_of(f"{name}, {split}", found.accuracy)
        rows.append((name, own.meaning + _rows_asked(scores, name), cells))
    return Table(rows, reasons(missing))


def premiums(scores: DirectionScores) -> Table[EstimateRow]:
    """Accuracy on each leaking split less that on the chronological one."""
    rows: list[EstimateRow] = []
    missing: list[Missing] = []
    for name, own in scores.models.items():
        found = [own.premium.get(split) for split in LEAKING]
        rows.append((name, "", [lines(each, points) if each else [DASH] for each in found]))
        for split, each in zip(LEAKING, found, strict=True):
            missing += missing_of(f"{name}, {split}", each) if each else [(f"{name}, {split}", NO_FIT)]
    return Table(rows, reasons(missing))


def profits(scores: DirectionScores) -> Table[EstimateRow]:
    """Profit per trade before and after costs, on the shuffled and on the chronological split."""
    rows: list[EstimateRow] = []
    missing: list[Missing] = []
    for name, own in scores.models.items():
        cells = []
        for split in KEPT_SPLITS:
            found = own.splits.get(split)
            for kind in ("gross_bps", "net_bps"):
                figure = getattr(found, kind) if found else None
                cells.append(lines(figure, bps) if figure else [DASH])
                missing += missing_of(f"{name}, {split}", figure) if figure else [(f"{name}, {split}", NO_FIT)]
        rows.append((name, "", cells))
    return Table(rows, reasons(missing))


def splits(scores: DirectionScores) -> list[EstimateRow]:
    """How the rows were split, and how many train labels reach into the hold-out; a column per split."""
    facts = [scores.splits[split] for split in SPLITS]
    zero = [f"{scores.n_zero_train[split]:,} + {scores.n_zero[split]:,}" for split in SPLITS]
    return [
        ("train rows", "", counts(own.n_train_rows for own in facts)),
        ("hold-out rows", "", counts(own.n_test_rows for own in facts)),
        ("hold-out days", "", counts(own.n_test_days or 0 for own in facts)),
        ("purged", "their label, or the embargo, touches the hold-out", counts(own.n_purged for own in facts)),
        ("left out", "between the training's end and the hold-out", counts(own.n_left_out for own in facts)),
        (
            "train labels in the hold-out",
            "train rows whose label uses a price dated inside its span",
            counts(own.n_violations for own in facts),
        ),
        ("outcome zero", "train + hold-out rows, neither fitted on nor scored", [[text] for text in zero]),
        ("share of rises", "in the hold-out", [[share(scores.share_up[split])] for split in SPLITS]),
    ]


def kept(scores: DirectionScores) -> Table[Row]:
    """The trades that the reference's share and its certainty would keep, by model and split."""
    rows: list[Row] = []
    none: list[Missing] = []
    for name, own in scores.models.items():
        for split in KEPT_SPLITS:
            if split not in own.splits:
                continue
            for rule, found in claimed(own.splits[split]):
                if found.n_rows:
                    rows.append(_kept_row(name, split, rule, found))
                else:
                    none.append((f"{name}, {split}, {rule}", "no trade reaches the threshold"))
    return Table(rows, reasons(none))


def claimed(own: SplitScores) -> list[tuple[str, Kept]]:
    """What is kept by thresholds for the reference's shares of trades, and by its certainty; each with the rule."""
    by_share = [
        (f"{found.asked_share:.0%} of the tuning rows", found)
        for found in own.by_share
        if found.asked_share in claims.KEPT_SHARES
    ]
    given = [("the reference's certainty", found) for found in own.by_certainty if found.certainty == claims.CERTAINTY]
    return [*by_share, *given]


def _kept_row(name: str, split: str, rule: str, found: Kept) -> Row:
    return {
        MODEL: name,
        "split": split,
        "threshold": f"{found.certainty:.3f} ({rule})",
        "trades kept": f"{found.n_rows:,} ({found.share:.1%})",
        "days": str(found.n_days),
        "accuracy": share(found.accuracy.point),
        "95 %, by date": ends(found.accuracy.by_date),
        "net bps per trade": bps(found.net_bps.point),
    }


def calibration(scores: DirectionScores) -> list[Row]:
    """Rises by probability of one on the chronological hold-out; only bins that hold a row."""
    return [
        {
            MODEL: name,
            "probability": f"{found.low:.1f} to {found.high:.1f}",
            "rows": f"{found.n_rows:,}",
            "mean probability": share(found.mean_probability),
            "rises": share(found.share_up),
        }
        for name, own in scores.models.items()
        for found in _filled(own.splits[QUOTED].calibration)
    ]


def pegs(scores: DirectionScores) -> list[Row]:
    """Pairs flagged as pegged."""
    return [
        {"pair": peg.pair, "volatility": f"{peg.volatility:.5f}", "of the median pair's": f"{peg.of_median:.1%}"}
        for peg in scores.pegs
    ]


def without_pegs(scores: DirectionScores) -> list[Row]:
    """Chronological accuracy with and without pegged pairs, for all trades and above each certainty that keeps one."""
    rows = []
    for name, own in scores.models.items():
        quoted = own.splits[QUOTED]
        every = (quoted.n_rows, quoted.accuracy, own.n_rows_without_pegs, own.without_pegs)
        rows.append(_pegs_row(name, "any", *every))
        rows += [
            _pegs_row(
                name,
                f"{found.certainty:.2f}",
                *(found.n_rows, found.accuracy, found.n_rows_without_pegs, found.accuracy_without_pegs),
            )
            for found in quoted.by_certainty
            if found.n_rows
        ]
    return rows


def _pegs_row(name: str, certainty: str, n_rows: int, accuracy: Figure, n_without: int, without: Figure) -> Row:
    return {
        MODEL: name,
        "certainty": certainty,
        "trades": f"{n_rows:,}",
        "accuracy": with_ends(accuracy),
        "trades without pegs": f"{n_without:,}",
        "accuracy without pegs": with_ends(without),
    }


def _rows_asked(scores: DirectionScores, name: str) -> str:
    """Of a language model, which may be asked about a part of the hold-out."""
    if (asked := scores.asked.get(name)) is None:
        return ""
    return f"; {asked.n_rows:,} of {asked.n_rows + asked.n_not_asked:,} rows"


def _filled(bins: list[CalibrationBin]) -> list[CalibrationBin]:
    return [found for found in bins if found.n_rows]


def _accuracy(splits: Mapping[SplitName, object], split: SplitName) -> Figure | None:
    return getattr(splits.get(split), "accuracy", None)
