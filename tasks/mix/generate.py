"""Examples made from a panel's rows before the hold-out.

A prompt holds what is known on the row's day. Feature example, with the realised direction as its answer; the reason
compares it with the trend:

    The pair EURUSD after the close: 5-day log return +0.0080, 30-day log return -0.0123, 20-day volatility of daily log
    returns 0.0061. Will it be higher or lower in 5 weekdays? Begin the answer with up or down.

    up: over the next 5 weekdays it rises, reversing the move of the last 30 days.

Trade scenario, whose answer follows from the numbers in its prompt alone:

    The pair EURUSD after the close: 20-day volatility of daily log returns 0.00612, 30-day log return -0.0123. You plan
    to be long for 5 weekdays with an equity of 50,000. The stop is 2 daily volatilities from the entry, being stopped
    out costs 1 % of the equity, and the position is at most 10 times the equity. Where is the stop, and how large is
    the position?

    long: the stop is 2 x 0.00612 = 1.22 % below the entry, the position 500 / 0.0122 = 40,850.

Preference pair: the prompt of a feature example, or of a scenario that leaves the side open, and the answers for both
directions; the outcome decides which is chosen. Rows whose outcome is zero have no direction: they are drawn and
counted, and give neither feature example nor preference pair.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

from tasks.mix.config import FeaturesSource, MixConfig, PairsSource, ScenariosSource
from tasks.mix.errors import MissingFeature
from tasks.mix.examples import Candidate, Example, Found, chat, prompt_of
from tasks.mix.panel_rows import PanelRows, generator
from tasks.mix.texts import VOLATILITY, Row, Trade, feature_answer, feature_prompt
from tasks.schemas.examples import PreferencePair

SIDES: tuple[Literal["long", "short"], ...] = ("long", "short")
Generated = FeaturesSource | ScenariosSource | PairsSource


def generate(source: Generated, rows: PanelRows, config: MixConfig) -> Found:
    """Draw rows of every pair, and make an example of each.

    Args:
        source: What is made, and how many per pair.
        rows: The panel.
        config: Wordings and seed.

    Raises:
        MissingFeature: If the panel lacks the volatility that a trade needs.
    """
    make, usable = _maker(source, rows, config), rows.is_train
    if _needs_volatility(source):
        if VOLATILITY not in rows.table:
            raise MissingFeature(
                f"source {source.name!r} makes trades from {VOLATILITY}, and the panel's features are "
                f"{', '.join(rows.features)}; leave the source out, or take a panel of prices."
            )
        usable = usable & (rows.table[VOLATILITY] > 0).to_numpy()
    if isinstance(source, FeaturesSource):
        usable = usable & rows.within(source.first_day, source.last_day)
    found, has_outcome = Found(), not isinstance(source, ScenariosSource)
    for code, drawn in rows.draw(source.n_per_pair, usable, config.seed, source.name):
        if len(drawn) < source.n_per_pair:
            found.n_short[code] = source.n_per_pair - len(drawn)
        for row in rows.records(drawn):
            if has_outcome and row["target"] == 0:
                found.n_read[code] += 1
                found.n_zero[code] += 1
            else:
                found.add(Candidate(make(row), row["label_until"].date()))
    return found


def _needs_volatility(source: Generated) -> bool:
    return isinstance(source, ScenariosSource) or (isinstance(source, PairsSource) and source.prompts == "scenarios")


def _maker(source: Generated, rows: PanelRows, config: MixConfig) -> Callable[[Row], Example]:
    match source:
        case FeaturesSource():
            return partial(_feature_example, source.name, rows, config)
        case ScenariosSource():
            return partial(_scenario, source.name, rows, config)
        case PairsSource():
            return partial(_preference, source, rows, config)


def _feature_example(name: str, rows: PanelRows, config: MixConfig, row: Row) -> Example:
    answer = feature_answer(row, row["target"] > 0, rows.horizon)
    return chat(name, *_key(row), _asked(row, rows, config), answer, config, row["date"].date())


def _scenario(name: str, rows: PanelRows, config: MixConfig, row: Row) -> Example:
    rng = generator(config.seed, name, *_key(row))
    side, trade = SIDES[rng.integers(2)], Trade.of(row, rng)
    prompt = trade.prompt(row, side, rows.horizon, config)
    return chat(name, *_key(row), prompt, trade.answer(side), config, row["date"].date())


def _preference(source: PairsSource, rows: PanelRows, config: MixConfig, row: Row) -> Example:
    key, group = _key(row)
    if source.prompts == "features":
        prompt = _asked(row, rows, config)
        answers = [feature_answer(row, rises, rows.horizon) for rises in (True, False)]
    else:
        trade = Trade.of(row, generator(config.seed, source.name, key))
        prompt = trade.prompt(row, "", rows.horizon, config)
        answers = [trade.answer(side) for side in SIDES]
    chosen, rejected = answers if row["target"] > 0 else reversed(answers)
    return PreferencePair(
        id=f"{source.name}/{key}",
        source=source.name,
        group=group,
        day=row["date"].date(),
        prompt=prompt_of(prompt, config),
        chosen=chosen,
        rejected=rejected,
    )


def _asked(row: Row, rows: PanelRows, config: MixConfig) -> str:
    return feature_prompt(row, rows.features, rows.horizon, config)


def _key(row: Row) -> tuple[str, str]:
    """The id of a row's example in its source, and its group."""
    return f"{row['code']}-{row['date']:%Y-%m-%d}", str(row["code"])
