"""The sentence a language model reads about each row, with its day and without."""

from collections.abc import Callable, Iterable

import pandas as pd

from tasks.panel.config import CsvSource, EcbFxSource, JpxSource, PlantedSource, PriceSource, Sp500Source
from tasks.panel.sources.currencies import pair_name
from tasks.panel.sources.sp500 import sp500_name


def undated_sentences(rows: pd.DataFrame, source: PriceSource) -> list[str]:
    """One sentence per row with stock, recent returns and volatility, without the day and the target.

    Args:
        rows: Columns code, ret_5d, ret_30d, vol_20d.
        source: Decides how stocks are named.
    """
    name = _name_in(source)
    columns = zip(rows["code"], rows["ret_5d"], rows["ret_30d"], rows["vol_20d"], strict=True)
    return [
        f"{name(code)} had recent 5-day log return {ret_5d:+.4f}, "
        f"30-day log return {ret_30d:+.4f}, 20-day volatility {vol_20d:.4f}."
        for code, ret_5d, ret_30d, vol_20d in columns
    ]


def dated(sentences: Iterable[str], dates: Iterable[pd.Timestamp]) -> list[str]:
    """The same sentences, each with its day in front."""
    return [f"On {day:%Y-%m-%d}, {sentence}" for day, sentence in zip(dates, sentences, strict=True)]


def _name_in(source: PriceSource) -> Callable[[object], str]:
    """From a code to its name in sentences about a source's rows."""
    match source:
        case Sp500Source():
            return sp500_name
        case EcbFxSource():
            return pair_name
        case JpxSource():
            # The reference's words.
            return "Japanese Tokyo Stock Exchange securities code {}".format
        case CsvSource():
            return lambda code: f"{source.name} {code}"
        case PlantedSource():
            return "synthetic stock {}".format
