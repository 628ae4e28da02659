"""`hindsight demo | up | down | install-trainer | install-export`: a Prefect server and workers on this machine."""

from pathlib import Path

from deployments.address import Address
from deployments.local import start
from deployments.other_environments import install
from deployments.processes import end_all, remove_workspaces
from flows.pipelines.registry import load, pipeline_of
from hindsight.cli.runs import follow
from tasks.common.errors import HindsightError
from tasks.recipe import recipe_file, shipped_recipes
from tasks.train.pipeline.launch import trainer_python

REAL = "audit-smollm2"
"""The recipe to run next: a real answer without a GPU."""


class NoDeployment(HindsightError):
    """A recipe that no deployment of prefect.yaml runs."""


def demo(recipe: str = "smoke", /) -> None:
    """Start what is not running yet, run a recipe through the server, and print the report's table.

    Server and workers keep running; `hindsight down` ends them.

    Args:
        recipe: A recipe of the project: smoke; smoke-full-weight, which trains every weight on two ranks; audit-smoke,
            which measures two random models; audit-smollm2, which measures a real one on real prices, and
            audit-smollm2-fx, on currencies; direction-fx, which scores direction forecasts of currency pairs;
            forex-smoke, which trains, exports and releases a small adapter.

    Raises:
        NoDeployment: If it is a file of your own.
    """
    file = recipe_file(recipe)
    if file not in shipped_recipes().values():
        raise NoDeployment(
            f"recipe {recipe} has no deployment; `hindsight run {recipe}` runs it without a server, the "
            "form of a custom run in the UI through one."
        )
    pipeline = pipeline_of(chosen := load(file))
    if any(step.stage == "train" for step in pipeline.steps):
        trainer_python()
    address = Address.from_environment()
    start(address)
    follow(f"{chosen.pipeline}/{Path(recipe).stem}")
    print(f"UI: {address.ui} (`hindsight down` ends server and workers)", flush=True)
    if pipeline.plumbing_only:
        print(f"A real model on real prices, minutes on two cores: hindsight demo {REAL}", flush=True)


def up() -> None:
    """Start the server, a worker per pool and the deployments; what runs already stays untouched.

    HINDSIGHT_PORT, HINDSIGHT_HOST and HINDSIGHT_AUTH say where it listens and who may use it.
    """
    start(Address.from_environment())


def down() -> None:
    """End what `hindsight up` started, and only that."""
    print("ended: " + (", ".join(end_all()) or "nothing was running"))
    remove_workspaces()


def install_trainer() -> None:
    """Install the trainer's environment (axolotl), which every training needs, in pinned versions.

    In a checkout `make install` has done so already.
    """
    print(f"the trainer's environment is in {install('trainer')}")


def install_export() -> None:
    """Install the environment of the export (llama.cpp's converter and engine), in pinned versions.

    In a checkout `make install` has done so already.
    """
    print(f"the environment of the export is in {install('export')}")
