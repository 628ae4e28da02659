"""Which pool runs which stage."""

from flows.runner.table import stage_name
from tasks.recipe import Recipe

CPU_STAGES = ("base", "corpus", "prices", "panel", "preflight", "premium", "report")


def deployment_of(step: str, recipe: Recipe) -> str:
    """The deployment that runs a step, such as `train/h100`.

    Only train, merge and embed rent a GPU; where they do so is the recipe's route.
    """
    stage = stage_name(step)
    pool = "cpu" if stage in CPU_STAGES else str(getattr(recipe.route, stage))
    return f"{stage}/{pool}"
