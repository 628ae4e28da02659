"""The leakage-premium pipeline: corpus and panel, preflight, the rented stages, the measure, the report."""

from flows.pipelines.pipeline import Pipeline, Step
from flows.pipelines.recall_probes import probe_items_steps, probe_steps, recall_steps
from tasks.premium.config import PremiumConfig
from tasks.recipe import Recipe


def leakage_premium_pipeline(recipe: Recipe) -> Pipeline:
    """The run that a recipe describes."""
    steps, tags = leakage_premium_steps(recipe), recipe_tags(recipe)
    return Pipeline(recipe.name, steps, tags, recipe.limits, recipe.report.plumbing_only)


def recipe_tags(recipe: Recipe) -> tuple[str, ...]:
    """What the UI filters a recipe's runs by."""
    return (f"recipe:{recipe.name}", f"arm:{recipe.train.arm.kind}", f"cutoff:{recipe.corpus.cutoff}")


def leakage_premium_steps(recipe: Recipe) -> tuple[Step, ...]:
    """The steps of a recipe; a placebo arm and staged prices only where the recipe asks for them."""
    # The arms differ in their corpus alone: the placebo's is from after the cutoff.
    corpus_of = {"trained": "corpus"} | ({"placebo": "corpus placebo"} if recipe.placebo else {})
    prices = [Step("prices", "prices", recipe.panel.prices)] if recipe.panel.prices else []
    arms = [step for arm, corpus in corpus_of.items() for step in _arm_steps(recipe, arm, corpus)]
    models = {"base": "base"} | {arm: _merge_of(arm) for arm in corpus_of}
    trained_on = {"corpus": "corpus"} | ({"placebo": "corpus placebo"} if recipe.placebo else {})
    items = probe_items_steps(recipe.probe, recipe.probe_items, trained_on)
    probes = probe_steps(recipe.probe, {name: models[name] for name in recipe.probed}, recipe.route.probe)
    recall = recall_steps(recipe.recall, recipe.probed)
    return (
        Step("base", "base", recipe.base),
        Step("corpus", "corpus", recipe.corpus),
        *([Step("corpus placebo", "corpus", recipe.placebo_corpus)] if recipe.placebo else []),
        *prices,
        Step("panel", "panel", recipe.panel, inputs={"prices": "prices"} if prices else {}),
        *items,
        Step(
            "preflight",
            "preflight",
            recipe,
            inputs={"base": "base", "corpus": "corpus", "panel": "panel"}
            | ({"placebo": "corpus placebo"} if recipe.placebo else {})
            # What cannot be asked is refused before anything is rented.
            | ({"items": "probe items"} if items else {}),
            # Disk, store and prices may have changed since preflight passed.
            rerun_until_built=tuple(step.name for step in arms if step.stage == "train"),
        ),
        # Preflight changes no later artifact's bytes: the rented steps wait for it, and their keys do not hold it.
        Step(
            "embed base",
            "embed",
            recipe.embed,
            inputs={"panel": "panel", "model": "base"},
            after=("preflight",),
            pool=recipe.route.embed,
        ),
        *arms,
        *probes,
        Step(
            "premium",
            "premium",
            _premium_config(recipe),
            inputs={"panel": "panel", "base": "embed base"} | {arm: f"embed {arm}" for arm in corpus_of},
        ),
        *recall,
        Step(
            "report",
            "report",
            recipe.report,
            inputs={"premium": "premium", "preflight": "preflight", "corpus": "corpus"}
            | {step.name: step.name for step in recall},
        ),
    )


def _premium_config(recipe: Recipe) -> PremiumConfig:
    """Conclusions are on what training changed, unless the recipe names others; trained knows its corpus's days."""
    premium = recipe.premium
    cutoffs = {"trained": recipe.corpus.cutoff} | premium.cutoffs if premium.robust else premium.cutoffs
    return premium.model_copy(update={"compared": premium.compared or ("trained",), "cutoffs": cutoffs})


def _merge_of(arm: str) -> str:
    """The step that makes an arm's model."""
    return "merge" if arm == "trained" else f"merge {arm}"


def _arm_steps(recipe: Recipe, arm: str, corpus: str) -> tuple[Step, ...]:
    train, merge = "train" if arm == "trained" else f"train {arm}", _merge_of(arm)
    return (
        Step(
            train,
            "train",
            recipe.train,
            inputs={"base": "base", "corpus": corpus},
            after=("preflight",),
            pool=recipe.route.train,
        ),
        Step(merge, "merge", recipe.merge, inputs={"base": "base", "train": train}, pool=recipe.route.merge),
        Step(
            f"embed {arm}",
            "embed",
            recipe.embed,
            inputs={"panel": "panel", "model": merge},
            pool=recipe.route.embed,
        ),
    )
