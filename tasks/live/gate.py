"""One look at the newest hold-out: whether the candidate replaces the version in production.

Every update is a new hypothesis, `this candidate is no better`, and hold-outs of neighbouring updates share most of
their days. A look may spend level = rate * gamma_k * (1 + promotions before it), with gamma_k of sum 1 over all looks
that will ever be: e-LOND. If no candidate is ever better, the chance of any promotion is at most `rate`. That at most
`rate` of the promotions are false in expectation is not shown after the first one: the version in production was then
chosen by outcomes that later hold-outs share, so that the mean of an e-value may be above 1 given that choice.

Source: Xu and Ramdas (2024), Online multiple testing with e-values, AISTATS, section 3.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import zeta

from tasks.live.bets import all_bets, evidence_above, interval
from tasks.live.config import GateConfig
from tasks.live.errors import BadDays
from tasks.live.paired import PairedDays
from tasks.live.power import fewest_bets, smallest_detectable
from tasks.schemas.live import SCORES, GateFinding, PairedScore, ScoreName

DECAY = 1.1
"""gamma_k is proportional to k^-1.1: the 500th look has a thousandth of the first one's level, at a cost of seven nats
of evidence, and no look is ever the last."""


def level_of(look: int, n_promoted: int, rate: float) -> float:
    """Level that a look may spend.

    Args:
        look: Number of the look, from 1.
        n_promoted: Looks before it that promoted.
        rate: Of false promotions.
    """
    return float(rate * (n_promoted + 1) * look**-DECAY / zeta(DECAY))


def level_after(look: int, n_promoted: int, rate: float) -> float:
    """Sum of the levels of all looks after one, if none of them promotes."""
    return float(rate * (n_promoted + 1) * zeta(DECAY, look + 1) / zeta(DECAY))


def weigh(held: PairedDays, level: float, config: GateConfig) -> tuple[float, bool]:
    """The evidence of a hold-out, and whether it promotes at a level."""
    evidence = evidence_above(all_bets(held, config.score), config.margin)
    return evidence, evidence >= 1 / level


def judge(days: PairedDays, earlier: Sequence[GateFinding], config: GateConfig) -> GateFinding:
    """Compare a candidate with the version in production on the newest hold-out.

    Args:
        days: Candidate (own) and production (other), at least the hold-out's days; only the newest are used, and the
            candidate must not have been trained on them.
        earlier: All earlier looks of the line, in order, whichever candidate they were at.
        config: Hold-out, score, margin and rate.

    Returns:
        What was found, and the verdict: promote only if the interval of the difference lies above the margin.

    Raises:
        TooFewDays: If the days do not fill the hold-out.
        BadDays: If an earlier look is missing, or saw later days.
    """
    held = days.newest(config.holdout_days)
    look, n_promoted = len(earlier) + 1, sum(own.verdict == "promote" for own in earlier)
    _check_earlier(held, earlier)
    level = level_of(look, n_promoted, config.false_promotion_rate)
    evidence, promotes = weigh(held, level, config)
    bets = all_bets(held, config.score)[0]
    detectable = smallest_detectable(bets, config.margin, level)
    scores = [_paired(held, name, level) for name in SCORES]
    decisive = next(own for own in scores if own.name == config.score)
    return GateFinding(
        look=look,
        first_day=held.days[0].item(),
        last_day=held.days[-1].item(),
        n_rows=int(held.n_rows.sum()),
        n_days=len(held),
        n_bets=len(bets),
        scores=scores,
        decided_by=config.score,
        margin=config.margin,
        evidence=evidence,
        level=level,
        level_spent=sum(own.level for own in earlier) + level,
        level_left=level_after(look, n_promoted + promotes, config.false_promotion_rate),
        smallest_detectable=detectable,
        verdict="promote" if promotes else "keep",
        sentence=_sentence(decisive, len(held), len(bets), config.margin, level, detectable, promotes),
    )


def _check_earlier(held: PairedDays, earlier: Sequence[GateFinding]) -> None:
    for number, own in enumerate(earlier, start=1):
        if own.look != number:
            raise BadDays(
                f"look {own.look} is given as number {number} of the line's looks; give all looks from the first on, "
                "or the levels spent are not counted."
            )
    if earlier and earlier[-1].last_day > held.days[-1].item():
        raise BadDays(
            f"the hold-out ends on {held.days[-1]}, and look {earlier[-1].look} saw outcomes up to "
            f"{earlier[-1].last_day}; give the newest outcomes."
        )


def _paired(held: PairedDays, name: ScoreName, level: float) -> PairedScore:
    return PairedScore(
        name=name,
        candidate=float(held.own[name].mean()),
        production=float(held.other[name].mean()),
        difference=float(np.mean(held.difference(name))),
        interval=interval(held, name, level),
    )


def _sentence(
    found: PairedScore,
    n_days: int,
    n_bets: int,
    margin: float,
    level: float,
    detectable: float | None,
    promotes: bool,
) -> str:
    low, high = found.interval or (-1.0, 1.0)
    shown = f"{found.name} {found.difference:+.3f} [{low:+.3f}, {high:+.3f}] at level {level:.2g} on {n_days} days"
    if promotes:
        return f"Promoted: {shown} lies above the margin of {margin:g}."
    if detectable is None:
        fewest = fewest_bets(level)
        return (
            f"Kept: {shown} does not lie above the margin of {margin:g}. {n_bets} days whose labels do not overlap "
            f"show no difference at this level with a power of 80 %; "
            f"{f'at least {fewest}' if n_bets < fewest else 'more'} are needed."
        )
    return (
        f"Kept: {shown} does not lie above the margin of {margin:g}. The smallest difference that such a look promotes "
        f"in 80 of 100 cases is {detectable:.3f}."
    )
