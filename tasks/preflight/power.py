"""The effect the panel could detect, before a GPU is rented: from the base's states, or noise where there are none."""

from collections.abc import Iterator

import numpy as np

from tasks.common.errors import HindsightError
from tasks.premium.config import Hypothesis, PremiumConfig, RobustConfig
from tasks.premium.errors import TooFewDraws
from tasks.premium.inference.power import SCHEMES_OF, expected_power
from tasks.premium.rows import make_rows
from tasks.premium.vintages import served_rows
from tasks.schemas.artifacts import Check, Embeddings, Panel
from tasks.schemas.scores import Power

WANTED = 0.8
"""Probability of finding the assumed effect."""


def power_checks(
    config: PremiumConfig, is_plumbing: bool, n_columns: int, panel: Panel, states: Embeddings | None = None
) -> Iterator[Check]:
    """The effect this panel could detect, compared with the one that the recipe's hypothesis assumes.

    The check fails where the premium stage would fail, or give no interval, after the GPUs are paid: the rows cannot be
    split, or hardly a draw can be scored. It also fails if the effect assumed for a difference between base and trained
    would be found with less than 80 % power. With `plumbing_only`, only rows that cannot be split fail it.

    Args:
        config: How it is measured.
        is_plumbing: Whether the run's numbers mean nothing.
        n_columns: Width of the base model's states.
        panel: The rows.
        states: The base's states of these rows, where they exist.

    Yields:
        One check, or none where the recipe asks only for the reference figures.
    """
    robust, hypothesis = config.robust, config.hypothesis
    if robust is None:
        return
    bound = "for information"
    try:
        powers = panel_power(config, robust, n_columns, panel, states)
    except TooFewDraws as error:
        passed, value = is_plumbing, str(error)
    except HindsightError as error:
        passed, value = False, str(error)
    else:
        passed, value = True, _text(powers)
        if hypothesis and hypothesis.assumed_effect is not None and hypothesis.metric in SCHEMES_OF:
            found, answer = _probability(hypothesis, powers)
            bound = f"finds the assumed {hypothesis.metric} of {hypothesis.assumed_effect:g} with {WANTED:.0%}"
            passed, value = is_plumbing or found >= WANTED, f"{value}; {answer}"
    yield Check(
        name="power",
        passed=passed,
        value=value,
        bound=bound,
        way_out="Raise panel.n_stocks, panel.n_days or panel.dates_per_stock, lower premium.n_folds (2 for pairs of "
        "currencies), state another premium.hypothesis, or set premium.robust to null (reference contract only).",
    )


def panel_power(
    config: PremiumConfig, robust: RobustConfig, n_columns: int, panel: Panel, states: Embeddings | None = None
) -> list[Power]:
    """Expected power on this panel.

    Raises:
        HindsightError: If the rows cannot be split, or too few draws can be scored.
    """
    table = served_rows(panel.rows(), config)
    noise = np.random.default_rng(config.seed).standard_normal((len(table), n_columns), dtype=np.float32)
    rows = make_rows(table, {"base": states.states() if states else noise}, {})
    return expected_power(rows, "states" if states else "noise", config, robust)


def _probability(hypothesis: Hypothesis, powers: list[Power]) -> tuple[float, str]:
    """Of finding the assumed effect under the co-primary fit that finds it less often."""
    distance = (hypothesis.assumed_effect or 0.0) - hypothesis.at_least
    if distance == 0:
        return 0.0, "an effect at the threshold itself is undecided in 95 % of panels"
    found = min(power.detection(abs(distance)) for power in powers if power.metric == hypothesis.metric)
    return found, f"an effect {abs(distance):g} from the threshold is found in {found:.0%}"


def _text(powers: list[Power]) -> str:
    """Smallest detectable effects, those of the co-primary fit that detects less."""
    worst: dict[str, float] = {}
    for power in powers:
        worst[power.metric] = max(worst.get(power.metric, 0.0), power.smallest_detectable)
    effects = ", ".join(f"{metric} {effect:.2g}" for metric, effect in worst.items())
    source = "the first model's own states" if powers[0].source == "states" else "noise, an order of magnitude"
    return f"smallest detectable {effects} ({powers[0].n_draws} draws of {source}, {powers[0].n_columns:,} columns)"
