"""How the entities of a panel's source are named."""

from tasks.panel.config import CsvSource, EcbFxSource, JpxSource, PlantedSource, Source, Sp500Source
from tasks.panel.table.config import TableSource
from tasks.schemas.entities import Entities


def entities_of(source: Source) -> Entities:
    """From a panel's source to the names of its entities; a table's are its own."""
    match source:
        case Sp500Source():
            return Entities(kind="company", before="S&P 500 stock", noun="stock")
        case EcbFxSource():
            return Entities(kind="currency_pair", before="currency pair", noun="currency pair")
        case JpxSource():
            # The reference's words.
            return Entities(before="Japanese Tokyo Stock Exchange securities code", noun="stock")
        case CsvSource():
            return Entities(before=source.name, noun="stock")
        case PlantedSource():
            return Entities(before="synthetic stock", noun="stock")
        case TableSource():
            return Entities()
