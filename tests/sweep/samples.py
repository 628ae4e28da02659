"""Sample scores, records and draws, as the premium stage writes them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from tasks.schemas.estimates import Interval
from tasks.schemas.scores import HEADLINE_PAIR, ModelScore, PremiumScores, Reduction, RobustScores
from tasks.store.digests import sha256_of_json
from tasks.store.records import FileEntry, Record
from tasks.sweep.comparison import FigureDraws
from tasks.sweep.figures import Figure
from tasks.sweep.ranking import Candidate
from tasks.sweep.scores import VariationScores
from tests.report.sample_robust import made_robust


def model_score(r2_off: float, r2_on: float) -> ModelScore:
    interval = Interval(p2_5=0.1, p50=0.2, p97_5=0.3)
    return ModelScore(
        n_columns=36,
        r2_off=r2_off,
        r2_on=r2_on,
        r2_on_folds=[r2_on] * 5,
        premium=r2_on - r2_off,
        premium_interval=interval,
    )


def made_scores(base: ModelScore | None = None, robust: RobustScores | None = None, **changed: Any) -> PremiumScores:
    fields = {
        "contract": "reference",
        "cut": date(2020, 12, 31),
        "n_stocks": 20,
        "n_rows": 600,
        "n_train_rows": 569,
        "n_test_rows": 31,
        "models": {"base": base or model_score(-0.26, -0.04), "trained": model_score(-0.19, -0.05)},
        "reductions": {HEADLINE_PAIR: Reduction(point=0.08, interval=Interval(p2_5=-0.13, p50=0.07, p97_5=0.28))},
        "pairs": [HEADLINE_PAIR],
        "n_draws": 200,
        "n_kept_draws": 197,
        "dropped_draws": {},
        "robust": robust or made_robust(),
    }
    return PremiumScores(**{**fields, **changed})


def made_record(kind: str, key: str = "", **changed: Any) -> Record:
    digest = sha256_of_json([kind, key])
    fields = {
        "kind": kind,
        "label": f"{kind}-made-up",
        "key": digest[:16],
        "identity": {"kind": kind},
        "config": {},
        "inputs": {},
        "files": [FileEntry(path="file.bin", size=10, sha256=digest)],
        "facts": {},
        "seconds": 3_600.0,
        "finished_at": datetime(2026, 1, 2, 12, 0, tzinfo=UTC),
        "versions": {"numpy": "2.4.6"},
        "git_commit": None,
    }
    return Record(**{**fields, **changed})


def made_variation(
    name: str, scores: PremiumScores | None = None, config: Mapping[str, Any] | None = None, **inputs: str
) -> VariationScores:
    identity = {
        "kind": "premium",
        "revision": 3,
        "config": {"seed": 123, "hypothesis": None, **(config or {})},
        "inputs": {"panel": "p" * 64, "base": "b" * 64, "trained": sha256_of_json(name), **inputs},
    }
    return VariationScores(name, made_record("premium", name, identity=identity), scores or made_scores())


def candidate(name: str, point: float | None, half_width: float = 0.05, why: str = "") -> Candidate:
    if point is None:
        return Candidate(name, Figure(point=None, why_none=why))
    ends = (point - half_width, point + half_width)
    return Candidate(name, Figure(point=point, ends=ends, interval="two-way"))


def candidate_with_draws(
    name: str, point: float, deviations: np.ndarray, panel: str = "p", bias: float = 0.0
) -> Candidate:
    figures = point + bias + deviations
    ends = (float(np.quantile(figures, 0.025)), float(np.quantile(figures, 0.975)))
    draws = FigureDraws(point, np.arange(len(figures)), figures)
    return Candidate(name, Figure(point=point, ends=ends, interval="two-way"), panel, draws)
