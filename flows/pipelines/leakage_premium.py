"""The leakage-premium pipeline: one order of stages, whoever runs them."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from tasks.common.settings import Config
from tasks.recipe import Recipe

T = TypeVar("T")


class Runner(Protocol[T]):
    """Runs one stage: here and now, as a deployment on its pool, or not at all (a look-up)."""

    def __call__(self, step: str, config: Config, *, after: Sequence[T] = (), **inputs: T) -> T:
        """Run a step.

        Args:
            step: `stage` or `stage variant`, such as `embed base`.
            config: The room's config.
            after: Steps that must be done first though nothing of theirs goes in.
            inputs: What goes in, by the room's names.
        """
        ...


def leakage_premium_steps(recipe: Recipe, run: Runner[T]) -> T:
    """Corpus and panel, preflight, then the rented stages, then the measure. Returns the report."""
    base = run("base", recipe.base)
    corpus = run("corpus", recipe.corpus)
    later: dict[str, T] = {"placebo": run("corpus placebo", recipe.placebo_corpus)} if recipe.placebo else {}
    staged: dict[str, T] = {"prices": run("prices", recipe.panel.prices)} if recipe.panel.prices else {}
    panel = run("panel", recipe.panel, after=(), **staged)
    preflight = run("preflight", recipe, after=(), base=base, corpus=corpus, panel=panel, **later)
    # Preflight changes no later artifact's bytes, so it is waited for and not put into their keys.
    states = {"base": run("embed base", recipe.embed, after=[preflight], panel=panel, model=base)}
    for arm, text in {"trained": corpus, **later}.items():
        variant = "" if arm == "trained" else f" {arm}"
        train = run(f"train{variant}", recipe.train, after=[preflight], base=base, corpus=text)
        merged = run(f"merge{variant}", recipe.merge, base=base, train=train)
        states[arm] = run(f"embed {arm}", recipe.embed, panel=panel, model=merged)
    premium = run("premium", recipe.premium, after=(), panel=panel, **states)
    return run("report", recipe.report, premium=premium, preflight=preflight, corpus=corpus)
