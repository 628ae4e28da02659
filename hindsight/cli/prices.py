"""`hindsight stage-prices`: a price file that a person has, put into the store."""

from pathlib import Path


def stage_prices(file: Path, /) -> None:
    """Put a price file you have into the store. Nothing is downloaded.

    Args:
        file: JPX's stock_prices.csv, plain, gzipped or in Kaggle's zip archive.
    """
    from tasks.panel.kaggle.stage_file import stage_file
    from tasks.store.store import open_store

    print("\n".join(stage_file(open_store(), file)))
