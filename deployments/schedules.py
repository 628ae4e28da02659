"""Build step of prefect.yaml: a schedule stays as a person has switched it, whatever is deployed again.

`active: false` in prefect.yaml would switch it off at every deploy; without `active` Prefect creates it switched on.
"""

import sys
from collections.abc import Sequence

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.exceptions import ObjectNotFound


def switched(deployment: str, slug: str) -> dict[str, bool]:
    """Whether the schedule is on now. One that does not exist yet is off.

    Args:
        deployment: Whose it is, such as `store-audit/weekly`.
        slug: Its name in prefect.yaml.
    """
    with get_client(sync_client=True) as client:
        try:
            standing = client.read_deployment_by_name(deployment).schedules
        except ObjectNotFound:
            return {"active": False}
    _say_what_goes(deployment, standing)
    return {"active": any(schedule.active for schedule in standing if schedule.slug == slug)}


def _say_what_goes(deployment: str, standing: Sequence[DeploymentSchedule]) -> None:
    # Where one schedule has no slug, Prefect replaces all of a deployment's by those of prefect.yaml.
    for schedule in standing:
        if schedule.slug is None:
            print(
                f"hindsight: this deploy removes the schedule ({schedule.schedule}) of {deployment}, which has no "
                "slug; write it into prefect.yaml, with one, to keep it.",
                file=sys.stderr,
            )
