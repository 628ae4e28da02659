"""What could the study have found, and is each interval to be trusted?"""

from collections.abc import Iterator
from math import sqrt

from tasks.report.text import WIDE_NOTE, dropped, sentence
from tasks.report.verdict.study import HEADLINES, Study, blind_fits
from tasks.schemas.estimates import FitName
from tasks.schemas.results import Finding
from tasks.schemas.scores import Power

FOUND = "What could the study have found?"
TRUSTED = "Is each interval to be trusted?"
MIN_KEPT = 0.95
"""With fewer kept draws, the dropped ones may be another kind of panel than the kept ones."""
FEW_DRAWS = 100
"""From so many draws the width of an interval is itself off by 7 % (one standard error)."""
FEW_DAYS = 30
"""R2 off on fewer days is a statement about these days."""
FEW_PAIRS = 2
"""More are counted, not listed, in an answer."""
SIZE = (
    "A true effect of this size is found in 80 of 100 panels like this one, a smaller one less often. A verdict needs "
    "both fits, so that the larger size counts."
)
HEAVY = (
    "Figures with R2 off (gain, premium, reduction) are about these days: they are not to be quoted, and are undecided "
    "here; nor is R2 on by itself evidence. Read the winsorized and the ranked target instead."
)
SCORED = {"disjoint": "unseen stocks and days", "off": "days after the cut"}


def detectable(study: Study) -> Finding:
    """The smallest effects that this panel finds with 80 % power, where both fits can find any."""
    powers = study.powers()
    if not any(powers.values()):
        answer = "Nothing: no difference between two models has an interval."
        return Finding(question=FOUND, outcome="not measured", answer=answer)
    by_pair = {key: _by_pair(study, *key, own) for key, own in powers.items()}
    is_short = len(study.robust.pairs) <= FEW_PAIRS
    return Finding(
        question=FOUND,
        outcome="fact",
        answer=sentence("; ".join(by_pair.values() if is_short else (_of_all_pairs(study, own) for own in HEADLINES))),
        because=[SIZE],
        each=[f"{sentence(by_pair[key])} By fit: {_by_fit(own)}." for key, own in powers.items() if own],
        doubts=[
            f"{study.named(*key).capitalize()} cannot be found with {' or '.join(blind)} columns: there both models "
            "predict nothing but their mean, or are equal."
            for key, own in powers.items()
            if (blind := blind_fits(own))
        ],
    )


def _smallest(study: Study, metric: str, powers: list[Power]) -> float | str:
    """The smallest effect that both fits find, or why nothing is found."""
    if blind := blind_fits(powers):
        return f"nothing, for the {blind[0]} fit is blind here"
    if metric == "gain" and study.is_heavy:
        return "nothing, for a few days decide it"
    return max(own.smallest_detectable for own in powers)


def _by_pair(study: Study, pair: str, metric: str, powers: list[Power]) -> str:
    found = _smallest(study, metric, powers)
    size = found if isinstance(found, str) else f"{found:.4f} of R2 ({found:.1%} of the variance) or more"
    return f"{study.named(pair, metric)}: {size}"


def _of_all_pairs(study: Study, metric: str) -> str:
    """From the comparison that finds most to the one that finds least."""
    found = [_smallest(study, metric, own) for (_, name), own in study.powers().items() if name == metric]
    sizes = [size for size in found if isinstance(size, float)]
    if not sizes:
        return f"{metric}: nothing in any of {len(found)} comparisons"
    nothing = f", nothing in {len(found) - len(sizes)}" if len(sizes) < len(found) else ""
    return f"{metric}: {min(sizes):.4f} to {max(sizes):.4f} of R2, or more, in {len(sizes)} comparisons{nothing}"


def _by_fit(powers: list[Power]) -> str:
    sizes: dict[FitName, float] = {own.fit: own.smallest_detectable for own in powers}
    return ", ".join(f"{fit} {size:.4f}" for fit, size in sizes.items())


def trusted(study: Study) -> Finding:
    """What speaks against the intervals of each kind of figure."""
    general = [*_of_draws(study), *_of_blind_fits(study), *_of_wide_intervals(study)]
    off = list(_of_days_after_the_cut(study))
    disjoint = "with care" if general else "yes, as wide as they should be"
    chronological = "with care" if off or general else "yes, as wide as they should be"
    return Finding(
        question=TRUSTED,
        outcome="fact",
        answer=f"Lookahead and shared-day effect: {disjoint}. Gain, premium and reduction: "
        f"{'no, a few days decide them' if study.is_heavy else chronological}. Stock draws of the reference contract: "
        "no, they are too narrow.",
        because=[_draws(study), f"Scored on: {_scored_on(study)}."],
        doubts=[*general, *off],
    )


def _draws(study: Study) -> str:
    n = study.robust.n_kept_draws
    error = f"{100 / sqrt(2 * (n - 1)):.0f} %" if n > 1 else "an unknown part"
    return (
        f"Intervals are from {n} of {study.robust.n_draws} draws of stocks and of days together; with so many, their "
        f"width is itself uncertain by {error} (one standard error)."
    )


def _scored_on(study: Study) -> str:
    return "; ".join(
        f"{SCORED[own.name]}, {own.n_test_rows:,} rows"
        + (f" of {own.n_test_days:,} days" if own.n_test_days is not None else "")
        for own in study.robust.splits
        if own.name in SCORED
    )


def _of_draws(study: Study) -> Iterator[str]:
    kept, n = study.robust.n_kept_draws, study.robust.n_draws
    if kept < FEW_DRAWS:
        yield f"Only {kept} draws: below {FEW_DRAWS} an interval's width is uncertain by more than 7 %."
    if not kept >= MIN_KEPT * n:
        lost = "; ".join(f"{count} for {why}" for why, count in dropped(study.robust.dropped_draws))
        yield f"{kept} of {n} draws were kept ({lost}): the others may differ from these."


def _of_blind_fits(study: Study) -> Iterator[str]:
    for (pair, metric), powers in study.powers().items():
        found = {own.fit: own for own in study.quoted.of_pair(pair, metric)}
        if blind := [fit for fit in blind_fits(powers) if fit in found and found[fit].interval != "none"]:
            yield (
                f"{study.named(pair, metric).capitalize()}, {' and '.join(blind)} columns: the interval is narrow "
                "because the fits predict their mean. It is no evidence that there is no effect."
            )


def _of_wide_intervals(study: Study) -> Iterator[str]:
    wide = [
        f"{study.named(pair, metric)} ({own.fit})"
        for pair in study.robust.pairs
        for metric in HEADLINES
        for own in study.quoted.of_pair(pair, metric)
        if own.is_wide
    ]
    if wide:
        of = ", ".join(wide) if len(study.robust.pairs) <= FEW_PAIRS else f"{len(wide)} figures of lookahead and gain"
        yield f"Intervals of {of} are marked. {sentence(WIDE_NOTE)}"


def _of_days_after_the_cut(study: Study) -> Iterator[str]:
    if study.robust.tails and study.is_heavy:
        yield f"Heavy tails. {sentence(study.robust.tails.warning)} {HEAVY}"
    off = next((own for own in study.robust.splits if own.name == "off"), None)
    if off and off.n_test_days is not None and off.n_test_days < FEW_DAYS:
        yield f"R2 off is scored on {off.n_test_days} days: it says little about any others."
