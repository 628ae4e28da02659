"""Claims about embeddings, splits, draws, checks and code."""

from collections.abc import Iterator

from tasks.report.verdict.study import HEADLINES
from tasks.report.verification.evidence import Evidence, claim, status_of
from tasks.schemas.checks import NOISE_OF
from tasks.schemas.estimates import CO_PRIMARY
from tasks.schemas.results import Claim
from tasks.schemas.scores import RobustScores, models_of

MIN_KEPT = 0.95
"""Of the draws."""
BY_DESIGN = ("on", "matched")
"""Splits that share their days, and so have violations."""


def of_embeddings(found: Evidence) -> Iterator[Claim]:
    """The states are of this panel's sentences: the premium stage compares their hashes, the records name the panel."""
    for premium in found.of_kind("premium"):
        what = "The models' states are of this panel's rows."
        panel = premium.inputs.get("panel")
        states = [own for own in found.of_kind("embed", "vectors") if own.ref in premium.inputs.values()]
        if panel is None or not states:
            yield claim(what, "null", "The records name no panel or no states.", premium.digest)
            continue
        others = [own.label for own in states if (source := own.inputs.get("panel")) is None or source != panel]
        how = (
            f"Made from another panel: {', '.join(others)}."
            if others
            else "The record of each names the panel measured here."
        )
        yield claim(what, status_of(not others), how, *(own.digest for own in states))


def of_splits(found: Evidence) -> Iterator[Claim]:
    """No train row's label uses a price from the test span."""
    robust, digest = found.scores.robust, _premium(found)
    what = "No label of a train row reaches into the test span."
    if robust is None:
        yield claim(what, "null", "The recipe left out the purged splits.", digest)
        return
    splits = [own for own in robust.splits if own.name not in BY_DESIGN]
    broken = [f"{own.name} {own.n_violations:,}" for own in splits if own.n_violations]
    names = ", ".join(own.name for own in splits)
    how = f"Violations: {', '.join(broken)}." if broken else f"Counted after splitting: none in {names}."
    yield claim(what, status_of(bool(splits) and not broken), how, digest)
    kept, n = robust.n_kept_draws, robust.n_draws
    yield claim(
        f"At least {MIN_KEPT:.0%} of the draws could be scored.",
        status_of(kept >= MIN_KEPT * n),
        f"{kept} of {n}.",
        digest,
    )
    yield _noise(found)


def _noise(found: Evidence) -> Claim:
    """Each headline figure against the sum of its two models' noise, as the premium stage adds them."""
    what = "Differences are larger than numerical noise."
    robust = found.scores.robust
    if robust is None or not robust.noise:
        return claim(what, "null", "No model was embedded a second time (embed.repeat).")
    models = sorted({model for pair in robust.pairs for model in models_of(pair)})
    if not models:
        return claim(what, "null", "There is one model, and so no difference.")
    if unknown := [model for model in models if not _is_known(robust, model)]:
        return claim(what, "null", f"No noise is known of {', '.join(unknown)}.", _premium(found))
    within = list(_within_noise(robust))
    how = f"Not larger: {', '.join(within)}." if within else "Both headline figures of every pair, under both fits."
    return claim(what, status_of(not within), how, _premium(found))


def _is_known(robust: RobustScores, model: str) -> bool:
    noise = robust.noise.get(model)
    return noise is not None and all(
        figure in noise.figures.get(fit, {}) for fit in CO_PRIMARY for figure in NOISE_OF.values()
    )


def _within_noise(robust: RobustScores) -> Iterator[str]:
    for pair in robust.pairs:
        for metric in HEADLINES:
            for fit in CO_PRIMARY:
                point = getattr(robust.fits[fit].differences[pair], metric).point
                noise = sum(robust.noise[model].figures[fit][NOISE_OF[metric]] for model in models_of(pair))
                if point is None or not abs(point) > noise:
                    yield f"{metric} of {pair} ({fit})"


def of_checks(found: Evidence) -> Iterator[Claim]:
    """Preflight passed; the code was committed; a second build gave the same bytes."""
    failed = [check.name for check in found.preflight.checks if not check.passed]
    how = (
        f"Failed: {', '.join(failed)}."
        if failed
        else f"{len(found.preflight.checks)} checks before any machine was rented."
    )
    digests = found.digests("preflight", "preflight_audit")
    yield claim("All checks before the run passed.", status_of(not failed), how, *digests)
    commits = {record.git_commit for record in found.records}
    what = "All stages ran committed code."
    if None in commits or not commits:
        yield claim(what, "null", "Some stages ran outside a checkout: their versions are recorded, no commit.")
    else:
        named = sorted(str(commit) for commit in commits)
        changed = [commit for commit in named if commit.endswith("+changes")]
        how = ", ".join(commit[:12] + ("+changes" if commit in changed else "") for commit in named)
        yield claim(what, status_of(not changed), f"Commits: {how}.", *found.digests("premium"))
    yield claim(
        "A second build of the same recipe gives the same bytes.",
        "null",
        "No record of a second build is among the inputs; a rerun with another store compares digests.",
    )


def _premium(found: Evidence) -> str | None:
    return next(iter(found.digests("premium")), None)
