"""The reduction the panel could detect, before a GPU is rented: noise takes the place of the models' states."""

from collections.abc import Iterator

import numpy as np

from tasks.common.errors import HindsightError
from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.errors import TooFewDraws
from tasks.premium.inference.power import expected_power
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.two_way import TwoWayDraws
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Check, Panel
from tasks.schemas.scores import Power

NEEDS_POWER = {"reduction", "lookahead"}
"""Metrics that are differences between base and trained, to which the expected half-width applies."""


def power_checks(recipe: Recipe, n_columns: int, panel: Panel) -> Iterator[Check]:
    """The reduction this panel could detect, compared with the recipe's hypothesis if it states one.

    The check fails where the premium stage would fail, or give no interval, after the GPUs are paid: the rows cannot be
    split, or hardly a draw can be scored. It also fails if the hypothesis' threshold for a difference between base and
    trained is too small to detect. With `plumbing_only`, only rows that cannot be split fail it.

    Args:
        recipe: What is measured.
        n_columns: Width of the base model's states.
        panel: The rows.

    Yields:
        One check, or none where the recipe asks only for the reference figures.
    """
    robust, hypothesis = recipe.premium.robust, recipe.premium.hypothesis
    if robust is None:
        return
    is_plumbing = recipe.report.plumbing_only
    is_held = hypothesis is not None and hypothesis.metric in NEEDS_POWER and not is_plumbing
    threshold = hypothesis.at_least if hypothesis is not None and is_held else None
    try:
        power = panel_power(recipe.premium, robust, n_columns, panel)
    except TooFewDraws as error:
        passed, value = is_plumbing, str(error)
    except HindsightError as error:
        passed, value = False, str(error)
    else:
        passed = threshold is None or power.smallest_detectable <= threshold
        value = _text(power, robust.n_power_draws)
    yield Check(
        name="power",
        passed=passed,
        value=value,
        bound="for information" if threshold is None else f"detects the hypothesis' {threshold:g}",
        way_out="Raise panel.n_stocks or panel.dates_per_stock, lower premium.n_folds (2 for pairs of currencies), "
        "state another threshold in premium.hypothesis, or set premium.robust to null (reference contract only).",
    )


def panel_power(config: PremiumConfig, robust: RobustConfig, n_columns: int, panel: Panel) -> Power:
    """Expected half-width of the reduction's interval on this panel, from two-way draws of noise columns.

    Args:
        config: Cut, folds, penalty and seed.
        robust: Draws.
        n_columns: Width of the base model's states.
        panel: The rows.

    Raises:
        HindsightError: If the rows cannot be split, or too few draws have a premium.
    """
    rows = panel.rows()
    schemes, _ = make_schemes(rows, config)
    return expected_power(
        target=rows["target"].to_numpy(np.float64),
        numeric=rows[panel.numeric_columns()].to_numpy(np.float64),
        n_columns=n_columns,
        schemes=schemes,
        weights=TwoWayDraws(rows, config.seed).take(0, robust.n_power_draws),
        alpha=config.alpha,
        seed=config.seed,
    )


def _text(power: Power, n_asked: int) -> str:
    draws = f"{power.n_draws} draws" if power.n_draws == n_asked else f"{power.n_draws} of {n_asked} draws"
    return (
        f"reduction half-width +-{power.half_width:.2g}, smallest detectable {power.smallest_detectable:.2g} "
        f"({draws} of noise, {power.n_columns:,} columns)"
    )
