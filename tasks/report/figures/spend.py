"""Figure of what the run's artifacts took: machine seconds by stage."""

from collections.abc import Sequence

from matplotlib.ticker import EngFormatter

from tasks.report.figures.drawing import BLUE, INK, Plot, drawing
from tasks.report.tables.spend import spend
from tasks.store.records import Record


def spend_by_stage(records: Sequence[Record]) -> Plot:
    """A bar per stage with the seconds of all its artifacts, failed attempts included; dollars are in the table."""
    seconds: dict[str, float] = {}
    for record in records:
        failed = record.spent.failed if record.spent else None
        own = (record.spent.seconds if record.spent else record.seconds) + (failed.seconds if failed else 0.0)
        seconds[record.kind] = seconds.get(record.kind, 0.0) + own
    with drawing(height=0.8 + 0.28 * len(seconds)) as drawn:
        axes = drawn.axes
        axes.barh(range(len(seconds)), list(seconds.values()), height=0.6, color=BLUE)
        for height, value in enumerate(seconds.values()):
            axes.annotate(f" {value:,.0f} s", (value, height), va="center", color=INK, fontsize=9)
        axes.set_yticks(range(len(seconds)), [name.replace("_", " ") for name in seconds])
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes.set_xlabel("machine seconds, failed attempts included")
    return Plot(drawn.svg, spend(records))
