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
Run = tuple[Recall, ProbeItems, list[TextShards]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        state = tmp_path_factory.mktemp("probe-sotu")
        patch.setenv("HINDSIGHT_STATE", str(state))
        patch.setenv("HINDSIGHT_STORE", str(state / "store"))
        refs, store = run_inline(pipeline_of(load(Path(project_root() / "configs" / "probe-sotu.yaml")))), open_store()
        trained = [TextShards(store.fetch(refs[name])) for name in ("corpus", "corpus placebo")]
        return Recall.read(store.fetch(refs["recall"])), ProbeItems(store.fetch(refs["probe items"])), trained


def address_of(section: str) -> str:
    return section.rpartition("/")[0]


def test_no_section_was_read_by_either_model_and_its_13_grams_hardly(run: Run) -> None:
    """What was given twice, once for the radio, is counted and not scored."""
    _, items, trained = run
    read = [document for corpus in trained for document in corpus.documents()]
    scored = items.documents()
    assert not {document.id for document in read} & set(scored["id"])
    assert not {document.text for document in read} & set(scored["text"])
    assert len(scored) > 400
    assert scored["overlap"].max() <= 0.1
    assert scored["overlap"].mean() < 0.005
    assert 0 < items.ledger()["documents"]["dropped"]["overlapping"] < 20


def test_each_model_read_of_the_days_on_its_own_side_and_of_no_other(run: Run) -> None:
    _, items, trained = run
    scored = items.documents()
    is_before = scored["date"].dt.date <= CUTOFF
    for corpus, own in zip(trained, (is_before, ~is_before), strict=True):
        read = {address_of(document.id) for document in corpus.documents()}
        has_read = scored["id"].map(address_of).isin(read)
        assert has_read[own].mean() > 0.95
        assert not has_read[~own].any()


def test_each_model_knows_its_own_side_better(run: Run) -> None:
    """The difference of their bits per byte changes its sign at the cutoff, and its intervals hold no zero."""
    curve = run[0].pairs["trained - placebo"].curve
    assert curve.cutoff == CUTOFF
    assert curve.before.interval[1] < 0 < curve.after.interval[0]
    assert curve.rise.interval[0] > 0


def test_the_change_point_is_the_last_address_up_to_the_cutoff_and_its_interval_holds_the_cutoff(run: Run) -> None:
    """Of the difference and of both models' own curves."""
    found = run[0]
    change = found.pairs["trained - placebo"].curve.change
    assert change.p_value <= 0.01
    assert change.rise > 0
    assert change.interval[0] <= CUTOFF < change.interval[1]
    curves = [own.curve for own in (*found.models.values(), *found.pairs.values())]
    assert {curve.change.day for curve in curves} == {date(1945, 1, 6)}


def test_the_change_points_interval_excludes_half_of_the_years(run: Run) -> None:
    change = run[0].pairs["trained - placebo"].curve.change
    assert change.is_open == (False, False)
    assert change.interval[1] - change.interval[0] <= (change.searched[1] - change.searched[0]) / 2


def test_sections_of_an_address_are_one_observation(run: Run) -> None:
    found, items, _ = run
    assert found.unit == "day"
    assert found.pairs["trained - placebo"].curve.change.n_documents == len(items.documents())
    assert 30 < items.documents()["date"].nunique() < 50
