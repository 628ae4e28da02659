"""The tent over knowledge ends, simulated and drawn over its formula: `python -m tests.simulations.tent`."""

from datetime import date
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.common.settings import project_root
from tasks.premium.inference.evaluate import Scheme, score
from tasks.premium.reference.splits import chronological
from tasks.sampling.splitters.disjoint import stock_disjoint
from tests.premium.planted import tent

FIRST_DAY, LAST_DAY, CUT = date(2017, 1, 4), date(2021, 12, 3), date(2020, 12, 31)
"""The span of the JPX prices and the reference's cut."""
KNOWLEDGE_ENDS = tuple(
    map(date.fromisoformat, ("2016-12-31", "2018-12-31", "2019-12-31", "2020-12-31", "2021-06-30", "2021-12-31"))
)
R = 0.10
"""The column's R2 on the days it knows."""
GREY, BLUE, INK, RULE = "#8a8f98", "#2f6690", "#2b2f36", "#c9cdd3"
"""The report's colours."""
STYLE = {
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
N_PANELS, N_STOCKS = 40, 24
PICTURE = project_root() / "docs" / "pictures" / "tent.png"


def simulated_premiums(r: float, knowledge_end: date, n_panels: int, n_stocks: int, seed: int) -> np.ndarray:
    """Measure panels whose one column knows the target up to a day, as the premium measures models.

    Args:
        r: R2 of the column on known rows; on the others it is independent noise of the same variance.
        knowledge_end: Last known day.
        n_panels: Panels to make, each with its own returns.
        n_stocks: Stocks, with a row on every weekday from FIRST_DAY to LAST_DAY.
        seed: Source of all chance.

    Returns:
        (n_panels,) premiums.
    """
    days = pd.bdate_range(FIRST_DAY, LAST_DAY)
    date_of_row = np.tile(days, n_stocks)
    folds = stock_disjoint(np.repeat(np.arange(n_stocks), len(days)), 5)
    on_and_off = [
        Scheme("on", [[fold] for fold in folds]),
        Scheme("off", [[chronological(date_of_row <= np.datetime64(CUT))]]),
    ]
    is_known = date_of_row <= np.datetime64(knowledge_end)
    rng = np.random.default_rng(seed)
    premiums = []
    for _ in range(n_panels):
        target, noise = rng.normal(size=(2, len(date_of_row)))
        column = np.where(is_known, np.sqrt(r) * target + np.sqrt(1 - r) * noise, noise)
        on, off = score(column[:, None], target, on_and_off).r2[0, 0]
        premiums.append(on - off)
    return np.array(premiums)


def draw(premiums: dict[date, np.ndarray], file: Path) -> None:
    """Draw simulated premiums over the formula's line.

    Args:
        premiums: By knowledge end.
        file: PNG to write.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.8, 3.6), layout="constrained", dpi=160)
        axes = figure.add_subplot()
        ladder = pd.date_range("2016-12-31", "2021-12-31", freq="ME").date
        axes.plot(*zip(*tent(R, ladder, FIRST_DAY, LAST_DAY, CUT), strict=True), color=GREY, linewidth=1.5, zorder=1)
        _points(axes, premiums)
        axes.axvline(CUT, color=RULE, linewidth=1, zorder=0)
        axes.annotate("the cut, 2020-12-31", (CUT, 0), (-4, 0), textcoords="offset points", ha="right", color=GREY)
        axes.set_xlabel("last day the column knows")
        axes.set_ylabel("premium, R2 on - R2 off")
        axes.set_title(_caption(premiums), loc="left", fontsize=9, color=INK)
        figure.savefig(file, metadata={"Software": None})


def _points(axes: Axes, premiums: dict[date, np.ndarray]) -> None:
    for end, values in premiums.items():
        low, high = np.percentile(values, [2.5, 97.5])
        axes.plot([end, end], [low, high], color=BLUE, linewidth=3, solid_capstyle="round", zorder=2)
        axes.plot([end], [values.mean()], "o", markersize=7, color="white", mec=BLUE, mew=2, zorder=3)


def _caption(premiums: dict[date, np.ndarray]) -> str:
    n_panels = len(next(iter(premiums.values())))
    return (
        f"Simulated, no model: a column that knows the target with R2 = {R:.2f} up to a day.\n"
        f"Dots and bars: mean and central 95 % of {n_panels} panels; line: the formula."
    )


def main() -> None:
    """Simulate every rung, print it beside the formula, and draw the picture."""
    premiums = {}
    for rung, (end, truth) in enumerate(tent(R, KNOWLEDGE_ENDS, FIRST_DAY, LAST_DAY, CUT)):
        values = premiums[end] = simulated_premiums(R, end, N_PANELS, N_STOCKS, seed=rung)
        error = values.std(ddof=1) / np.sqrt(len(values))
        print(f"{end}  formula {truth:.4f}  simulated {values.mean():.4f} +- {error:.4f}")
    draw(premiums, PICTURE)
    print(PICTURE.relative_to(project_root()))


if __name__ == "__main__":
    main()
