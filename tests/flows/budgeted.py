"""A parent of one rented stage with a limit, as small as one can be."""

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient

from flows.errands.dispatch import dispatch
from flows.errands.errand import Errand
from flows.money.budget import Budget
from flows.money.spend import seen_steps
from tasks.budget import Forecast, Step
from tasks.panel.config import ROOM, PanelConfig
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
    store, plan = open_store(), ROOM.plan(config)

    def look(client: SyncPrefectClient) -> list[Step]:
        found = store.find(plan)
        records = {"panel": store.record(found) if found else None}
        return seen_steps({"panel": ("h100", plan)}, records, {"panel": FORECAST}, client)

    Budget(limits, look).before("panel", "panel/h100")
    return dispatch(Errand("panel", "panel/priced", plan, f"budgeted panel {config.seed}"), store).path
