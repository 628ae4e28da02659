"""Write the table of expected figures in docs/measure.md: `python docs/measure.py`."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.premium.config import PremiumConfig
from tasks.premium.inference.known_truth import expected_figures
from tasks.premium.inference.schemes import make_schemes

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- expected -->\n", "<!-- /expected -->"
FIRST_DAY, LAST_DAY = date(2017, 1, 4), date(2021, 12, 3)
"""The span of the JPX prices; the cut is the default."""
N_STOCKS = 10
NAMES = {
    "lookahead": "**lookahead** of a base that knows all days",
    "gain": "**gain** of a base that knows all days",
    "reduction": "reduction of a base that knows all days",
    "premium": "premium of one model",
    "on": "R2 on of one model",
    "off": "R2 off of one model",
    "disjoint": "R2 disjoint of one model",
}


def block() -> str:
    """The rows, for a balanced panel: every stock on every weekday."""
    days = pd.bdate_range(FIRST_DAY, LAST_DAY)
    date_of_row = pd.Series(np.tile(days, N_STOCKS))
    labels = pd.DataFrame({"code": np.repeat(np.arange(N_STOCKS), len(days)), "date": date_of_row})
    labels["label_from"], labels["label_until"] = date_of_row + pd.offsets.BDay(1), date_of_row + pd.offsets.BDay(2)
    config = PremiumConfig()
    schemes, _ = make_schemes(labels, config)
    found = {own.figure: own for own in expected_figures(schemes, date_of_row.dt.date.to_numpy() <= config.train_until)}
    rows = [
        f"| {name} | {' | '.join(map(_cell, (own.nothing, own.up_to_the_cut, own.beyond)))} |"
        for name, own in ((name, found[figure]) for figure, name in NAMES.items())
    ]
    head = "| | knows nothing | knows up to the cut | knows all days |\n|---|---|---|---|"
    return "\n".join([head, *rows]) + "\n"


def page() -> str:
    """The page with its block anew."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return f"{before}{BEGIN}{block()}{END}{rest.split(END)[1]}"


def _cell(value: float) -> str:
    return "0" if abs(value) < 1e-6 else f"{value:+.2f} r"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
