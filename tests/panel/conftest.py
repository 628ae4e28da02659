import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.panel.build import write_panel
from tasks.panel.config import CsvSource, JpxSource, PanelConfig
from tasks.panel.kaggle import download
from tests.panel.kaggle.site import N_ROWS, TOKEN, Site, serve

N_DAYS = 60


@pytest.fixture
def jpx_prices() -> pd.DataFrame:
    """Two stocks, 60 business days to the end of January 2021, in the JPX columns."""
    days = pd.bdate_range(end="2021-01-29", periods=N_DAYS)
    rng = np.random.default_rng(0)
    stocks = [
        pd.DataFrame(
            {
                "Date": days.strftime("%Y-%m-%d"),
                "SecuritiesCode": code,
                "Close": 100 * np.exp(rng.normal(0, 0.01, N_DAYS).cumsum()),
                "Volume": rng.integers(1000, 9000, N_DAYS),
                "AdjustmentFactor": 1.0,
                "Target": rng.normal(0, 0.01, N_DAYS),
            }
        )
        for code in (1301, 1302)
    ]
    return pd.concat(stocks, ignore_index=True)


@pytest.fixture
def csv_of(tmp_path: Path) -> Callable[..., CsvSource]:
    """A price file of a market with these stocks, by code: first day and closes."""

    def write(stocks: Mapping[str, tuple[str, Sequence[float]]], **settings: object) -> CsvSource:
        tables = [
            pd.DataFrame({"SecuritiesCode": code, "Date": pd.bdate_range(first, periods=len(closes)), "Close": closes})
            for code, (first, closes) in stocks.items()
        ]
        file = tmp_path / "market.csv"
        pd.concat(tables).to_csv(file, index=False)
        return CsvSource.model_validate({"csv": str(file), **settings})

    return write


@pytest.fixture
def write(tmp_path):
    """Write a price file and its panel; the panel's folder must be empty after a refusal."""
    folder = tmp_path / "panel"
    folder.mkdir()

    def write(prices, source=None, **settings):
        file = tmp_path / "prices.csv"
        if isinstance(prices, pd.DataFrame):
            prices.to_csv(file, index=False)
        else:
            file.write_bytes(prices)
        return write_panel(PanelConfig(source=JpxSource(csv=str(file), **(source or {})), **settings), folder)

    yield write
    assert not list(folder.iterdir())


@pytest.fixture(scope="module")
def csv() -> bytes:
    """Six stocks in JPX's columns, about half a megabyte."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "Date": np.repeat(pd.bdate_range("2016-01-04", periods=N_ROWS // 6).strftime("%Y-%m-%d"), 6),
            "SecuritiesCode": np.tile(np.arange(1301, 1307), N_ROWS // 6),
            "Close": 100 + rng.random(N_ROWS),
            "Volume": rng.integers(1000, 9000, N_ROWS),
            "AdjustmentFactor": 1.0,
            "Target": rng.normal(0, 0.01, N_ROWS),
        }
    )
    return table.to_csv(index=False).encode()


@pytest.fixture
def site(csv: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site that has the file and is where the client asks; the right token; no waiting."""
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "kaggle"))
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    from kagglesdk import kaggle_env

    monkeypatch.setattr(download, "FIRST_PAUSE_SECONDS", 0.01)
    with serve() as site:
        site.body = csv
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, site.api)
        yield site


def prices_of(closes: Mapping[str, Sequence[float]], first: str = "2020-01-01") -> pd.DataFrame:
    """A table of prices as the sources give it: each stock's closes on successive business days."""
    tables = [
        pd.DataFrame({"code": code, "date": pd.bdate_range(first, periods=len(own)), "close": own})
        for code, own in closes.items()
    ]
    return pd.concat(tables, ignore_index=True)


def walk(n_days: int, seed: int = 0) -> list[float]:
    """Closes of a random walk from 100."""
    return list(100 * np.exp(np.random.default_rng(seed).normal(0, 0.02, n_days).cumsum()))
