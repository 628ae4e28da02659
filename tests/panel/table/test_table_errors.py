"""Bad tables and settings are refused by a sentence that names file or table, column, row or entity, and how many."""

import re

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from tasks.embed.config import EmbedConfig
from tasks.embed.errors import NoSentences
from tasks.embed.sentences import read_sentences
from tasks.panel.build import build_panel, panel_from_table, write_panel
from tasks.panel.config import PanelConfig, PlantedSource
from tasks.panel.errors import BadTable, EmptySplit, PanelError, TooFewStocks
from tasks.panel.table.config import TableColumns, TableSource
from tasks.recipe import Recipe
from tasks.schemas.artifacts import ModelFolder, Panel

NEWS = TableColumns(entity="topic", time="day", target="mood", label_until="until", features=("length",))


@pytest.fixture
def news() -> pd.DataFrame:
    """Three topics on every second day around the cut; the mood is that of the next day."""
    days = pd.date_range("2020-12-01", "2021-01-31", freq="2D")
    table = pd.DataFrame({"topic": np.repeat(["war", "tax", "sea"], len(days)), "day": [*days] * 3})
    rng = np.random.default_rng(0)
    mood, length = rng.normal(size=len(table)), rng.integers(10, 99, len(table))
    return table.assign(until=table["day"] + pd.Timedelta(days=1), mood=mood, length=length)


def with_cell(column: str, value: object, row: int = 5):
    """The table, as text, with another value in one cell."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{column: table[column].astype(str).where(table.index != row, value)})

    return change


@pytest.mark.parametrize(
    ("break_it", "error", "message"),
    [
        (lambda t: t.drop(columns=["mood", "day"]), BadTable, r"news.csv lacks day, mood; it has topic, until, length"),
        (
            with_cell("mood", "glad"),
            BadTable,
            r"row 6 of table .*news.csv has mood 'glad', as 1 rows have one that",
        ),
        (with_cell("mood", "inf"), BadTable, r"row 6 of table .* has mood inf, as 1 rows have one that is infinite"),
        (with_cell("length", "long"), BadTable, r"row 6 of table .* has length 'long', as 1 rows"),
        (
            lambda t: t.assign(mood=0.5),
            BadTable,
            r"news.csv has mood 0.5 in all 93 rows with a target",
        ),
        (
            lambda t: t.assign(mood=t["mood"].where(t["day"] < "2021-01-01", 1)),
            BadTable,
            "the test side, from 2021-01-01",
        ),
        (
            with_cell("until", "2020-12-10"),
            BadTable,
            r"row 6 of .* of topic war has until 2020-12-10, before its day 2020-12-11, as 1 rows have",
        ),
        (
            lambda t: t.assign(until=t["day"] + pd.Timedelta(days=2)),
            BadTable,
            r"row 2 of .* of topic sea has a label .*"
            if False
            else r"overlap so, and count as more than they are worth",
        ),
        (
            lambda t: pd.concat([t, t.iloc[[3]]]),
            BadTable,
            "row 94 of .* is another one of topic war for 2020-12-07, and 1 rows in all repeat an entity's day",
        ),
        (with_cell("topic", "war "), BadTable, "row 6 of .* has topic 'war ', which is written 'war' in row 1 of"),
        (
            with_cell("day", "yesterday"),
            BadTable,
            "row 6 of .* has day 'yesterday', as 1 rows have one that",
        ),
        (
            with_cell("day", "2020-13-41"),
            BadTable,
            "row 6 of .* has day '2020-13-41', as 1 rows have one that",
        ),
        (
            with_cell("day", "2020-12-11T09:00:00+02:00"),
            BadTable,
            r"row 1 of .* has day in no zone, row 6 of .* in \+02:00: 1 of 93 times are not of the first's zone",
        ),
        (
            lambda t: t.assign(day=t["day"].astype(str) + "T09:00Z", until=t["until"].astype(str) + "T09:00+0900"),
            BadTable,
            r"has times of zone UTC in day and of zone \+09:00 in until; write days, or times of one zone",
        ),
        (lambda t: t.iloc[:0], BadTable, "news.csv has no row; give one with a row per entity and day"),
        (
            lambda t: t[t["day"] < "2021-01-01"],
            EmptySplit,
            "no row on or after test_from=2021-01-01; the panel ends",
        ),
        (
            lambda t: t[t["day"] > "2021-01-01"],
            EmptySplit,
            "no row before test_from=2021-01-01; the panel begins",
        ),
        (
            lambda t: t[t["topic"] == "war"],
            TooFewStocks,
            "1 entities have a row with mood and every other column",
        ),
        (lambda t: t.assign(length=None), TooFewStocks, "0 entities have a row .*; rows dropped: missing_length 93"),
    ],
)
def test_a_bad_table_is_refused(news, break_it, error, message, tmp_path):
    break_it(news).to_csv(tmp_path / "news.csv", index=False)
    source = TableSource(path=str(tmp_path / "news.csv"), **NEWS.model_dump())
    with pytest.raises(error, match=message):
        build_panel(PanelConfig(source=source))


def test_overlapping_labels_name_their_first_row_and_are_counted_where_they_are_allowed(news):
    table = news.assign(until=news["day"] + pd.Timedelta(days=2))
    with pytest.raises(BadTable, match=r"row 63 .* topic sea has a label from 2020-12-03, .* 2020-12-03; 90 of 93"):
        panel_from_table(table, NEWS)
    allowed = panel_from_table(table, NEWS.model_copy(update={"overlapping_labels": "allow"}))
    assert allowed.facts["table"]["n_overlapping_labels"] == 90


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda t: t.to_dict(), "the table is of type dict; pass a pandas DataFrame"),
        (lambda t: t.assign(day=range(len(t))), "the table holds int64 in day, days are needed"),
        (lambda t: t.assign(mood=t["day"]), "the table holds timestamp.* in mood, numbers are needed"),
        (lambda t: pd.concat([t, t[["mood"]]], axis=1), "the table has more than one column mood; keep one of each"),
        (lambda t: t.assign(topic=[["war"]] * len(t)), "the table holds list<.*> in topic, text is needed"),
        (
            lambda t: t.assign(day=[day.tz_localize(("UTC", "Asia/Tokyo")[row == 2]) for row, day in t["day"].items()]),
            r"row 0 of the table, .* has day in UTC, row 2 of the table, counted from 0, in \+09:00: 1 of 93",
        ),
        (
            lambda t: t.assign(mood=np.arange(len(t)) % 3),
            "row 2 of the table, counted from 0, has mood 2, as 31 rows have one that is neither 0 nor 1",
        ),
    ],
)
def test_a_bad_table_in_memory_is_refused(news, break_it, message):
    with pytest.raises(BadTable, match=message):
        panel_from_table(break_it(news), NEWS.model_copy(update={"target_kind": "binary"}))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.csv", None, "absent.csv cannot be read: .*; give a file's path or URL as panel.source.path"),
        ("news.xyz", b"topic\n", "news.xyz has no extension of a table's format: json, csv, parquet, arrow"),
        ("news.parquet", b"PAR1 no", "news.parquet cannot be read as parquet: "),
        ("news.csv", b"topic,day,mood,until,length\nwar,2020\n", "news.csv cannot be read as csv: .*; repair the file"),
        ("news.csv", b"", "news.csv cannot be read as csv: "),
    ],
)
def test_a_file_that_is_no_table_is_refused(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadTable, match=message):
        build_panel(PanelConfig(source=TableSource(path=str(tmp_path / name), **NEWS.model_dump())))


def test_another_digest_and_two_sources_are_refused(news, tmp_path):
    news.to_csv(tmp_path / "news.csv", index=False)
    with pytest.raises(BadTable, match=r"news.csv has sha256 \w{64}, the recipe asks for 0{64}"):
        build_panel(
            PanelConfig(source=TableSource(path=str(tmp_path / "news.csv"), sha256="0" * 64, **NEWS.model_dump()))
        )
    with pytest.raises(PanelError, match="source is planted, and a table was passed; leave one of the two out"):
        panel_from_table(news, NEWS, PanelConfig(source=PlantedSource()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"template": "{topic.__class__}"}, "{topic.__class__} is no column's name"),
        ({"template": "{topic[0]}"}, "{topic[0]} is no column's name"),
        ({"template": "{}"}, "{} is no column's name"),
        ({"template": "{0}"}, "{0} is no column's name"),
        ({"template": "{topic!r}"}, "{topic!r} is no column's name"),
        ({"template": "{length:>999999999}"}, "has format '>999999999'; write a number's, such as .2f"),
        ({"template": "{length:{mood}}"}, "write a number's, such as .2f"),
        ({"template": "{length"}, "expected '}' before end of string"),
        ({"template": "{mood}"}, "column 'mood' tells of the target, so no sentence or feature may hold it"),
        ({"features": ["until"]}, "column 'until' tells of the target, so no sentence or feature may hold it"),
        ({"features": ["mood"]}, "column 'mood' is named twice among entity, time, target and features"),
        ({"features": ["code"]}, "feature 'code' is the name of a panel's own column; rename it in the table"),
        ({"text": "a", "template": "{b}"}, "text and template both make the sentences; leave one of the two out"),
        ({"text_undated": "a"}, "text_undated is the sentence of text without its day; give text"),
        ({"template": "{a}", "template_undated": "{date}"}, "template_undated has {date}, and is the sentence without"),
        ({"path": "news.csv"}, "'news.csv' is relative"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        TableSource.model_validate({"path": "/news.csv", **NEWS.model_dump(), **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "a model needs sentences, and the table has none: name panel.source.text, or write panel.source.template"),
        ({"template": "{entity} on {date}"}, "embed.undated needs the table's sentences without their day: give"),
    ],
)
def test_a_recipe_that_needs_other_sentences_is_refused(settings, message):
    panel = {"source": {"kind": "table", "path": "/news.csv", **NEWS.model_dump(), **settings}}
    with pytest.raises(ValidationError, match=message):
        Recipe.model_validate({"name": "news", "panel": panel})


def test_a_panel_without_sentences_is_refused_where_a_model_would_read_them(news, tmp_path):
    news.to_csv(tmp_path / "news.csv", index=False)
    source = TableSource(path=str(tmp_path / "news.csv"), **NEWS.model_dump())
    write_panel(PanelConfig(source=source), tmp_path)
    with pytest.raises(NoSentences, match=r"90 rows have no column prompt: .* serves only states that"):
        read_sentences(EmbedConfig(), Panel(tmp_path), ModelFolder(tmp_path))
