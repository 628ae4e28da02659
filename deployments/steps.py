"""Build steps of prefect.yaml: recipes as parameters, and the state of schedules."""

import sys
from typing import Any

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from flows.pipelines.registry import load
from tasks.common.settings import project_root


def recipe(file: str) -> dict[str, Any]:
    """Load a recipe file as a deployment's parameters; one that does not validate stops the deploy.

    Args:
        file: Relative to the project, such as `configs/smoke.yaml`.
    """
    loaded = load(project_root() / file)
    # Only what the file sets: other fields follow the code's defaults, in the form as in a run.
    return {"parameters": {"recipe": loaded.model_dump(mode="json", exclude_unset=True)}}


def schedule_state(deployment: str, slug: str) -> dict[str, bool]:
    """Whether the schedule is active now, so that a deploy keeps its state. A new schedule is inactive.

    `active: false` in prefect.yaml would switch it off at every deploy; without `active` Prefect creates it active.

    Args:
        deployment: The schedule's deployment, such as `store-audit/weekly`.
        slug: The schedule's name in prefect.yaml.
    """
    with get_client(sync_client=True) as client:
        try:
            schedules = client.read_deployment_by_name(deployment).schedules
        except ObjectNotFound:
            return {"active": False}
    for schedule in schedules:
        # If one schedule has no slug, Prefect replaces all of a deployment's by those of prefect.yaml.
        if schedule.slug is None:
            print(
                f"hindsight: this deploy removes the schedule ({schedule.schedule}) of {deployment}, which has no "
                "slug; write it into prefect.yaml, with one, to keep it.",
                file=sys.stderr,
            )
    return {"active": any(schedule.active for schedule in schedules if schedule.slug == slug)}
