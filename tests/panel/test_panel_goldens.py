"""The reference contract's rows, from raw prices to sentences, as the public recipe drew them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.panel.build import write_panel
from tasks.panel.config import JpxSource, PanelConfig
from tasks.schemas.artifacts import Panel


def raw_prices(golden: dict, shared_dir: Path, last_code: int | None, scratch: Path) -> Path:
    """The golden's price file, cut to its stocks where it was made from some of them."""
    file = shared_dir / golden["panel"]
    if last_code is None:
        return file
    prices = pd.read_csv(file)
    cut = scratch / "stock_prices.csv.gz"
    prices[prices["SecuritiesCode"] <= last_code].to_csv(cut, index=False)
    return cut


NUMERIC = ["log_close", "log_volume", "ret_5d", "ret_30d", "vol_20d"]
GOLDENS = [
    ("p1_sp500_all_hash64", None),
    ("p2_sp500_top300_hash32", None),  # 490 stocks tie at the cut of 300
    ("p3_sp500_40_minilm384", 1340),
    ("p4_edge40_hash24", None),  # short, one-sided and broken histories in shuffled rows
    ("p5_tiny6_hash8", 1306),
]


@pytest.mark.parametrize(("name", "last_code"), GOLDENS)
def test_rows_and_sentences_are_those_of_the_public_recipe(name, last_code, shared_dir, tmp_path):
    golden = json.loads((shared_dir / "goldens" / f"{name}.json").read_text())
    config = PanelConfig(
        source=JpxSource(csv=str(raw_prices(golden, shared_dir, last_code, tmp_path))),
        contract="reference",
        n_stocks=golden["max_stocks"],
        dates_per_stock=golden["dates_per_stock"],
    )
    facts = write_panel(config, tmp_path)
    same_name = {
        "rows_raw": "n_rows_raw",
        "rows_target": "n_rows_with_target",
        "rows_features": "n_rows_with_features",
        "rows_subset": "n_rows",
        "n_stocks": "n_stocks",
        "prompt_first": "prompt_first",
        "keys_sha256": "keys_sha256",
        "prompts_sha256": "prompts_sha256",
    }
    assert {ours: facts[ours] for ours in same_name.values()} == {same_name[key]: golden[key] for key in same_name}
    assert (facts["n_train_rows"], facts["n_test_rows"]) == (golden["base"]["n_train"], golden["base"]["n_test"])

    expected = pd.read_csv(shared_dir / "goldens" / f"{name}_rows.csv.gz")
    ours = Panel(tmp_path).rows()[[*NUMERIC, "target"]]
    np.testing.assert_allclose(ours, expected[[*NUMERIC, "Target"]], rtol=1e-9, atol=1e-12)
