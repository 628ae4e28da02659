"""The sentence a language model reads about each row, with its day and without."""

from collections.abc import Iterable

import pandas as pd

from tasks.panel.config import PriceSource
from tasks.panel.entities import entities_of


def undated_sentences(rows: pd.DataFrame, source: PriceSource) -> list[str]:
    """One sentence per row with stock, recent returns and volatility, without the day and the target.

    Args:
        rows: Columns code, ret_5d, ret_30d, vol_20d.
        source: Decides how stocks are named.
    """
    name = entities_of(source).name
    columns = zip(rows["code"], rows["ret_5d"], rows["ret_30d"], rows["vol_20d"], strict=True)
    return [
        f"{name(code)} had recent 5-day log return {ret_5d:+.4f}, "
        f"30-day log return {ret_30d:+.4f}, 20-day volatility {vol_20d:.4f}."
        for code, ret_5d, ret_30d, vol_20d in columns
    ]


def dated(sentences: Iterable[str], dates: Iterable[pd.Timestamp]) -> list[str]:
    """The same sentences, each with its day in front."""
    return [f"On {day:%Y-%m-%d}, {sentence}" for day, sentence in zip(dates, sentences, strict=True)]
