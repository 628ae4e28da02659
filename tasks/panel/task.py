"""The panel stage's Prefect tasks: the staged prices, and the panel."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.panel.config import ARTIFACT_TYPE, PanelConfig
from tasks.panel.kaggle.config import FILE_NAME, PricesConfig
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="prices", cache_policy=NO_CACHE)
def publish_prices(config: PricesConfig) -> ArtifactRef:
    """Publish JPX's price file: from Kaggle, unless the store has it.

    Args:
        config: Which file.

    Returns:
        Reference to a folder with `stock_prices.csv`.

    Raises:
        KaggleError: If Kaggle does not give the file; the message says what to do.
        PanelError: If it is not the published file.
    """
    from tasks.panel.kaggle.publish import publish

    return publish(open_store(), config)


@task(name="panel", cache_policy=NO_CACHE)
def publish_panel(config: PanelConfig, prices: ArtifactRef | None = None) -> ArtifactRef:
    """Publish the panel, unless the store has it.

    Args:
        config: Prices, stocks and days.
        prices: The staged prices, if the source names no file.

    Returns:
        Reference to a Panel.

    Raises:
        PanelError: If the prices cannot be read or leave too few stocks or an empty side of the cut.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.panel.build import write_panel

        return write_panel(config, folder, inputs["prices"] / FILE_NAME if prices else None)

    return build(open_store(), ARTIFACT_TYPE.spec(config, {"prices": prices} if prices else {}), make)
