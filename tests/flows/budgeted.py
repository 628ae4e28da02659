"""A parent of one rented stage with a limit, as small as one can be."""

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient

from flows.costs.budget import Budget
from flows.costs.outlook import Forecast, StepUsage
from flows.costs.spend import step_usages
from flows.pipelines.pipeline import Step
from flows.runner.dispatcher import dispatch
from flows.runner.request import StageRequest
from flows.status import StepStatus
from tasks.costs.limits import Limits
from tasks.panel.config import ARTIFACT_TYPE, PanelConfig
from tasks.store.store import open_store

FORECAST = Forecast(pool="h100", hours=(0.5, 2.0), dollars=None)
"""Up to $4.78 at $2.39 an hour."""


@flow(name="budgeted")
def budgeted(config: PanelConfig, limits: Limits) -> str:
    """Build a panel on a rented pool, if its forecast is within the limit.

    Args:
        config: The panel.
        limits: The limit.
    """
    store, spec = open_store(), ARTIFACT_TYPE.spec(config)

    def usage(client: SyncPrefectClient) -> list[StepUsage]:
        found = store.find(spec)
        status = StepStatus(Step("panel", "panel", config, pool="h100"), spec, store.record(found) if found else None)
        return step_usages([status], client, {"panel": FORECAST})

    Budget(limits, usage).before("panel", "h100")
    return dispatch(StageRequest("panel", "panel/priced", spec, f"budgeted panel {config.seed}"), store).path
