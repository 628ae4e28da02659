"""Recall probes of two models that were trained here on the two sides of a year: the answer is known."""

from datetime import date
from pathlib import Path

import pytest

from flows.pipelines.registry import load, pipeline_of
from flows.runner.inline import run_inline
from tasks.common.settings import project_root
from tasks.schemas.artifacts import TextShards
from tasks.schemas.probe import ProbeItems
from tasks.schemas.recall import Recall
from tasks.store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.trainer]
CUTOFF = date(1945, 12, 31)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recall, ProbeItems, list[TextShards]]:
    with pytest.MonkeyPatch.context() as patch:
        state = tmp_path_factory.mktemp("probe-sotu")
        patch.setenv("HINDSIGHT_STATE", str(state))
        patch.setenv("HINDSIGHT_STORE", str(state / "store"))
        refs, store = run_inline(pipeline_of(load(Path(project_root() / "configs" / "probe-sotu.yaml")))), open_store()
        trained = [TextShards(store.fetch(refs[name])) for name in ("corpus", "corpus placebo")]
        return Recall.read(store.fetch(refs["recall"])), ProbeItems(store.fetch(refs["probe items"])), trained


def test_no_document_was_read_by_either_model(run: tuple[Recall, ProbeItems, list[TextShards]]) -> None:
    _, items, trained = run
    read = {document.id for corpus in trained for document in corpus.documents()}
    assert not read & set(items.documents()["id"])
    assert len(items.documents()) > 40
    assert items.ledger()["documents"]["dropped"]["trained_on"] >= len(read) / 2


def test_each_model_knows_its_own_side_better(run: tuple[Recall, ProbeItems, list[TextShards]]) -> None:
    """The difference of their bits per byte changes its sign at the cutoff, and its intervals hold no zero."""
    curve = run[0].pairs["trained - placebo"].curve
    assert curve.cutoff == CUTOFF
    assert curve.before.interval[1] < 0 < curve.after.interval[0]
    assert curve.rise.interval[0] > 0


def test_no_change_point_is_placed_in_wrong_years(run: tuple[Recall, ProbeItems, list[TextShards]]) -> None:
    """With 58 addresses and models whose difference moves gradually there may be none; one that is found holds 1945."""
    found = run[0]
    curves = [own.curve for own in (*found.models.values(), *found.pairs.values())]
    for change in (curve.change for curve in curves if curve.change.day):
        assert change.interval[0] <= CUTOFF <= change.interval[1]
    assert all(curve.change.p_value is not None for curve in curves)
