"""Measure any number of models on the same rows: what the premium stage and a notebook both call.

`measure_models` takes arrays; `measure` checks a notebook's table and states first. A Measurement has the reference
contract's figures, the decomposition, and paired differences between any two models.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tasks.premium.config import PremiumConfig
from tasks.premium.errors import UnknownModel
from tasks.premium.gram.devices import one_thread
from tasks.premium.inference.decompose import Decompositions, decompose_models
from tasks.premium.inference.reference_checks import reference_checks
from tasks.premium.measurement_table import Line, fit_lines, line
from tasks.premium.notebook_input import check_hypothesis, check_panel, checked_states
from tasks.premium.reference.bootstrap import interval, score_draws
from tasks.premium.reference.scores import Scores, score_model
from tasks.premium.rows import Rows, make_rows
from tasks.premium.vintages import with_vintages
from tasks.sampling.arrays import FloatArray
from tasks.schemas.artifacts import Panel
from tasks.schemas.checks import ReferenceChecks
from tasks.schemas.estimates import FITS, FitName, Interval, ModelDifference
from tasks.schemas.scores import ModelScore


@dataclass(frozen=True)
class Difference:
    """One model's figures less another's, on the same draws.

    Attributes:
        reference_reduction: premium(one) - premium(other) under the reference contract.
        reference_interval: Its interval from stock draws, too narrow where stocks share shocks.
        fits: Lookahead, gain and reduction with robust intervals, by fit; empty without `config.robust`. Read them as
            docs/measure.md says: lookahead is knowledge of the future only where nothing else tells the models apart.

    Examples:
        >>> from hindsight import PanelConfig, PlantedSource, PremiumConfig, build_panel, measure
        >>> panel = build_panel(PanelConfig(source=PlantedSource(n_stocks=10), dates_per_stock=30)).rows
        >>> states = {"one": panel[["planted"]].to_numpy(), "same": panel[["planted"]].to_numpy()}
        >>> measured = measure(panel, states, config=PremiumConfig(n_draws=30, robust=None))
        >>> measured.difference("one", "same").reference_interval
        Interval(p2_5=0.0, p50=0.0, p97_5=0.0)
    """

    reference_reduction: float
    reference_interval: Interval
    fits: Mapping[FitName, ModelDifference]


@dataclass(frozen=True, eq=False, repr=False)
class Measurement:
    """The premiums of models on the same rows, splits and draws.

    Attributes:
        config: Cut, folds, draws and seed that it was measured with.
        n_stocks: Distinct stocks.
        n_rows: Rows, one per stock and day.
        n_train_rows: Rows up to the cut.
        reference: Each model's R2 and premium under the reference contract.
        stock_draws: (n_kept, 1 + 2 * n_models) draw, then on and off of each model.
        dropped_stock_draws: Stock draws that could not be scored, by reason.
        n_flat_stock_draws: Kept ones with a test side of one constant target, which the reference scores 0.
        robust: The decomposition with robust intervals, controls and counts of the splits; None without
            `config.robust`.

    Examples:
        >>> from hindsight import PanelConfig, PlantedSource, PremiumConfig, build_panel, measure
        >>> panel = build_panel(PanelConfig(source=PlantedSource(n_stocks=10), dates_per_stock=30)).rows
        >>> states = {"informed": panel[["planted"]].to_numpy()}
        >>> measure(panel.drop(columns="planted"), states, config=PremiumConfig(n_draws=30, robust=None))
        <Measurement of 300 rows of 10 stocks; reference premium: informed -0.015>
    """

    config: PremiumConfig
    n_stocks: int
    n_rows: int
    n_train_rows: int
    reference: Mapping[str, ModelScore]
    stock_draws: FloatArray
    dropped_stock_draws: Mapping[str, int]
    n_flat_stock_draws: int
    robust: Decompositions | None

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order given."""
        return tuple(self.reference)

    def difference(self, one: str, other: str) -> Difference:
        """Compare two models on the draws they share.

        Raises:
            UnknownModel: If one of them was not measured.
        """
        for name in (one, other):
            if name not in self.reference:
                raise UnknownModel(f"model {name!r} was not measured; choose among {', '.join(self.models)}.")
        paired = self._premium_draws(one) - self._premium_draws(other)
        return Difference(
            reference_reduction=self.reference[one].premium - self.reference[other].premium,
            reference_interval=interval(paired),
            fits={fit: self.robust.difference(one, other, fit) for fit in FITS} if self.robust else {},
        )

    def table(self) -> pd.DataFrame:
        """All figures and intervals: a row for each model's figure, and for each difference of two models, by fit.

        Returns:
            Indexed by fit, model (`base`, or `base - trained`) and figure. `low` and `high` are the interval to quote,
            `jackknife_*` the second one, of figures without R2 off. `is_wide` marks an interval to quote that is
            likely wider than 95 % needs. The fit `reference` has the public recipe's figures, with 95 % of the stock
            draws. Missing where there is none; `why_none` says why a figure has no value or interval.
        """
        lines = [*self._reference_lines(), *(fit_lines(self.robust) if self.robust else ())]
        return pd.DataFrame.from_records(lines).set_index(["fit", "model", "figure"])

    def __repr__(self) -> str:
        premiums = ", ".join(f"{model} {own.premium:+.3f}" for model, own in self.reference.items())
        return f"<Measurement of {self.n_rows} rows of {self.n_stocks} stocks; reference premium: {premiums}>"

    def _repr_html_(self) -> str:
        return self.table().to_html(float_format="{:.3f}".format, na_rep="")

    def _premium_draws(self, model: str) -> FloatArray:
        """(n_kept,) reference premium on each stock draw."""
        on = 1 + 2 * self.models.index(model)
        premiums: FloatArray = self.stock_draws[:, on] - self.stock_draws[:, on + 1]
        return premiums

    def _reference_lines(self) -> Iterator[Line]:
        for model, own in self.reference.items():
            yield line("reference", model, "on", own.r2_on)
            yield line("reference", model, "off", own.r2_off)
            yield line("reference", model, "premium", own.premium, _ends(own.premium_interval))
        for one, other in combinations(self.models, 2):
            found = self.difference(one, other)
            ends = _ends(found.reference_interval)
            yield line("reference", f"{one} - {other}", "reduction", found.reference_reduction, ends)


def measure(
    panel: pd.DataFrame | Panel,
    states_by_model: Mapping[str, ArrayLike],
    *,
    undated: Mapping[str, ArrayLike] | None = None,
    config: PremiumConfig | None = None,
) -> Measurement:
    """Measure how much better each model scores on days that train and test share than on days after the cut.

    The figures are those of the pipeline's premium stage for the same rows, states and config, to the last bit. The
    stage adds conclusions, power and the answer to a hypothesis, about base and trained.

    Args:
        panel: One row per stock and day: code, date, label_from, label_until (days of the first and last price of the
            target), target; prompt and prompt_undated are not read. Every other column is a numeric feature and
            is fitted beside each model's states. `build_panel` makes one.
        states_by_model: For each model's name (n_rows, width) floats, row for row with the panel; float32 and float64
            are taken as they are. Controls are made from the first model's.
        undated: The same of the sentences without their day, for the control `undated_prompt`.
        config: Cut, folds, penalty, draws and seed; the pipeline's defaults if left out. Progress is logged.

    Returns:
        Figures with intervals, and paired differences between any two models.

    Raises:
        BadPanel: If the panel lacks a column or a value, has a feature that is not a number, or a stock's day twice.
        BadLabels: If a day is not a datetime64, or a target ends before its row's day.
        StatesDoNotFit: If states have another number of rows, are no floats, or are not finite.
        BadVintages: If the config's vintages are none of these models, have different widths, or serve no row.
        Unscorable: If the rows cannot be split: too few stocks, days, or rows on a side of the cut.
        TooFewDraws: If too few draws can be scored for an interval.

    Examples:
        >>> from datetime import date
        >>> from hindsight import PanelConfig, PlantedSource, PremiumConfig, build_panel, measure
        >>> knows = PlantedSource(n_stocks=20, lookahead=0.4, known_until=date(2020, 12, 31))
        >>> panel = build_panel(PanelConfig(source=knows, dates_per_stock=60)).rows
        >>> states = {"informed": panel[["planted"]].to_numpy(), "ignorant": panel[["ret_5d"]].to_numpy()}
        >>> found = measure(panel.drop(columns="planted"), states, config=PremiumConfig(robust={"n_draws": 100}))
        >>> found.robust.fit("unscaled").models["informed"].premium.point > 0.5
        True
        >>> found.difference("informed", "ignorant").fits["standardized"].lookahead.interval[0] > 0
        True
        >>> found.table().shape
        (99, 7)
    """
    config = config or PremiumConfig()
    check_hypothesis(config)
    table = panel.rows() if isinstance(panel, Panel) else panel
    check_panel(table)
    states, undated_states = checked_states(states_by_model, undated or {})
    reason = "the first model's states of the sentences without their day were not passed as `undated`."
    rows = make_rows(table.reset_index(drop=True), states, undated_states, why_not_undated=reason)
    return measure_models(with_vintages(rows, config)[0], config)


def measure_models(rows: Rows, config: PremiumConfig, work_dir: Path | None = None) -> Measurement:
    """Measure the models' premiums: under the reference contract and, with `config.robust`, taken apart.

    Args:
        rows: The panel with all models' states.
        config: Cut, folds, penalty, draws and seed.
        work_dir: Where finished chunks of draws are kept, so that a killed run can resume.

    Raises:
        Unscorable: If the panel itself cannot be scored.
        TooFewDraws: If too few of its draws can.
        UnknownModel: If the config has a cutoff of a model that is not there.
        BadLadder: If a family's models have no cutoffs, or the same.
    """
    if unknown := sorted(config.cutoffs.keys() - rows.states.keys()):
        raise UnknownModel(
            f"premium.cutoffs names {', '.join(unknown)}, the models are {', '.join(rows.states)}; correct the name."
        )
    for family in config.ladders:
        config.rungs(family)
    points, checks = {}, {}
    for model in rows.states:
        columns = rows.columns(model)
        with one_thread():
            points[model] = score_model(rows, columns, config)
        checks[model] = reference_checks(rows, columns, config, points[model].on)
    stock = score_draws(rows, config, work_dir)
    draws = stock.draws
    premiums = {model: draws[:, 1 + 2 * index] - draws[:, 2 + 2 * index] for index, model in enumerate(points)}
    return Measurement(
        config=config,
        n_stocks=len(np.unique(rows.stocks)),
        n_rows=len(rows.target),
        n_train_rows=int(rows.is_train(config.train_until).sum()),
        reference={
            model: _model_score(own, premiums[model], rows.n_columns(model), checks[model])
            for model, own in points.items()
        },
        stock_draws=draws,
        dropped_stock_draws=stock.dropped,
        n_flat_stock_draws=stock.n_flat,
        robust=decompose_models(rows, config, config.robust, work_dir) if config.robust else None,
    )


def _model_score(scores: Scores, premiums: FloatArray, n_columns: int, checks: ReferenceChecks) -> ModelScore:
    return ModelScore(
        n_columns=n_columns,
        r2_off=scores.off,
        r2_on=scores.on,
        r2_on_folds=scores.on_folds,
        premium=scores.premium,
        premium_interval=interval(premiums),
        checks=checks,
    )


def _ends(bounds: Interval) -> tuple[float, float]:
    return bounds.p2_5, bounds.p97_5
