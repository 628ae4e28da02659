"""A parent of one rented stage with a limit, as small as one can be."""

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient

from flows.costs.budget import Budget
from flows.costs.outlook import Forecast, Step
from flows.costs.spend import seen_steps
from flows.runner.dispatcher import dispatch
from flows.runner.request import StageRequest
from tasks.panel.config import ARTIFACT_TYPE, PanelConfig
from tasks.recipe import Limits
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

    def look(client: SyncPrefectClient) -> list[Step]:
        found = store.find(spec)
        records = {"panel": store.record(found) if found else None}
        return seen_steps({"panel": ("h100", spec)}, records, {"panel": FORECAST}, client)

    Budget(limits, look).before("panel", "panel/h100")
    return dispatch(StageRequest("panel", "panel/priced", spec, f"budgeted panel {config.seed}"), store).path
