"""Figures of the reference contract: the tent of its premium, premiums with stock draws, the draws of the reduction."""

import numpy as np

from tasks.common.text import signed
from tasks.report.figures.drawing import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PAPER,
    WASH,
    Plot,
    bin_rows,
    drawing,
    mark,
    model_colours,
    n_bins,
    name_rows,
    row_of,
)
from tasks.schemas.scores import PremiumScores, models_of


def tent(scores: PremiumScores) -> Plot:
    """The premium expected of a model, and the gain over it of one that knows all, by the share of rows it knows.

    A model knows the first rows of the panel: a fraction pi of all, kappa of train, theta of test. In units of r,
    premium = pi^2 + kappa^2 - 2 kappa theta, and gain = 1 - (2 kappa theta - kappa^2).
    """
    cut = scores.n_train_rows / scores.n_rows
    pi = np.unique(np.append(np.linspace(0, 1, 201), cut))
    kappa, theta = np.minimum(pi / cut, 1), np.maximum((pi - cut) / (1 - cut), 0)
    off = 2 * kappa * theta - kappa**2
    with drawing(height=2.5) as drawn:
        axes = drawn.axes
        axes.plot(pi, pi**2 - off, color=ORANGE, linewidth=2, label="premium of the model")
        axes.plot(pi, 1 - off, color=BLUE, linewidth=2, label="gain of one that knows all over it")
        axes.axhline(0, color=GREY, linewidth=1, zorder=0)
        axes.axvline(cut, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(f"cut {scores.cut} ", (cut, 0.05), xycoords=("data", "axes fraction"), ha="right", color=INK)
        axes.margins(x=0.01)
        axes.set_xlabel("fraction of the panel's rows that a model knows, oldest first")
        axes.set_ylabel("in units of r")
        drawn.figure.legend(loc="outside upper center", ncols=2, frameon=False)
    rows = [
        {
            "fraction known": f"{at:.2f}",
            "premium of the model": f"{premium:+z.2f} r",
            "gain of one that knows all over it": f"{gain:+z.2f} r",
        }
        for at, premium, gain in zip(pi, pi**2 - off, 1 - off, strict=True)
        if at == cut or round(at * 200) % 20 == 0
    ]
    return Plot(drawn.svg, rows)


def premiums(scores: PremiumScores) -> Plot:
    """Premium of the compared models and their reductions, with 95 % of the stock draws."""
    rows = {name: (scores.models[name].premium, scores.models[name].premium_interval) for name in scores.compared}
    colours = model_colours(rows)
    for pair in scores.pairs:
        found = scores.reductions[pair]
        rows["reduction" if len(scores.pairs) == 1 else pair] = (found.point, found.interval)
    with drawing(height=0.8 + 0.4 * len(rows)) as drawn:
        for height, (name, (point, interval)) in enumerate(rows.items()):
            ends = (interval.p2_5, interval.p97_5)
            mark(drawn.axes, height, point, ends, colours.get(name, INK), interval.p50)
        name_rows(drawn.axes, list(rows))
        drawn.axes.set_xlabel("R2 on - R2 off")
    table = [
        row_of(name, point, (interval.p2_5, interval.p97_5)) | {"median draw": signed(interval.p50)}
        for name, (point, interval) in rows.items()
    ]
    return Plot(drawn.svg, table)


def reduction_draws(draws: np.ndarray, scores: PremiumScores) -> Plot | None:
    """Histogram of the reduction over the stock draws, where conclusions are drawn on one pair.

    Args:
        draws: (n_kept, 1 + 2 * n_models): draw number, then on and off of each model.
        scores: For the point estimate and the interval.
    """
    if len(scores.pairs) != 1:
        return None
    pair = scores.pairs[0]
    one, other = models_of(pair)
    places = {name: 1 + 2 * number for number, name in enumerate(scores.models)}
    premiums = {name: draws[:, place] - draws[:, place + 1] for name, place in places.items()}
    reductions, found = premiums[one] - premiums[other], scores.reductions[pair]
    with drawing(height=2.2) as drawn:
        axes = drawn.axes
        counts, edges, _ = axes.hist(reductions, bins=n_bins(len(draws)), color=WASH, edgecolor=PAPER)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.axvline(found.point, color=INK, linewidth=2)
        for end in (found.interval.p2_5, found.interval.p97_5):
            axes.axvline(end, color=BLUE, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel(f"premium of {one} - premium of {other}")
        axes.set_ylabel("stock draws")
    return Plot(drawn.svg, bin_rows(counts, edges))
