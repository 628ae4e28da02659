"""Questions show entity and day and nothing else, and each control hides what it says it hides."""

from functools import cache

import pandas as pd
import pytest

from tasks.panel.config import CsvSource, EcbFxSource, JpxSource, PanelConfig, PlantedSource, Sp500Source
from tasks.panel.entities import entities_of
from tasks.probe.items.config import QuestionsConfig
from tasks.probe.items.questions import made_up_names, question_rows
from tasks.recall_probes import ProbeConfig
from tasks.schemas.entities import COMPANIES, Entities
from tasks.schemas.probe import FICTITIOUS, NEUTRAL, UNDATED, VARIANTS

SOURCES = {
    "sp500": (Sp500Source(), list(COMPANIES)),
    "ecb_fx": (EcbFxSource(), ["EURUSD", "USDJPY"]),
    "jpx": (JpxSource(csv="/p.csv"), ["1301", "4502", "2021"]),
    "csv": (CsvSource(csv="/p.csv", name="London Stock Exchange stock"), ["VOD", "{date}"]),
    "planted": (PlantedSource(), ["0001", "0002"]),
}
DAYS = pd.to_datetime(["2019-01-04", "2021-03-05", "2022-07-01"])


@cache
def asked(kind: str) -> tuple[pd.DataFrame, pd.DataFrame, Entities]:
    """The panel's rows, the questions and the names."""
    source, codes = SOURCES[kind]
    rows = pd.DataFrame([{"code": code, "date": day, "ret_5d": 0.1234} for code in codes for day in DAYS])
    items = ProbeConfig().items_of(PanelConfig(source=source), {})
    found = pd.DataFrame(question_rows(rows, items.questions, items.entities, items.seed))
    return rows, found.merge(rows, left_on="row", right_index=True), items.entities


@pytest.mark.parametrize("kind", SOURCES)
def test_each_row_is_asked_in_each_variant_once(kind: str) -> None:
    rows, found, _ = asked(kind)
    assert len(found) == len(rows) * len(VARIANTS)
    assert not found.duplicated(["row", "variant"]).any()
    assert (found["up"] == "up").all()
    assert (found["down"] == "down").all()


@pytest.mark.parametrize("kind", SOURCES)
def test_the_query_names_entity_and_day_and_no_feature(kind: str) -> None:
    _, found, entities = asked(kind)
    for own in found[found["variant"] == "date_only"].itertuples():
        assert own.prompt.count(entities.name(own.code)) == 1
        assert f"{own.date:%Y-%m-%d}" in own.prompt
        assert "0.1234" not in own.prompt


@pytest.mark.parametrize("kind", SOURCES)
def test_a_prompt_without_entity_is_the_same_for_all_entities_of_a_day(kind: str) -> None:
    _, found, entities = asked(kind)
    neutral = found[found["variant"].isin(NEUTRAL)]
    assert (neutral.groupby(["variant", "date"])["prompt"].nunique() == 1).all()
    for own in found[found["variant"].isin([*NEUTRAL, *FICTITIOUS])].itertuples():
        without_day = own.prompt.replace(f"{own.date:%Y-%m-%d}", "")
        assert own.code not in without_day
        assert entities.name(own.code).split(" (")[0].removeprefix(entities.before).strip() not in without_day


@pytest.mark.parametrize("kind", SOURCES)
def test_a_prompt_without_day_is_the_same_for_all_days_of_an_entity(kind: str) -> None:
    _, found, _ = asked(kind)
    undated = found[found["variant"].isin(UNDATED)]
    assert (undated.groupby(["variant", "code"])["prompt"].nunique() == 1).all()
    assert not undated["prompt"].str.contains(r"\d{4}-\d{2}-\d{2}").any()
    assert found.loc[found["variant"] == "both", "prompt"].nunique() == 1


@pytest.mark.parametrize("kind", SOURCES)
def test_each_code_has_one_made_up_name_of_its_own(kind: str) -> None:
    rows, found, _ = asked(kind)
    own = found[found["variant"].isin(FICTITIOUS)]
    days = own["date"].dt.strftime("%Y-%m-%d")
    prompts = [prompt.replace(day, "") for prompt, day in zip(own["prompt"], days, strict=True)]
    assert len(set(prompts)) == rows["code"].nunique()


def test_made_up_names_do_not_depend_on_other_entities_and_are_no_part_of_a_real_one() -> None:
    names = [f"stock {n}" for n in range(2_000)]
    found = list(made_up_names(names, 0))
    assert len(set(found)) == len(found)
    assert found[:10] == list(made_up_names(names[:10], 0))
    taken = [*names[:10], found[0]]
    assert found[0] not in list(made_up_names(taken, 0))


def test_the_wording_says_what_the_target_is() -> None:
    two_days, ten = (ProbeConfig().items_of(PanelConfig(horizon=horizon), {}).questions for horizon in (None, 10))
    assert two_days.wording == (
        "Did the price of {entity} go up or down from the first to the second trading day after {date}?"
    )
    assert ten.wording == "Did the price of {entity} go up or down in the 10 trading days after {date}?"
    own = QuestionsConfig(
        wording="Did sales of {entity} rise after {date}?", n_rows=None, variants=("date_only", "both")
    )
    rows = pd.DataFrame({"code": ["shop 1"], "date": DAYS[:1]})
    prompts = [str(row["prompt"]) for row in question_rows(rows, own, Entities(), 0)]
    assert prompts == [
        "Did sales of shop 1 rise after 2019-01-04? Begin the answer with up or down.",
        "Did sales of an entity rise after an unnamed day? Begin the answer with up or down.",
    ]


def test_rows_are_drawn_over_the_days_with_the_seed() -> None:
    rows = pd.DataFrame({"code": [f"c{n}" for n in range(30)], "date": DAYS.repeat(10)})
    config = QuestionsConfig(n_rows=9, variants=("date_only",), wording="{entity} {date}")
    one, same, other = ([row["row"] for row in question_rows(rows, config, Entities(), seed)] for seed in (0, 0, 1))
    assert one == same != other
    assert rows.loc[one].groupby("date").size().tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"wording": "Did {entity} rise?"}, "needs {entity} once and {date}"),
        ({"wording": "Did {entity} beat {entity} on {date}?"}, "needs {entity} once"),
        ({"variants": ("both",)}, "variants lack date_only"),
        ({"variants": ("date_only", "date_only")}, "name one twice"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(changed: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        QuestionsConfig(**changed)


def test_entities_are_named_as_in_the_panels_sentences() -> None:
    assert entities_of(Sp500Source()).name("KO") == "S&P 500 stock Coca-Cola (KO)"
    assert entities_of(PlantedSource()).name("0001") == "synthetic stock 0001"
