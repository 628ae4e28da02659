"""A panel of a table is measured as one of prices: the same rows, the same R2, and Brier skill where it is binary."""

import gzip
import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import brier_score_loss

from tasks.panel.build import build_panel, panel_from_table, write_panel
from tasks.panel.config import PanelConfig, PlantedSource
from tasks.panel.source_version import pinned, probe_source
from tasks.panel.table.config import TableColumns, TableSource
from tasks.premium.config import PremiumConfig
from tasks.premium.measurement import measure
from tasks.premium.reference.scores import score_model
from tasks.premium.rows import make_rows
from tasks.schemas.artifacts import Panel
from tasks.store.store import open_store
from tests.panel.test_source_version import served

PRICES = PanelConfig(source=PlantedSource(n_stocks=12, first_day=date(2020, 6, 1)), dates_per_stock=2_000)
COLUMNS = TableColumns(
    entity="code",
    time="date",
    label_from="label_from",
    label_until="label_until",
    overlapping_labels="allow",
    features=("log_close", "ret_5d", "ret_30d", "vol_20d", "planted"),
    text="prompt",
    text_undated="prompt_undated",
)
VISITS = TableColumns(
    entity="patient",
    time="day",
    target="worse",
    features=("pulse", "age"),
    template="On {date}, patient {entity} of ward {ward} had a pulse of {pulse:.1f}.",
)
SMALL = PanelConfig(dates_per_stock=40)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return build_panel(PRICES).rows


@pytest.fixture
def visits() -> pd.DataFrame:
    """Five patients seen every third day from October to March; the higher the pulse, the likelier are they worse."""
    rng, days = np.random.default_rng(0), pd.date_range("2020-10-01", "2021-03-31", freq="3D")
    table = pd.DataFrame({"patient": np.repeat(["a", "b", "c", "d", "e"], len(days)), "day": [*days] * 5})
    pulse, age = rng.uniform(60, 80, len(table)), rng.integers(20, 90, len(table))
    worse = (rng.random(len(table)) < 0.1 + 0.8 * (pulse - 60) / 20).astype(int)
    return table.assign(pulse=pulse, age=age, ward=rng.choice(["A", "B"], len(table)), worse=worse)


def source_of(table: pd.DataFrame, path, columns: TableColumns) -> TableSource:
    match path.suffix:
        case ".csv":
            table.to_csv(path, index=False)
        case ".parquet":
            table.to_parquet(path)
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in table.astype({"day": str}).to_dict("records")))
    return TableSource(path=str(path), **columns.model_dump())


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_price_panel_written_as_a_table_gives_its_rows_and_its_r2(panel, suffix, tmp_path):
    source = source_of(panel, tmp_path / f"table.{suffix}", COLUMNS)
    found = build_panel(PRICES.model_copy(update={"source": source})).rows
    pd.testing.assert_frame_equal(found, panel, check_exact=True)
    states = {"model": np.random.default_rng(0).normal(size=(len(panel), 3))}
    config = PremiumConfig(n_draws=20, robust=None)
    assert measure(found, states, config=config).reference == measure(panel, states, config=config).reference


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_the_order_of_rows_and_columns_and_the_format_change_no_byte(visits, suffix, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one = source_of(visits, tmp_path / "one.csv", VISITS)
    shuffled = visits[visits.columns[::-1]].sample(frac=1, random_state=0)
    other = source_of(shuffled, tmp_path / f"other.{suffix}", VISITS)
    for name, source in (("one", one), ("other", other)):
        write_panel(SMALL.model_copy(update={"source": source}), tmp_path / name)
    assert (tmp_path / "one/rows.parquet").read_bytes() == (tmp_path / "other/rows.parquet").read_bytes()
    assert Panel(tmp_path / "one").numeric_columns() == ["pulse", "age"]


def test_a_table_in_memory_gives_the_panel_of_its_file(visits, tmp_path):
    source = source_of(visits, tmp_path / "visits.csv", VISITS)
    from_file = build_panel(SMALL.model_copy(update={"source": source}))
    built = panel_from_table(visits, VISITS, SMALL)
    pd.testing.assert_frame_equal(built.rows, from_file.rows)
    assert {**built.facts, "source": 0} == {**from_file.facts, "source": 0}


def test_the_r2_of_a_binary_target_is_the_brier_skill_of_scikit_learn(visits):
    built = panel_from_table(visits, VISITS, SMALL)
    assert built.facts["target"] == "binary"
    rows = built.rows
    columns = rows[["pulse", "age"]].to_numpy(np.float64)
    is_test = (rows["date"] >= "2021-01-01").to_numpy()
    model = Ridge(alpha=1.0).fit(columns[~is_test], rows["target"][~is_test])
    worse = rows["target"][is_test]
    predicted = model.predict(columns[is_test])
    # scikit-learn takes probabilities only, and this table's are far enough from 0 and 1.
    assert 0 <= predicted.min() <= predicted.max() <= 1
    base_rate = brier_score_loss(worse, np.full(len(worse), worse.mean()))
    skill = 1 - brier_score_loss(worse, predicted) / base_rate
    found = score_model(make_rows(rows, {}, {}), columns, PremiumConfig())
    assert found.off == pytest.approx(skill, abs=1e-12)
    assert skill > 0.1


@pytest.mark.parametrize(
    ("target", "declared", "kind"),
    [
        ([0, 1], "auto", "binary"),
        ([False, True], "auto", "binary"),
        ([0, 1], "number", "number"),
        ([0, 2], "auto", "number"),
    ],
)
def test_a_target_of_0_and_1_is_binary_unless_said_otherwise(visits, target, declared, kind):
    table = visits.assign(worse=np.resize(target, len(visits)))
    columns = VISITS.model_copy(update={"target_kind": declared})
    assert panel_from_table(table, columns, SMALL).facts["target"] == kind


def test_sentences_name_day_entity_and_columns_and_the_undated_ones_lack_the_day(visits):
    row = panel_from_table(visits, VISITS, SMALL).rows.iloc[0]
    ward = visits[(visits["patient"] == row["code"]) & (visits["day"] == row["date"])]["ward"].iloc[0]
    assert row["prompt_undated"] == f"patient {row['code']} of ward {ward} had a pulse of {row['pulse']:.1f}."
    assert row["prompt"] == f"On {row['date']:%Y-%m-%d}, {row['prompt_undated']}"


@pytest.mark.parametrize(
    ("columns", "sentences"),
    [
        ({"template": None}, ()),
        ({"template": "{entity} on {date}"}, ("prompt",)),
        ({"template": "{entity} on {date}", "template_undated": "{entity}"}, ("prompt", "prompt_undated")),
        ({"template": "{entity}"}, ("prompt", "prompt_undated")),
        ({"template": None, "text": "ward"}, ("prompt",)),
    ],
)
def test_a_panel_has_the_sentences_that_its_settings_make(visits, columns, sentences, tmp_path):
    settings = TableColumns.model_validate({**VISITS.model_dump(), **columns})
    source = source_of(visits, tmp_path / "visits.csv", settings)
    (tmp_path / "panel").mkdir()
    facts = write_panel(SMALL.model_copy(update={"source": source}), tmp_path / "panel")
    made = Panel(tmp_path / "panel")
    assert tuple(name for name in made.rows() if name in Panel.TEXTS) == settings.sentences == sentences
    assert made.prompts_sha256() == facts.get("prompts_sha256", "")


def test_rows_that_lack_a_value_are_counted_by_column_and_entities_by_their_rows_before_the_cut(visits):
    holes = visits.astype({"worse": float, "ward": object})
    holes.loc[0, ["patient", "ward"]] = None
    holes.loc[[1, 2], "pulse"] = None
    holes.loc[3, "ward"] = ""
    holes.loc[[4, 5, 6], "worse"] = None
    # The last patient has most rows, all but one of them after the cut.
    late = holes[holes["patient"] == "e"].assign(day=pd.date_range("2020-12-31", periods=61), patient="late")
    built = panel_from_table(pd.concat([holes, late]), VISITS, SMALL.model_copy(update={"n_stocks": 4}))
    dropped = built.facts["n_dropped"]
    assert {name: n for name, n in dropped.items() if name.startswith("missing")} == {
        "missing_patient": 1,
        "missing_day": 0,
        "missing_pulse": 2,
        "missing_age": 0,
        "missing_ward": 1,
        "missing_worse": 3,
    }
    assert built.facts["n_rows"] == built.facts["n_rows_raw"] - sum(dropped.values()) == len(built.rows)
    assert set(built.rows["code"]) == {"b", "c", "d", "e"}
    reference = SMALL.model_copy(update={"n_stocks": 1, "contract": "reference"})
    assert set(panel_from_table(pd.concat([holes, late]), VISITS, reference).rows["code"]) == {"b"}


def test_times_count_on_the_day_of_their_own_zone_and_that_is_said(visits):
    evenings = visits.assign(day=(visits["day"] + pd.Timedelta(hours=23)).dt.tz_localize("America/New_York"))
    days = panel_from_table(visits, VISITS, SMALL)
    for given in (evenings, evenings.assign(day=[f"{day:%Y-%m-%d}T23:00:00-05:00" for day in visits["day"]])):
        built = panel_from_table(given, VISITS, SMALL)
        pd.testing.assert_frame_equal(built.rows, days.rows)
        assert built.facts["table"]["n_times_with_hours"] == len(visits)
        assert built.facts["time_zone"] in ("America/New_York", "-05:00")
    assert days.facts["time_zone"] is None


def test_an_entity_with_one_row_is_kept_and_counted(visits):
    built = panel_from_table(pd.concat([visits, visits.iloc[[0]].assign(patient="f")]), VISITS, SMALL)
    assert built.facts["table"]["n_entities_with_one_row"] == 1
    assert (built.rows["code"] == "f").sum() == 1


def test_entities_keep_their_zeros_and_other_separators_are_read(visits, tmp_path):
    table = visits.assign(patient=visits["patient"].map({name: f"00{number}" for number, name in enumerate("abcde")}))
    text = table.to_csv(index=False, sep=";", decimal=",")
    (tmp_path / "visits.csv.gz").write_bytes(gzip.compress(text.encode()))
    source = TableSource(path=str(tmp_path / "visits.csv.gz"), **VISITS.model_dump())
    built = build_panel(SMALL.model_copy(update={"source": source}))
    pd.testing.assert_frame_equal(built.rows, panel_from_table(table, VISITS, SMALL).rows)
    assert built.rows["code"].str.startswith("00").all()


def test_a_tables_version_is_its_files_digest(visits, tmp_path):
    source = source_of(visits, tmp_path / "visits.csv", VISITS)
    digest = hashlib.sha256((tmp_path / "visits.csv").read_bytes()).hexdigest()
    config = SMALL.model_copy(update={"source": source})
    assert probe_source(source, open_store()).pins == {"table_sha256": digest} == build_panel(config).facts["source"]
    assert build_panel(pinned(config, digest)).facts["n_rows"] > 0


@pytest.mark.parametrize("name", ["visits.csv", "visits.parquet"])
def test_a_table_at_a_url_makes_the_panel_of_the_file(name: str, visits: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / name
    visits.to_csv(file, index=False) if name.endswith("csv") else visits.to_parquet(file, index=False)
    config = SMALL.model_copy(update={"source": TableSource(path=str(file), **VISITS.model_dump())})
    with served(tmp_path) as url:
        remote = TableSource(path=f"{url}/{name}", **VISITS.model_dump())
        found = build_panel(config.model_copy(update={"source": remote}))
    pd.testing.assert_frame_equal(found.rows, build_panel(config).rows)
    assert found.facts["source"] == {"table_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
