"""Vectors brought along: each row of a panel gets the vector of its code and day, or the stage says which it lacks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.premium.errors import StatesDoNotFit
from tasks.premium.rows import _check_sentences
from tasks.schemas.artifacts import Embeddings, Panel
from tasks.store.refs import ArtifactRef
from tasks.vectors.config import VectorsConfig, vectors_label
from tasks.vectors.errors import BadVectors, KeysDoNotMatch
from tasks.vectors.join import positions, write_vectors

ROWS = pd.DataFrame(
    {"code": [7203, 7203, 1301, 1301], "date": pd.to_datetime(["2020-01-06", "2021-01-05", "2020-01-07", "2021-02-01"])}
)
VECTORS = np.arange(12, dtype=np.float64).reshape(4, 3)


@pytest.fixture
def panel(tmp_path: Path) -> Panel:
    (tmp_path / "panel").mkdir()
    ROWS.to_parquet(tmp_path / "panel" / "rows.parquet")
    return Panel(tmp_path / "panel")


def joined(panel: Panel, folder: Path, **config: object) -> tuple[np.ndarray, dict]:
    facts = write_vectors(VectorsConfig(**config), panel, folder)
    return Embeddings(folder).states(), facts


def parquet(folder: Path, table: pd.DataFrame) -> str:
    table.to_parquet(folder / "vectors.parquet")
    return str(folder / "vectors.parquet")


def wide(order: list[int]) -> pd.DataFrame:
    return ROWS.iloc[order].assign(**{f"v{i}": VECTORS[order, i] for i in range(3)})


@pytest.mark.parametrize("form", ["columns", "lists", "npy", "npy with csv"])
def test_rows_get_their_vectors_whatever_the_files_order_and_form(form: str, panel: Panel, tmp_path: Path) -> None:
    order = [2, 0, 3, 1]
    table, config = wide(order), {}
    if form == "lists":
        table = ROWS.iloc[order].assign(vector=list(VECTORS[order].astype(np.float32)))
    config["file"] = parquet(tmp_path, table)
    if form.startswith("npy"):
        np.save(tmp_path / "vectors.npy", VECTORS[order])
        names = {"code": "ticker", "date": "day"}
        keys = tmp_path / ("keys.csv" if "csv" in form else "keys.parquet")
        (ROWS.iloc[order].rename(columns=names).to_csv if "csv" in form else table.rename(columns=names).to_parquet)(
            keys
        )
        config = {"file": str(tmp_path / "vectors.npy"), "keys": str(keys), "entity": "ticker", "date": "day"}
    states, facts = joined(panel, tmp_path, **config)
    np.testing.assert_array_equal(states, VECTORS.astype(np.float32))
    assert (states.dtype, facts["hidden"], facts["n_unused"]) == (np.float32, 3, 0)


def test_vectors_of_other_rows_are_left_out_and_counted(
    panel: Panel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = pd.concat([wide([0, 1, 2, 3]), wide([0, 1]).assign(date=pd.Timestamp("2022-01-03"), code=[1, 2])])
    states, facts = joined(panel, tmp_path, file=parquet(tmp_path, more), columns=["v2", "v0"])
    np.testing.assert_array_equal(states, VECTORS[:, [2, 0]])
    assert (facts["n_vectors"], facts["n_unused"]) == (6, 2)
    assert "2 of 6 belong to no row of the panel" in caplog.text


@given(st.permutations(range(8)), st.integers(1, 8))
def test_every_row_finds_its_own_key(order: list[int], n_rows: int) -> None:
    keys = pd.DataFrame({"code": [str(i % 3) for i in order], "date": [pd.Timestamp(2020, 1, 1 + i) for i in order]})
    rows = pd.DataFrame({"code": [i % 3 for i in range(n_rows)], "date": pd.date_range("2020-01-01", periods=n_rows)})
    assert [order[position] for position in positions(rows, keys)] == list(range(n_rows))


def test_missing_keys_are_counted_and_named_in_both_directions(panel: Panel, tmp_path: Path) -> None:
    table = wide([0, 1, 2, 3])
    table.loc[2:, "date"] = pd.Timestamp("2019-12-30"), pd.Timestamp("2019-12-31")
    with pytest.raises(
        KeysDoNotMatch,
        match="2 of the panel's 4 rows have no vector, 1301 on 2020-01-07 first; 2 vectors belong to no row of the "
        "panel, 1301 on 2019-12-30 first",
    ):
        joined(panel, tmp_path, file=parquet(tmp_path, table))


def test_a_key_given_twice_is_named(panel: Panel, tmp_path: Path) -> None:
    with pytest.raises(KeysDoNotMatch, match="1 of the vectors' 5 keys are given again, 7203 on 2021-01-05 first"):
        joined(panel, tmp_path, file=parquet(tmp_path, wide([0, 1, 2, 3, 1])))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v1": [0, np.nan, 0, np.inf]}, "2 of 4 vectors of .* are not finite in float32, that of 7203 on 2021-01-05"),
        ({"v1": [0, 0, 1e60, 0]}, "1 of 4 vectors of .* not finite in float32, that of 1301 on 2020-01-07 first"),
        ({"v1": list("abcd")}, "has 1 columns beside the keys that are no numbers .v1.; name those of the vectors"),
        ({"date": ["a", "b", "c", "d"]}, "column 'date' of .* does not hold days as"),
        ({"code": [None, "1", "1", "1"]}, "column 'code' of .* is empty in 1 of 4 rows"),
        (
            {"date": pd.date_range("2020-01-01", periods=4, tz="Asia/Tokyo")},
            "has the time zone Asia/Tokyo; take days without one",
        ),
    ],
)
def test_what_is_no_vector_or_no_key_is_refused(change: dict, message: str, panel: Panel, tmp_path: Path) -> None:
    with pytest.raises(BadVectors, match=message):
        joined(panel, tmp_path, file=parquet(tmp_path, wide([0, 1, 2, 3]).assign(**change)))


def test_lists_of_other_widths_are_named(panel: Panel, tmp_path: Path) -> None:
    table = ROWS.assign(vector=[[1.0, 2.0], [1.0, 2.0], [1.0], [1.0, 2.0]])
    with pytest.raises(BadVectors, match=r"'vector' of .* has 1 numbers in row 2, 2 in row 0"):
        joined(panel, tmp_path, file=parquet(tmp_path, table))


def test_an_npy_file_without_a_key_per_row_is_refused(panel: Panel, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", VECTORS[:3])
    ROWS.to_parquet(tmp_path / "keys.parquet")
    with pytest.raises(BadVectors, match=r"has 3 vectors, .* 4 keys"):
        joined(panel, tmp_path, file=str(tmp_path / "v.npy"), keys=str(tmp_path / "keys.parquet"))
    np.save(tmp_path / "v.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(BadVectors, match="is no npy file of numbers"):
        joined(panel, tmp_path, file=str(tmp_path / "v.npy"), keys=str(tmp_path / "keys.parquet"))


def test_files_are_pinned_and_damaged_or_absent_ones_named(panel: Panel, tmp_path: Path) -> None:
    file = parquet(tmp_path, wide([0, 1, 2, 3]))
    with pytest.raises(BadVectors, match=r"vectors\.parquet has sha256 [0-9a-f]{64}, 0{64} is expected"):
        joined(panel, tmp_path, file=file, sha256="0" * 64)
    Path(file).write_bytes(b"PAR1 not")
    with pytest.raises(BadVectors, match="is no readable table"):
        joined(panel, tmp_path, file=file)
    with pytest.raises(BadVectors, match="cannot be read"):
        joined(panel, tmp_path, file=str(tmp_path / "none.parquet"))


def test_a_config_names_keys_for_npy_alone_and_pins_relative_paths() -> None:
    for file, keys in (("/v.npy", None), ("/v.parquet", "/k.csv")):
        with pytest.raises(ValidationError, match="an npy file needs its keys in another file"):
            VectorsConfig(file=file, keys=keys)
    with pytest.raises(ValidationError, match="is relative"):
        VectorsConfig(file="v.parquet")


def test_the_measure_accepts_them_by_the_panels_keys_and_not_for_another_panel(panel: Panel, tmp_path: Path) -> None:
    joined(panel, tmp_path, file=parquet(tmp_path, wide([0, 1, 2, 3])))
    _check_sentences(Embeddings(tmp_path), "closed", panel)
    ROWS.iloc[::-1].to_parquet(panel.path / "rows.parquet")
    with pytest.raises(StatesDoNotFit, match="closed model were made from codes and days that hash to"):
        _check_sentences(Embeddings(tmp_path), "closed", panel)


def test_the_label_names_panel_and_file() -> None:
    panel = ArtifactRef(kind="panel", label="sp500-10x10", key="0" * 16, digest="0" * 64)
    label = vectors_label(VectorsConfig(file="https://host/my vectors.parquet"), {"panel": panel})
    assert label == "sp500-10x10-my-vectors"
