"""What the store holds of a variation, read for the comparison."""

from tasks.schemas.scores import PremiumScores
from tasks.store.digests import sha256_of_json
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.sweep.comparison import Drawn
from tasks.sweep.figures import Metric, drawn, figure_of
from tasks.sweep.ranking import Entry
from tasks.sweep.same_base import Measured

TWO_WAY = "two_way.npy"


def read_measured(name: str, report: ArtifactRef, store: Store) -> Measured:
    """The scores behind a report."""
    record = store.record(store.record(report).inputs["premium"])
    return Measured(name, record, PremiumScores.read(store.fetch(record.ref)))


def entry_of(measured: Measured, metric: Metric, store: Store) -> Entry:
    """The figure a variation is ranked by, with its draws where it has some."""
    figure = figure_of(measured.scores, metric)
    draws = _drawn(measured, metric, store) if figure.interval == "two-way" else None
    return Entry(measured.name, figure, _draws_of(measured) if draws else "", draws)


def _drawn(measured: Measured, metric: Metric, store: Store) -> Drawn | None:
    import numpy as np

    two_way = np.load(store.fetch(measured.record.ref) / TWO_WAY, allow_pickle=False)
    figures, point = drawn(two_way, metric), figure_of(measured.scores, metric).point
    return None if figures is None or point is None else Drawn(point, two_way[:, 0].astype(int), figures)


def _draws_of(measured: Measured) -> str:
    """What the draws are draws of: the weights follow from the panel and the seed, whatever else is set."""
    return sha256_of_json([measured.record.inputs["panel"].digest, measured.record.config["seed"]])
