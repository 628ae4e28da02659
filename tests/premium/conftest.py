from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.premium.rows import Rows
from tasks.schemas.artifacts import Panel


@pytest.fixture
def made_table() -> pd.DataFrame:
    """Eight stocks on the same 15 days, nine of them up to the end of 2020, in the columns of a panel artifact."""
    rng = np.random.default_rng(5)
    days = pd.bdate_range(end="2021-01-11", periods=15)
    table = pd.DataFrame([(code, day) for code in "ABCDEFGH" for day in days], columns=["code", "date"])
    return table.assign(
        label_from=table["date"] + pd.offsets.BDay(1),
        label_until=table["date"] + pd.offsets.BDay(2),
        log_close=rng.normal(4, 1, 120),
        ret_5d=rng.normal(0, 0.1, 120),
        ret_30d=rng.normal(0, 0.2, 120),
        vol_20d=rng.uniform(0.1, 0.2, 120),
        target=rng.normal(0, 1, 120),
        prompt=[f"row {row}" for row in range(120)],
    )


@pytest.fixture
def inputs(made_table, tmp_path) -> dict[str, Path]:
    """Folders of a panel and two models' states of it, three columns wide."""
    rng = np.random.default_rng(6)
    folders = {name: tmp_path / name for name in ("panel", "base", "trained")}
    for folder in folders.values():
        folder.mkdir()
    made_table.to_parquet(folders["panel"] / "rows.parquet")
    for model in ("base", "trained"):
        np.save(folders[model] / "states.npy", rng.normal(size=(120, 3)).astype(np.float32))
        (folders[model] / "prompts.sha256").write_text(Panel(folders["panel"]).prompts_sha256())
    return folders


@pytest.fixture
def make_rows():
    """Rows of a balanced panel from a target by stock and day, and columns of the same rows.

    Days follow each other without a gap, the last train day is 2020-12-31.
    """

    def make(target: np.ndarray, n_train_days: int, base: np.ndarray, trained: np.ndarray | None = None) -> Rows:
        n_stocks, n_days = target.shape
        stocks, days = np.divmod(np.arange(n_stocks * n_days), n_days)
        dates = pd.Timestamp("2020-12-31") + pd.to_timedelta(days - n_train_days + 1, unit="D")
        labels = pd.DataFrame({"code": stocks, "date": dates})
        labels["label_from"], labels["label_until"] = (labels["date"] + pd.Timedelta(days=ahead) for ahead in (1, 2))
        states = {"base": base, "trained": base if trained is None else trained}
        return Rows(labels=labels, target=target.ravel(), numeric=np.empty((len(labels), 0)), states=states)

    return make
