"""The panel room's Prefect task."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.panel.config import ROOM, PanelConfig
from tasks.store.build import build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="panel", cache_policy=NO_CACHE)
def publish_panel(config: PanelConfig) -> ArtifactRef:
    """Publish the panel, unless the store has it.

    Args:
        config: Prices, stocks and days.

    Returns:
        Reference to a Panel.

    Raises:
        PanelError: If the prices cannot be read or leave too few stocks or an empty side of the cut.
    """
    from tasks.panel.build import write_panel

    return build(open_store(), ROOM.plan(config), lambda inputs, folder: write_panel(config, folder))
