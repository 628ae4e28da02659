"""A swap to an adapter that axolotl trained from production, watched over live outcomes to its end: kept, or undone."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.live.update import update_line
from flows.live.watch import Watched, watch_line
from flows.runner.inline import run_inline
from tasks.live_update import LiveUpdate
from tasks.store.store import Store, open_store
from tasks.versions import moves
from tasks.versions.history import read_history
from tests.live.small_live import AT, LINE, own_store, recipe, write_outcomes

pytestmark = [pytest.mark.slow, pytest.mark.trainer]

RISING = ("2026-05-01", 0.01)
SWAP_DAY = f"{AT:%Y-%m-%d}"
END = datetime(2026, 10, 24, tzinfo=UTC)


def states(store: Store) -> dict[str, str]:
    return {name: version.state for name, version in read_history(store.objects, LINE).versions.items()}


def watched_to_the_end(own: LiveUpdate, store: Store) -> list[Watched]:
    """What each watch found, every eleven days and at the end, until one rolls back."""
    found, at = list[Watched](), AT
    while at < END and (not found or found[-1].decision.ending == "Watching"):
        at = min(at + timedelta(days=11), END)
        found.append(watch_line(own, at, run_inline, store, "ada"))
    return found


def test_a_trained_candidate_that_was_promoted_is_kept_by_its_watch_or_undone_by_what_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", "")
    store, desk = own_store(tmp_path), tmp_path / "desk"
    monkeypatch.setattr(moves, "_now_after", lambda history: max(AT, history.moves[-1].at))
    own = recipe(write_outcomes(desk, RISING), new={"n_per_pair": 30}, watch={"settle_days": 30})
    # Long enough that a model which always says down says up.
    longer = {"learning_rate": 2e-2, "objective": own.train.objective.model_copy(update={"epochs": 8})}
    own = own.model_copy(update={"train": own.train.model_copy(update=longer)})
    own = own.model_copy(update={"trigger": own.trigger.model_copy(update={"n_outcomes": 1})})
    done = update_line(own, AT, run_inline, store, "ada")
    assert (done.ending, states(store)) == ("Promoted", {"v1": "deprecated", "v2": "production"}), done.message
    shutil.copytree(tmp_path / "store", tmp_path / "other")

    kept = watched_to_the_end(own, store)
    assert {each.decision.ending for each in kept} == {"Watching"}
    records = [each.record for each in kept if each.record]
    assert [own.n_days for own in records] == sorted({own.n_days for own in records})
    assert (records[-1].crossed_on, records[-1].n_days >= 30) == (None, True)
    assert records[-1].evidence < 1 < records[-1].boundary
    assert records[-1].difference is not None
    assert records[-1].difference < 0
    # Once it has settled, and not before, outcomes start the next update.
    assert [each.is_due for each in kept] == [each.record is not None and each.record.n_days >= 30 for each in kept]
    assert states(store)["v2"] == "production"

    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "other"))
    store = open_store()
    # What the desk has appended since the swap is another market.
    write_outcomes(desk, RISING, (SWAP_DAY, -0.01))
    undone = watched_to_the_end(own, store)
    assert [each.decision.ending for each in undone] == ["Watching"] * (len(undone) - 1) + ["RolledBack"]
    last = undone[-1].record
    assert last is not None
    assert last.crossed_on is not None
    assert last.evidence >= last.boundary
    assert states(store) == {"v1": "production", "v2": "deprecated"}
    assert update_line(own, END, run_inline, store, "ada").ending == "AwaitsReview"
