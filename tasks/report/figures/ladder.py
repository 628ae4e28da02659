"""The ladder's figure: premiums over the cutoffs, with the flat line and the tent that fits them best."""

from collections.abc import Iterable
from datetime import date

from markupsafe import Markup

from tasks.report.figures.drawing import BLUE, GREY, INK, OCHRE, drawing
from tasks.schemas.ladders import Ladder


def course(ladder: Ladder, cut: date, reference: Iterable[tuple[date, float]]) -> Markup | None:
    """The premium of every rung under the reference's fit; nothing without a fit.

    Args:
        ladder: Rungs, slopes and the tent of r = 1.
        cut: Last day of the chronological train side.
        reference: Cutoffs and premiums of the reference's own ladder, on another panel.
    """
    if "unscaled" not in ladder.fits:
        return None
    found = ladder.fits["unscaled"].courses["premium"]
    with drawing(height=3.4) as drawn:
        axes = drawn.axes
        axes.axhline(found.mean, color=GREY, linewidth=1.5, label="flat: the rungs' mean")
        if found.share.point is not None:
            level = found.mean - found.share.point * sum(found.expected) / len(found.expected)
            heights = [level + found.share.point * point.premium for point in ladder.tent]
            label = f"tent of r = {found.share.point:+z.4f}"
            axes.plot([point.day for point in ladder.tent], heights, color=BLUE, linewidth=1.5, label=label)
        for rung, own in zip(ladder.rungs, found.rungs, strict=True):
            if own.interval:
                axes.plot([rung.cutoff] * 2, own.interval, color=BLUE, linewidth=3, solid_capstyle="round")
        days, heights = [rung.cutoff for rung in ladder.rungs], [own.point for own in found.rungs]
        axes.plot(days, heights, "o", markersize=7, color="white", mec=BLUE, mew=2.5, label="a rung")
        others = list(zip(*reference, strict=True))
        axes.plot(*others, "D", markersize=7, color="none", mec=OCHRE, mew=1.5, label="reference's")
        axes.axvline(cut, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(f"cut {cut} ", (cut, 0.02), xycoords=("data", "axes fraction"), ha="right", color=INK)
        axes.set_xlabel("cutoff")
        axes.set_ylabel("premium, columns unscaled")
        drawn.figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return drawn.svg
