"""Questions on a panel's rows that show no feature: entity and day alone, and variants that lack one or both.

The date-only query is that of arXiv 2512.23847 as revised in 2026. A model that knows nothing of the outcome has no
reason to answer one row otherwise than another.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from tasks.common.seeded import seeded_key
from tasks.probe.items.config import QuestionsConfig
from tasks.sampling.spread import spread
from tasks.schemas.entities import Entities
from tasks.schemas.probe import FICTITIOUS, NEUTRAL, UNDATED, Variant

UP, DOWN = "up", "down"
ANY_DAY = "an unnamed day"
INSTRUCTION = f"Begin the answer with {UP} or {DOWN}."
SYLLABLES = ("bra", "del", "fan", "gor", "hel", "jun", "kel", "lor", "mav", "nor", "pel", "quin", "ros", "tav", "vel")


def question_rows(
    panel: pd.DataFrame, config: QuestionsConfig, entities: Entities, seed: int
) -> list[dict[str, object]]:
    """Questions by row and variant.

    Args:
        panel: Columns code and date, a row per row of the panel.
        config: Which rows and variants, and the wording.
        entities: How codes are named.
        seed: Decides rows and made-up names.

    Returns:
        Mappings with row, variant, prompt, up and down.
    """
    rows = np.arange(len(panel))
    if config.n_rows is not None:
        rows = np.sort(spread(panel["date"].to_numpy(), config.n_rows, np.random.default_rng(seed)))
    names = {code: entities.name(code) for code in panel["code"].unique()}
    made_up = dict(zip(names, made_up_names(list(names.values()), seed), strict=True))
    codes, days = panel["code"].to_numpy(), panel["date"].dt.strftime("%Y-%m-%d").to_numpy()
    return [
        {
            "row": int(row),
            "variant": variant,
            "prompt": _prompt(
                config, _entity(variant, names[codes[row]], made_up[codes[row]], entities), _day(variant, days[row])
            ),
            "up": UP,
            "down": DOWN,
        }
        for row in rows
        for variant in config.variants
    ]


def made_up_names(names: Sequence[str], seed: int) -> Iterator[str]:
    """A name for each of the names, of syllables drawn by seed; none is part of a real one of them, nor another's."""
    taken = " ".join(names).casefold()
    used: set[str] = set()
    for name in names:
        attempt = 0
        while (found := _made_up(name, seed, attempt)).casefold() in taken or found in used:
            attempt += 1
        used.add(found)
        yield found


def _made_up(name: str, seed: int, attempt: int) -> str:
    key = seeded_key(f"{name}:{attempt}", seed)
    n_syllables = 3 + attempt // 8
    return "".join(SYLLABLES[byte % len(SYLLABLES)] for byte in key[:n_syllables]).capitalize()


def _entity(variant: Variant, name: str, made_up: str, entities: Entities) -> str:
    if variant in FICTITIOUS:
        return f"{entities.noun} {made_up}"
    return f"{'an' if entities.noun[0].casefold() in 'aeiou' else 'a'} {entities.noun}" if variant in NEUTRAL else name


def _day(variant: Variant, day: str) -> str:
    return ANY_DAY if variant in UNDATED else day


def _prompt(config: QuestionsConfig, entity: str, day: str) -> str:
    # An entity's name may have braces.
    first, last = str(config.wording).split("{entity}")
    first, last = (part.replace("{date}", day) for part in (first, last))
    return f"{first}{entity}{last} {INSTRUCTION}"
