"""The scores of a variation, read from the store for the comparison."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from tasks.schemas.draws import figure_on_draws
from tasks.schemas.scores import PremiumScores
from tasks.store.digests import sha256_of_json
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.sweep.comparison import FigureDraws
from tasks.sweep.figures import Metric, figure_of, fit_of
from tasks.sweep.ranking import Candidate


@dataclass(frozen=True)
class VariationScores:
    """The scores of one variation.

    Args:
        name: The variation.
        record: Record of its `premium` artifact.
        scores: Content of the artifact.
    """

    name: str
    record: Record
    scores: PremiumScores

    @property
    def base_key(self) -> str:
        """Digest of everything that determines the base's figures: panel, base states, premium settings, code."""
        identity = self.record.identity
        config = {name: value for name, value in _mapping(identity["config"]).items() if name != "hypothesis"}
        inputs = _mapping(identity["inputs"])
        key = {"panel": inputs["panel"], "base": inputs["base"], "revision": identity["revision"], "config": config}
        return sha256_of_json(key)

    @property
    def draws_key(self) -> str:
        """Digest of panel and seed: equal keys mean equal two-way draws, whatever else is set."""
        return sha256_of_json([self.record.inputs["panel"].digest, self.record.config["seed"]])


def read_scores(name: str, report: ArtifactRef, store: Store) -> VariationScores:
    """The scores behind a variation's report."""
    record = store.record(store.record(report).inputs["premium"])
    return VariationScores(name, record, PremiumScores.read(store.fetch(record.ref)))


def candidate_of(found: VariationScores, metric: Metric, store: Store) -> Candidate:
    """The figure a variation is ranked by, with its two-way draws if it has any."""
    import numpy as np

    figure = figure_of(found.scores, metric)
    robust = found.scores.robust
    if figure.interval != "two-way" or figure.point is None or robust is None:
        return Candidate(found.name, figure)
    two_way = np.load(store.fetch(found.record.ref) / "two_way.npy", allow_pickle=False)
    values = figure_on_draws(two_way, metric.terms, robust, fit_of(robust))
    draws = FigureDraws(figure.point, two_way[:, 0].astype(int), values)
    # Figures of different fits are no pair, even on the same draws.
    return Candidate(found.name, figure, f"{found.draws_key} {figure.fit}", draws)


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
