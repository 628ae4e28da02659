"""Puts the price file into the store: checked, from Kaggle or from a file a person has."""

import hashlib
import logging
import shutil
import tempfile
from pathlib import Path

from pydantic import JsonValue

from tasks.common.settings import state_dir
from tasks.panel.errors import OtherPrices, PanelError
from tasks.panel.kaggle.config import ARTIFACT_TYPE, FILE_NAME, PricesConfig
from tasks.panel.kaggle.download import download
from tasks.panel.kaggle.unpack import write_plain
from tasks.panel.sources.csv_file import COLUMNS, parse_prices
from tasks.store.build import Facts, build
from tasks.store.digests import sha256_of_file
from tasks.store.errors import ArtifactDamaged
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

log = logging.getLogger(__name__)

N_ROWS = 2_332_531
"""Of the published train_files/stock_prices.csv: 2,000 stocks from 2017-01-04 to 2021-12-03."""
KAGGLES_FILE = f"{PricesConfig().file} of Kaggle"


def publish(store: Store, config: PricesConfig) -> ArtifactRef:
    """Publish the prices; needs neither network nor credentials if the store has them.

    Raises:
        KaggleError: If Kaggle does not give the file.
        PanelError: If it is not the expected file.
    """
    spec = ARTIFACT_TYPE.spec(config)
    work_dir = state_dir() / "work" / f"prices-{spec.key}"

    def make(folder: Path) -> Facts:
        if staged := _staged(store, config):
            return _write_prices(staged, str(staged), config, folder, origin="store")
        packed = download(config, work_dir)
        try:
            return _write_prices(packed, KAGGLES_FILE, config, folder, origin="kaggle")
        except PanelError:
            # If it were kept, every later start would take it for a complete download.
            shutil.rmtree(work_dir, ignore_errors=True)
            raise

    ref = build(store, spec, lambda inputs, folder: make(folder))
    shutil.rmtree(work_dir, ignore_errors=True)
    return ref


def publish_file(store: Store, config: PricesConfig, file: Path, name: str | None = None) -> ArtifactRef:
    """Publish a file a person has.

    Args:
        store: Where it goes.
        config: What it is published as.
        file: CSV, plain, gzipped or in a zip archive.
        name: Its name in messages; None for its path.

    Raises:
        PanelError: If it is not the expected file.
    """
    spec = ARTIFACT_TYPE.spec(config)
    return build(
        store, spec, lambda inputs, folder: _write_prices(file, name or str(file), config, folder, origin="file")
    )


def publish_by_digest(store: Store, file: Path, name: str) -> ArtifactRef:
    """Publish a file, as in `publish_file`, under the digest of its CSV, whichever that is."""
    state_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state_dir()) as folder:
        csv = Path(folder) / FILE_NAME
        write_plain(file, csv, name)
        return publish_file(store, PricesConfig(sha256=sha256_of_file(csv)), csv, name)


def publish_latest(store: Store) -> str:
    """Download Kaggle's file as it is now and publish it under its digest. Returns the digest.

    Raises:
        KaggleError: If Kaggle does not give the file.
        PanelError: If it is not a table of prices.
    """
    work_dir = state_dir() / "work" / "prices-fresh"
    packed = download(PricesConfig(), work_dir)
    try:
        ref = publish_by_digest(store, packed, KAGGLES_FILE)
    except PanelError:
        shutil.rmtree(work_dir, ignore_errors=True)
        raise
    shutil.rmtree(work_dir, ignore_errors=True)
    return str(store.record(ref).facts["csv_sha256"])


def _write_prices(packed: Path, name: str, config: PricesConfig, folder: Path, origin: str) -> Facts:
    """Unpack and check the artifact's file; returns the record's facts. `origin` is `kaggle`, `file` or `store`."""
    csv = folder / FILE_NAME
    write_plain(packed, csv, name)
    facts = _check_prices(csv, name, config.sha256)
    log.info("prices: %d rows of %d stocks, sha256 %s", facts["n_rows"], facts["n_stocks"], facts["csv_sha256"])
    return {"origin": origin, **facts}


def _check_prices(csv: Path, name: str, sha256: str | None) -> dict[str, JsonValue]:
    """Check that a plain CSV is a price file and has the digest, or N_ROWS rows if that is None.

    Returns:
        Its digest, size, counts and days.

    Raises:
        UnreadablePrices: If it is not a table of prices in JPX's columns.
        OtherPrices: If it has another digest or number of rows.
    """
    content = csv.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, found):
        raise OtherPrices(
            f"{name} has sha256 {found}, asked for is {sha256}; download it again or change panel.source.sha256."
        )
    prices = parse_prices(content, name, needed=tuple(COLUMNS))
    if sha256 is None and len(prices) != N_ROWS:
        raise OtherPrices(
            f"{name} has {len(prices)} rows, the published file has {N_ROWS}: it was cut or is another file. Download "
            f"it again or, to use this one, stage it and set panel.source.sha256: {found}."
        )
    return {
        "csv_sha256": found,
        "n_bytes": len(content),
        "n_rows": len(prices),
        "n_stocks": int(prices["code"].nunique()),
        "first_day": f"{prices['date'].min():%Y-%m-%d}" if len(prices) else None,
        "last_day": f"{prices['date'].max():%Y-%m-%d}" if len(prices) else None,
    }


def _staged(store: Store, config: PricesConfig) -> Path | None:
    """The prices that were staged without a digest, if they have the digest asked for now."""
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
