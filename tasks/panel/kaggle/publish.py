"""Prices into the store: found there, or from Kaggle, or from a file a person has."""

import logging
import shutil
from pathlib import Path

from tasks.common.settings import state_dir
from tasks.panel.errors import PanelError
from tasks.panel.kaggle.check import check_prices
from tasks.panel.kaggle.config import ARTIFACT_TYPE, FILE_NAME, PricesConfig
from tasks.panel.kaggle.download import download
from tasks.panel.kaggle.unpack import write_plain
from tasks.store.build import Facts, build
from tasks.store.errors import ArtifactDamaged
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

log = logging.getLogger(__name__)


def publish(store: Store, config: PricesConfig) -> ArtifactRef:
    """Publish the prices; neither network nor credentials are used where the store has them.

    Args:
        store: Where they go.
        config: Which file.

    Raises:
        KaggleError: If Kaggle does not give the file.
        PanelError: If what it gives is not the file that is meant.
    """
    spec = ARTIFACT_TYPE.spec(config)
    workplace = state_dir() / "work" / f"prices-{spec.key}"

    def make(folder: Path) -> Facts:
        if staged := _staged(store, config):
            return write_prices(staged, config, folder, origin="store")
        return _write_from_kaggle(config, folder, workplace)

    ref = build(store, spec, lambda inputs, folder: make(folder))
    shutil.rmtree(workplace, ignore_errors=True)
    return ref


def publish_file(store: Store, config: PricesConfig, file: Path) -> ArtifactRef:
    """Publish a file a person has.

    Args:
        store: Where it goes.
        config: What it is published as.
        file: CSV, plain, gzipped or in a zip archive.

    Raises:
        PanelError: If it is not the file that is meant.
    """
    return build(
        store, ARTIFACT_TYPE.spec(config), lambda inputs, folder: write_prices(file, config, folder, origin="file")
    )


def write_prices(packed: Path, config: PricesConfig, folder: Path, origin: str) -> Facts:
    """Write the artifact's file.

    Args:
        packed: Where the prices come from.
        config: What they must be.
        folder: Where `stock_prices.csv` goes.
        origin: `kaggle`, `file` or `store`.

    Returns:
        Facts for the record.

    Raises:
        PanelError: If they are something else.
    """
    name = f"{config.file} of Kaggle" if origin == "kaggle" else str(packed)
    csv = folder / FILE_NAME
    write_plain(packed, csv, name)
    facts = check_prices(csv, name, config.sha256)
    log.info("prices: %d rows of %d stocks, sha256 %s", facts["n_rows"], facts["n_stocks"], facts["csv_sha256"])
    return {"origin": origin, **facts}


def _write_from_kaggle(config: PricesConfig, folder: Path, workplace: Path) -> Facts:
    packed = download(config, workplace)
    try:
        return write_prices(packed, config, folder, origin="kaggle")
    except PanelError:
        # Kept, it would be taken for whole by every later start.
        shutil.rmtree(workplace, ignore_errors=True)
        raise


def _staged(store: Store, config: PricesConfig) -> Path | None:
    """The prices that were staged without a digest, where they have the one asked for now."""
    if config.sha256 is None:
        return None
    try:
        ref = store.find(ARTIFACT_TYPE.spec(PricesConfig()))
    except ArtifactDamaged as error:
        log.warning("%s", error)
        return None
    if ref is None or store.record(ref).facts.get("csv_sha256") != config.sha256:
        return None
    return store.fetch(ref) / FILE_NAME
