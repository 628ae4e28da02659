"""Build steps of prefect.yaml."""

from pathlib import Path
from typing import Any

from tasks.common.settings import project_root
from tasks.recipe import load_recipe


def recipe(file: str) -> dict[str, Any]:
    """A recipe file as a deployment's parameters, refused here if it does not validate.

    Args:
        file: Relative to the project, such as `configs/smoke.yaml`.
    """
    loaded = load_recipe(project_root() / Path(file))
    # Only what the file says: an unsaid field follows the code's default, in the form as in a run.
    return {"parameters": {"recipe": loaded.model_dump(mode="json", exclude_unset=True)}}
