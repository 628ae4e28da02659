"""Recall probes of an audit, from its config to the figures, and what preflight refuses."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from flows.pipelines.registry import pipeline_of
from flows.runner.inline import run_inline
from tasks.audit import Audit
from tasks.preflight.write import PreflightFailed
from tasks.probe.errors import OneSide
from tasks.schemas.artifacts import Panel
from tasks.schemas.probe import VARIANTS, ProbeAnswers, ProbeItems
from tasks.schemas.recall import Recall
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tests.embed.small_encoders import small_model
from tests.flows.test_audit import small

N_DOCUMENTS = 60
FACT = {"date": "2019-05-02", "prompt": "The bank's rate was", "answer": " five", "wrong": [" four", " nine"]}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    return open_store()


def documents(folder: Path, first: date, n: int = N_DOCUMENTS) -> dict[str, object]:
    """A corpus config of made documents, one a month."""
    rows = [
        {
            "id": f"d{i}",
            "date": str(first + timedelta(days=30 * i)),
            "text": f"Report {i} on the markets, as is due. " * 9,
        }
        for i in range(n)
    ]
    file = folder / f"{first}.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    source = {"kind": "dataset", "path": str(file)}
    return {"source": source, "cutoff": "2030-12-31", "token_budget": 3_000, "validation_share": 0.2}


def probed(folder: Path, first: date = date(2016, 1, 1), **changed: object) -> Audit:
    facts = folder / "facts.jsonl"
    facts.write_text("".join(json.dumps(FACT | {"id": f"f{n}"}) + "\n" for n in range(4)))
    items = {
        "documents": {"min_bytes": 64, "n_per_period": 10},
        "facts": {"kind": "file", "path": str(facts)},
        "questions": {"n_rows": 40},
    }
    return small(probe={"corpus": documents(folder, first), "items": items} | changed)


def test_every_model_is_asked_the_same_items_and_has_figures(store: Store, tmp_path: Path) -> None:
    refs: dict[str, ArtifactRef] = run_inline(pipeline_of(probed(tmp_path)))
    items = ProbeItems(store.fetch(refs["probe items"]))
    assert (len(items.facts()), len(items.questions())) == (4, 40 * len(VARIANTS))
    assert items.documents()["date"].is_monotonic_increasing
    assert items.documents().groupby(items.documents()["date"].dt.year).size().max() <= 10
    assert items.ledger()["documents"]["by_year"]["2017"] <= 10
    n_rows = len(Panel(store.fetch(refs["panel"])).rows())
    assert items.questions()["row"].between(0, n_rows - 1).all()
    answers = {name: ProbeAnswers(store.fetch(refs[f"probe {name}"])) for name in ("older", "newer")}
    for own in answers.values():
        assert own.documents()["id"].tolist() == items.documents()["id"].tolist()
        assert (own.documents()["bits"] > 0).all()
        assert own.questions()["p_up"].between(0, 1).all()
    assert not answers["older"].documents()["bits"].equals(answers["newer"].documents()["bits"])
    found = Recall.read(store.fetch(refs["recall"]))
    assert list(found.models) == ["older", "newer"]
    assert store.record(refs["report"]).inputs["recall"] == refs["recall"]


def test_an_encoder_is_refused_before_anything_is_embedded_with_the_way_out(store: Store, tmp_path: Path) -> None:
    bert = {
        "name": "bert",
        "cutoff": "2018-12-31",
        "model": {"source": {"kind": "folder", "path": str(tmp_path / "b")}},
    }
    small_model("bert", tmp_path / "b")
    models = [*small().model_dump(mode="json")["models"], bert]
    audit = Audit.model_validate(probed(tmp_path).model_dump(mode="json") | {"models": models})
    with pytest.raises(
        PreflightFailed, match=r"bert probe: a model of type bert is no causal(.|\n)*Name the models to"
    ):
        run_inline(pipeline_of(audit))
    named = probed(tmp_path, models=["older", "newer"]).model_dump(mode="json")
    steps = [step.name for step in pipeline_of(Audit.model_validate(named | {"models": models})).steps]
    assert "probe bert" not in steps
    assert "embed bert" in steps


def test_documents_on_one_side_are_refused_before_anything_is_embedded(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OneSide, match="are on one side of every cutoff"):
        run_inline(pipeline_of(probed(tmp_path, first=date(2025, 1, 1))))


def test_a_template_that_cannot_be_rendered_is_refused_before_anything_is_embedded(
    store: Store, tmp_path: Path
) -> None:
    broken = probed(tmp_path, answers={"chat_template": "{% bad"})
    with pytest.raises(PreflightFailed, match=r"older probe items: .*the model's chat template refuses the turns user"):
        run_inline(pipeline_of(broken))
    assert not list((tmp_path / "store" / "records" / "embed").glob("*"))
