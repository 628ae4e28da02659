"""Write docs/splitters.md: each splitter, when to use it, and its folds on a tiny panel."""

from datetime import date
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd

from tasks.sampling.arrays import Split
from tasks.sampling.splitters import (
    Chronological,
    CombinatorialPurged,
    DateDisjoint,
    LabelSplitter,
    StockAndDateDisjoint,
    StockDisjoint,
    WalkForward,
    audit,
)

HEAD = """# Splitters

Ways to split a panel into rows to fit on and rows to score, with scikit-learn's API. `groups` is the panel's table of
labels: code, date, label_from and label_until (days of the first and last price the row's target uses) and, where codes
are pairs of currencies, leg_1 and leg_2.

```python
from hindsight import DateDisjoint, audit
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score

cross_val_score(Ridge(), columns, target, groups=labels, cv=DateDisjoint(n_blocks=5, embargo_days=3))
audit(DateDisjoint(n_blocks=5), labels).n_violations  # 0
```

**Purge.** A test block's span runs from its first day to the last price its targets use. A row is not fitted on if any
day of its own label, or its own day, is in that span. `embargo_days` widens the span for the row's own day by calendar
days on either side.

**Audit.** `audit` checks the purge independently: it marks the spans on a calendar and counts train rows whose first or
last price falls on a marked day. It finds such rows only for the reference's two, StockDisjoint and
`Chronological(purge=False)`. On the real panel of golden p1 (15,120 rows of 504 stocks) these are 30 of 13,999 train
rows at the cut, labelled with prices of January 2021, and all 60,480 train rows of the stock-disjoint folds.

**Errors**: labels that lack a column or a value or end before their day, fewer stocks than folds, fewer days than
blocks, a side without rows.

**Pictures**: six stocks down, eighteen days across; a target uses the prices of the next two days. `#` test, `.` train,
`x` purged, `-` left out by design. `python docs/splitters.py` writes this page.
"""
SECTIONS: list[tuple[LabelSplitter, str]] = [
    (
        StockDisjoint(3),
        "The reference's `on`. Train and test share every day, so a column that tells days apart, such as a date in a "
        "prompt, predicts the day's common move without any hindsight. Use it to reproduce the reference, and "
        "beside StockAndDateDisjoint to see what sharing days is worth.",
    ),
    (
        Chronological(date(2021, 1, 8)),
        "The reference's `off`, there with `purge=False`. What a model fitted up to the cut is worth after it: "
        "one period, one number.",
    ),
    (
        WalkForward(3),
        "An expanding window: fitted on the past, scored on the next block, as a trader would have seen it. Its first "
        "fits are small. `embargo_dates` counts days that have rows, as the reference's variant does.",
    ),
    (
        DateDisjoint(3),
        "Every day is scored once, by a fit on other days, including later ones. It has more rows to fit on than "
        "WalkForward. Stocks are shared, so a stock's own habits may be learned.",
    ),
    (
        StockAndDateDisjoint(2, 3),
        "Train and test share neither stocks nor days, so neither explains a positive score. The report's lookahead is "
        "a difference of two models under it. Splits are ordered by fold of stocks; those of one fold together test "
        "the rows StockDisjoint tests.",
    ),
    (
        CombinatorialPurged(3, 2),
        "Every choice of blocks is scored, which gives a spread of scores from the same days. skfolio's "
        "CombinatorialPurgedCV chooses among the distinct days; purge and embargo are the ones above.",
    ),
]
PAIRS = (
    "With `leg_1` and `leg_2`, whole currencies are assigned to folds: most rows first, each to the fold with the "
    "fewest. A fold tests pairs with both legs in it and fits on pairs with neither. Other pairs are left out and "
    "counted, for EUR/USD in train would carry what EUR/JPY did. AUD, CAD, EUR and USD, three days:"
)


def page() -> str:
    """The whole page."""
    sections = [_section(repr(splitter), text, splitter, _stocks()) for splitter, text in SECTIONS]
    return HEAD + "".join([*sections, _section("StockDisjoint(n_folds=2) of pairs", PAIRS, StockDisjoint(2), _pairs())])


def _section(title: str, text: str, splitter: LabelSplitter, labels: pd.DataFrame) -> str:
    facts = audit(splitter, labels)
    counts = (
        f"Rows, summed over splits: {facts.n_train_rows} train, {facts.n_test_rows} test, {facts.n_purged} purged, "
        f"{facts.n_left_out} left out; {facts.n_violations} train rows saw a price of their test span."
    )
    return f"\n## {title}\n\n{fill(text, 120)}\n\n```\n{_pictures(splitter, labels)}\n```\n\n{fill(counts, 120)}\n"


def _pictures(splitter: LabelSplitter, labels: pd.DataFrame) -> str:
    """The splits side by side, three to a row, a line per stock."""
    grids = [_grid(split, labels) for split in splitter.purged_splits(labels)]
    names = sorted(set(labels["code"]))
    return "\n\n".join(
        "\n".join(f"{name}  {'   '.join(''.join(grid[row]) for grid in own)}" for row, name in enumerate(names))
        for own in (grids[first : first + 3] for first in range(0, len(grids), 3))
    )


def _grid(split: Split, labels: pd.DataFrame) -> np.ndarray:
    stocks, days = (np.unique(labels[name], return_inverse=True)[1] for name in ("code", "date"))
    grid = np.full((stocks.max() + 1, days.max() + 1), "-")
    for mark, rows in (("#", split.test), (".", split.train), ("x", split.purged)):
        grid[stocks[rows], days[rows]] = mark
    return grid


def _stocks() -> pd.DataFrame:
    return _labels(list("ABCDEF"), pd.bdate_range("2020-12-28", periods=20))


def _pairs() -> pd.DataFrame:
    legs = [("AUD", "CAD"), ("AUD", "EUR"), ("AUD", "USD"), ("CAD", "EUR"), ("CAD", "USD"), ("EUR", "USD")]
    table = _labels(["/".join(pair) for pair in legs], pd.bdate_range("2020-12-28", periods=5))
    return table.assign(leg_1=table["code"].str[:3], leg_2=table["code"].str[4:])


def _labels(codes: list[str], days: pd.DatetimeIndex) -> pd.DataFrame:
    rows = [(code, *days[first : first + 3]) for code in codes for first in range(len(days) - 2)]
    return pd.DataFrame(rows, columns=["code", "date", "label_from", "label_until"])


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
