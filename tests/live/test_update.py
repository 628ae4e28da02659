"""Updates of a small line: what replaces production, what is kept, and what an update that ended leaves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from flows.live.decide import decide, finish_earlier
from flows.live.production import NotUpdatable, last_swap, look_refs
from flows.live.slots import SlotTooShort, check_slot, missed
from flows.live.update import update_line
from flows.live.watch import watch_line
from flows.pipelines.live_update import Swap, Update, live_swap_pipeline, live_update_pipeline
from flows.runner.planner import plan_steps
from tasks.live.config import UpdateTrigger
from tasks.live.errors import BadOutcomes, TooFewDays
from tasks.live.looks import findings_until, read_look
from tasks.schemas.artifacts import Panel
from tasks.schemas.live import LOOK_KIND
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import Store
from tasks.train.errors import WrongStart
from tasks.versions import moves
from tasks.versions.errors import AwaitsReview, BadMove, MoveLost, NotReleasable, UnknownVersion
from tasks.versions.history import History, read_history
from tests.live.small_live import (
    AT,
    LINE,
    UNTRAINED_FROM,
    InlineRun,
    own_store,
    published,
    recipe,
    rising_desk,
    write_outcomes,
)
from tests.store.small_artifact import SmallConfig

WHY = {"why": "for the test", "by": "ada"}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("HINDSIGHT_STORE", "")
    return own_store(tmp_path)


@pytest.fixture
def rising(store: Store) -> Path:
    return rising_desk()


@pytest.fixture
def on_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves are made at the update's moment."""
    monkeypatch.setattr(moves, "_now_after", lambda history: max(AT, history.moves[-1].at))


def history(store: Store) -> History:
    return read_history(store.objects, LINE)


def states(store: Store) -> dict[str, str]:
    return {name: version.state for name, version in history(store).versions.items()}


def test_a_candidate_that_is_right_where_production_is_wrong_replaces_it(store: Store, rising: Path) -> None:
    done = update_line(recipe(rising), AT, InlineRun("up"), store, "ada")
    assert done.ending == "Promoted"
    assert done.message.startswith("small: v2 replaces v1. Promoted: accuracy +1.000")
    assert states(store) == {"v1": "deprecated", "v2": "production"}
    evidence = history(store).versions["v2"].evidence
    assert set(evidence.artifacts) == {"look", "adapter", "base"}
    assert [gate.passed for gate in evidence.gates] == [True]
    assert history(store).moves[-1].why == read_look(store, evidence.artifacts["look"]).gate.sentence


def test_one_that_is_no_better_is_kept_with_its_reason_and_the_next_look_spends_less(
    store: Store, rising: Path
) -> None:
    first = update_line(recipe(rising), AT, InlineRun("down"), store, "ada")
    assert (first.ending, states(store)) == ("Kept", {"v1": "production", "v2": "candidate"})
    second = update_line(recipe(rising), AT + timedelta(days=7), InlineRun("up"), store, "ada")
    assert (second.ending, states(store)["v3"]) == ("Promoted", "production")
    looks = look_refs(history(store))
    found = findings_until(store, looks[-1])
    assert [own.look for own in found] == [1, 2]
    assert found[1].level < found[0].level
    assert read_look(store, looks[1]).n_new_outcomes < read_look(store, looks[0]).n_new_outcomes


def test_nothing_that_was_trained_on_is_in_the_hold_out_and_labels_do_not_reach_into_it(
    store: Store, rising: Path
) -> None:
    run = InlineRun("up")
    update_line(recipe(rising), AT, run, store, "ada")
    look = read_look(store, look_refs(history(store))[0])
    adapter = store.record(history(store).versions["v2"].evidence.artifacts["adapter"])
    mix = store.record(store.record(adapter.inputs["corpus"]).inputs["mix"])
    assert mix.facts["holdout_from"] == str(look.gate.first_day)
    assert str(mix.facts["train_until"]) < str(look.gate.first_day)
    assert mix.facts["embargo_days"] == 7
    rows = Panel(store.fetch(store.record(look_refs(history(store))[0]).inputs["outcomes"])).rows()
    # Known at six in the morning of the label's last day.
    assert rows["label_until"].max().date() <= AT.date()
    trained = rows[(rows["date"].dt.date.astype(str) <= str(mix.facts["train_until"]))]
    assert trained["date"].min().date() < look.gate.first_day
    assert (look.gate.n_days, look.gate.last_day) == (60, rows["date"].max().date())
    sources = mix.facts["sources"]
    assert (sources["new"]["n_kept"], sources["replay"]["n_kept"]) == (12, 6)
    # A second update begins where the first one's training ended.
    update_line(recipe(rising), AT + timedelta(days=21), InlineRun("up"), store, "ada")
    newer = store.record(history(store).versions["v3"].evidence.artifacts["adapter"])
    assert newer.inputs["start"] == adapter.ref


def test_another_mover_in_between_is_told_and_not_overwritten(store: Store, rising: Path) -> None:
    run = InlineRun("up")

    def with_a_mover(pipeline):
        refs = run(pipeline)
        if "look" in refs:
            other = published(store, "train", 9, {}, {"base": refs["production base"]})
            moves.register(store, LINE, other, why="by hand", by="grace")
            moves.promote(store, LINE, "v2", why="by hand", by="grace")
        return refs

    with pytest.raises(MoveLost, match=r"was to become small v2, and the next version is v3: grace was first"):
        update_line(recipe(rising), AT, with_a_mover, store, "ada")
    assert states(store) == {"v1": "deprecated", "v2": "production"}


def test_a_promotion_between_look_and_move_is_not_undone(store: Store, rising: Path) -> None:
    run = InlineRun("up")
    other = published(store, "train", 9, {}, {"base": history(store).versions["v1"].evidence.artifacts["base"]})
    moves.register(store, LINE, other, **WHY)

    def with_a_mover(pipeline):
        refs = run(pipeline)
        if "look" in refs:
            moves.promote(store, LINE, "v2", why="by hand", by="grace")
        return refs

    with pytest.raises(MoveLost, match=r"small has v2 in production since move 4, promote by grace \(by hand\)"):
        update_line(recipe(rising), AT, with_a_mover, store, "ada")
    assert states(store) == {"v1": "deprecated", "v2": "production", "v3": "candidate"}


def test_an_update_that_ends_after_its_look_leaves_production_and_the_next_one_goes_on(
    store: Store, rising: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        update_line(recipe(rising), AT, InlineRun("up", stop_after="look"), store, "ada")
    assert states(store) == {"v1": "production"}
    again = update_line(recipe(rising), AT + timedelta(hours=4), InlineRun("up"), store, "ada")
    # A look that nobody registered counts, and what passed is promoted: by the same gate, on the same days.
    assert states(store) == {"v1": "deprecated", "v2": "production"}
    assert again.ending == "Promoted"
    # The run is retried after its promotion: it tells it again, and looks no more.
    retried = InlineRun("down")
    assert update_line(recipe(rising), AT, retried, store, "ada").ending == "Promoted"
    assert retried.ran == []


def test_an_update_that_ends_between_its_two_moves_is_finished_unless_somebody_moved(
    store: Store, rising: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "promote", _end)
    with pytest.raises(KeyboardInterrupt):
        update_line(recipe(rising), AT, InlineRun("up"), store, "ada")
    monkeypatch.undo()
    monkeypatch.setenv("HINDSIGHT_STORE", store.url)
    assert states(store) == {"v1": "production", "v2": "candidate"}
    look = look_refs(history(store))[0]
    outcomes = store.record(look).inputs["outcomes"]
    assert finish_earlier(store, LINE, outcomes.model_copy(update={"digest": "0" * 64}), "ada") is None
    done = finish_earlier(store, LINE, outcomes, "ada")
    assert done is not None
    assert (done.ending, states(store)["v2"]) == ("Promoted", "production")
    # The update that had lived on finds its candidate promoted by another one.
    assert decide(store, look, "ada") == done
    moves.roll_back(store, LINE, **WHY)
    assert finish_earlier(store, LINE, outcomes, "ada") is None
    assert decide(store, look, "ada").message.startswith("small: v2 is deprecated.")
    assert states(store)["v1"] == "production"


def _end(*arguments: object, **others: object) -> None:
    raise KeyboardInterrupt


def test_outcomes_that_turn_against_a_swap_undo_it_and_say_when(store: Store, tmp_path: Path, on_the_day: None) -> None:
    outcomes = write_outcomes(tmp_path / "desk", ("2026-05-01", 0.01), ("2026-09-01", -0.01))
    own = recipe(outcomes)
    update_line(own, AT, InlineRun("up"), store, "ada")
    early = watch_line(own, AT + timedelta(days=1), InlineRun("up"), store, "ada")
    assert (early.decision.ending, early.record) == ("Watching", None)
    assert "no outcome since the swap to v2 on 2026-09-01 yet" in early.decision.message
    soon = watch_line(own, AT + timedelta(days=10), InlineRun("up"), store, "ada")
    assert (soon.decision.ending, states(store)["v2"]) == ("Watching", "production")
    late = watch_line(own, datetime(2026, 10, 24, tzinfo=UTC), InlineRun("up"), store, "ada")
    assert (late.decision.ending, states(store)) == ("RolledBack", {"v1": "production", "v2": "deprecated"})
    assert late.record.crossed_on
    low, high = late.record.interval
    assert 0 < low < late.record.difference == 1 <= high
    assert "v1 is in production again, v2 is not. Roll back: accuracy of v1 less v2 +1.000" in late.decision.message
    after = watch_line(own, datetime(2026, 10, 24, 1, tzinfo=UTC), InlineRun("up"), store, "ada")
    assert "no swap to watch" in after.decision.message


def test_without_new_outcomes_nothing_is_forecast_again(store: Store, rising: Path, on_the_day: None) -> None:
    own = recipe(rising)
    update_line(own, AT, InlineRun("up"), store, "ada")
    first, again = InlineRun("up"), InlineRun("up")
    moment = AT + timedelta(days=10)
    assert (
        watch_line(own, moment, first, store, "ada").record
        == watch_line(own, moment + timedelta(minutes=30), again, store, "ada").record
    )
    assert (first.ran[-1], again.ran) == ("swap", ["panel", "outcomes"])
    # Another test of the same outcomes is made.
    stricter, other = recipe(rising, watch={"settle_days": 0, "false_rollback_rate": 0.01}), InlineRun("up")
    record = watch_line(stricter, moment + timedelta(hours=1), other, store, "ada").record
    assert record is not None
    assert (other.ran[-1], record.boundary) == ("swap", pytest.approx(100))


def test_no_second_swap_is_made_until_the_first_has_settled(store: Store, rising: Path, on_the_day: None) -> None:
    own, settling = recipe(rising), recipe(rising, watch={"settle_days": 3})
    update_line(own, AT, InlineRun("up"), store, "ada")
    run = InlineRun("up")
    # By Thursday the 10th the labels of Tuesday the 1st and of the two days after it have ended.
    by_count = settling.model_copy(update={"trigger": UpdateTrigger(n_outcomes=1)})
    assert not watch_line(by_count, AT + timedelta(days=8), InlineRun("up"), store, "ada").is_due
    early = update_line(settling, AT + timedelta(days=8), run, store, "ada")
    assert (early.ending, run.ran) == ("NothingNew", ["panel", "outcomes"])
    assert "v2 came into production on 2026-09-01, and 2 of watch.settle_days=3 live days" in early.message
    assert update_line(settling, AT + timedelta(days=9), run, store, "ada").ending == "Kept"


def test_after_a_rollback_nothing_is_trained_until_a_person_says_why_it_goes_on(store: Store, rising: Path) -> None:
    own = recipe(rising)
    update_line(own, AT, InlineRun("up"), store, "ada")
    moves.roll_back(store, LINE, why="the feed was wrong", by="grace")
    run = InlineRun("up")
    stopped = update_line(own, AT + timedelta(days=7), run, store, "ada")
    assert (stopped.ending, run.ran, states(store)["v1"]) == ("AwaitsReview", [], "production")
    assert "grace rolled small back to v1 on" in stopped.message
    assert "(the feed was wrong), and nobody has looked since. `hindsight versions resume small" in stopped.message
    assert moves.resume(store, LINE, **WHY).name == "v1"
    assert update_line(own, AT + timedelta(days=7), run, store, "ada").ending == "Promoted"
    with pytest.raises(BadMove, match="small has no rollback that awaits a look"):
        moves.resume(store, LINE, **WHY)


def test_what_passed_before_a_rollback_is_promoted_by_a_person_alone(store: Store, rising: Path) -> None:
    run = InlineRun("up")
    other = published(store, "train", 9, {}, {"base": history(store).versions["v1"].evidence.artifacts["base"]})
    moves.register(store, LINE, other, **WHY)

    def with_a_rollback(pipeline):
        refs = run(pipeline)
        if "look" in refs:
            moves.promote(store, LINE, "v2", **WHY)
            moves.roll_back(store, LINE, **WHY)
        return refs

    with pytest.raises(AwaitsReview, match="v3 is not promoted: ada rolled small back to v1"):
        update_line(recipe(rising), AT, with_a_rollback, store, "ada")
    outcomes = store.record(look_refs(history(store))[0]).inputs["outcomes"]
    assert finish_earlier(store, LINE, outcomes, "ada") is None
    assert states(store) == {"v1": "production", "v2": "deprecated", "v3": "candidate"}
    moves.promote(store, LINE, "v3", **WHY)
    assert history(store).awaits_review is None


def test_the_watch_of_a_version_that_comes_back_goes_on(store: Store, rising: Path, on_the_day: None) -> None:
    own = recipe(rising)
    update_line(own, AT, InlineRun("up"), store, "ada")
    base = history(store).versions["v1"].evidence.artifacts["base"]
    moves.register(store, LINE, published(store, "train", 9, {}, {"base": base}), **WHY)
    moves.promote(store, LINE, "v3", **WHY)
    moves.roll_back(store, LINE, **WHY)
    watched = watch_line(own, AT + timedelta(days=10), InlineRun("up"), store, "ada")
    found = watched.record
    assert found is not None
    assert (found.current, found.previous, found.since) == ("v2", "v1", AT.date())
    assert (found.n_days > 0, watched.decision.ending, watched.is_due) == (True, "Watching", False)
    # Going back to v1 as well would leave no swap; promoting it again is one, and undoing that one ends the watch.
    moves.promote(store, LINE, "v1", **WHY)
    assert last_swap(history(store)) is not None
    moves.roll_back(store, LINE, **WHY)
    assert (history(store).production.name, last_swap(history(store))) == ("v2", None)


def test_no_candidate_ends_the_watch_of_a_swap_that_is_to_be_undone(
    store: Store, tmp_path: Path, on_the_day: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = recipe(write_outcomes(tmp_path / "desk", ("2026-05-01", 0.01), ("2026-09-01", -0.01)))
    update_line(own, AT, InlineRun("up"), store, "ada")
    late, run = datetime(2026, 10, 24, tzinfo=UTC), InlineRun("down")
    with monkeypatch.context() as patched:
        patched.setattr(moves, "roll_back", _end)
        with pytest.raises(KeyboardInterrupt):
            watch_line(own, late, InlineRun("up"), store, "ada")
    done = update_line(own, late, run, store, "ada")
    assert (done.ending, run.ran) == ("NothingNew", ["panel", "outcomes"])
    assert "that v2 is to be undone, and has not rolled back yet" in done.message
    assert watch_line(own, late, InlineRun("up"), store, "ada").decision.ending == "RolledBack"


@pytest.mark.parametrize("horizon", [3, 5])
def test_the_watch_makes_as_many_series_of_bets_as_an_outcome_takes_days(
    horizon: int, store: Store, tmp_path: Path
) -> None:
    small = recipe(tmp_path)
    own = small.model_copy(update={"panel": small.panel.model_copy(update={"horizon": horizon})})
    adapter = history(store).versions["v1"].evidence.artifacts["adapter"]
    (step,) = (step for step in live_swap_pipeline(own, Swap(Update(), "v1", adapter)).steps if step.name == "swap")
    assert step.config.watch.horizon_days == horizon


def test_an_update_is_due_by_the_number_of_outcomes_since_the_last_one(store: Store, rising: Path) -> None:
    # 88 days have outcomes by then, of three pairs each.
    n_outcomes = watch_line(recipe(rising), AT, InlineRun("up"), store, "ada").n_new
    due = [recipe(rising, trigger={"n_outcomes": n_outcomes + more}) for more in (0, 1)]
    assert [watch_line(own, AT, InlineRun("up"), store, "ada").is_due for own in due] == [True, False]
    update_line(recipe(rising), AT, InlineRun("down"), store, "ada")
    watched = watch_line(due[0], AT + timedelta(days=7), InlineRun("up"), store, "ada")
    assert (watched.n_new, watched.is_due) == (15, False)


def test_what_cannot_be_updated_is_refused_by_name_and_production_stays(store: Store, rising: Path) -> None:
    with pytest.raises(UnknownVersion, match="no versions of 'absent'"):
        update_line(recipe(rising, line="absent"), AT, InlineRun("up"), store, "ada")
    gate = {"holdout_days": 400}
    with pytest.raises(TooFewDays, match=r"days have outcomes, and gate\.holdout_days=400 are held out"):
        update_line(recipe(rising, gate=gate), AT, InlineRun("up"), store, "ada")
    early = update_line(recipe(rising), datetime(2026, 5, 4, tzinfo=UTC), InlineRun("up"), store, "ada")
    assert (early.ending, states(store)) == ("NothingNew", {"v1": "production"})
    assert "no new outcome from 2026-05-01 on; v1 stays in production" in early.message
    base = history(store).versions["v1"].evidence.artifacts["base"]
    moves.register(store, "text", published(store, "train", 5, {}, {"base": base}), **WHY)
    with pytest.raises(NotUpdatable, match="text has no version in production to go on from"):
        update_line(recipe(rising, line="text"), AT, InlineRun("up"), store, "ada")
    moves.promote(store, "text", "v1", **WHY)
    with pytest.raises(NotUpdatable, match="text v1 was not trained on a mix"):
        update_line(recipe(rising, line="text"), AT, InlineRun("up"), store, "ada")


def test_outcomes_that_end_before_the_hold_out_of_productions_training_are_refused_and_nothing_is_trained(
    store: Store, tmp_path: Path
) -> None:
    desk = write_outcomes(tmp_path / "desk", ("2026-04-01", 0.01))
    table = pd.read_parquet(desk / "outcomes.parquet")
    table[table["date"] < UNTRAINED_FROM].to_parquet(desk / "outcomes.parquet")
    run, message = InlineRun("up"), r"end before small v1 could be judged by them: .* training begins on 2026-05-01"
    for step in (update_line, watch_line):
        with pytest.raises(BadOutcomes, match=message):
            step(recipe(desk), AT, run, store, "ada")
    assert (run.ran, states(store)) == (["panel", "panel"], {"v1": "production"})


def test_an_adapter_of_another_rank_is_refused_before_anything_runs(store: Store, rising: Path) -> None:
    own, run = recipe(rising), InlineRun("up")
    wrong = own.train.model_copy(update={"arm": own.train.arm.model_copy(update={"rank": 8})})
    with pytest.raises(WrongStart, match=r"the adapter to go on from has rank 4, and train\.arm\.rank is 8"):
        update_line(own.model_copy(update={"train": wrong}), AT, run, store, "ada")
    assert (run.ran, states(store)) == ([], {"v1": "production"})


def test_new_outcomes_that_all_lie_in_the_hold_out_train_nothing(store: Store, rising: Path) -> None:
    run = InlineRun("up")
    done = update_line(recipe(rising, gate={"holdout_days": 90}), AT, run, store, "ada")
    assert (done.ending, run.ran) == ("NothingNew", ["panel", "outcomes"])
    assert "nothing is left to train on" in done.message


def test_a_slot_that_was_missed_is_skipped_and_one_shorter_than_an_update_is_refused(
    store: Store, rising: Path
) -> None:
    own = recipe(rising)
    assert missed(AT, AT + timedelta(hours=4), own) is None
    assert "the slot of 2026-09-01 12:00 UTC is skipped: it is 5.0 h late" in str(
        missed(AT, AT + timedelta(hours=5), own)
    )
    check_slot(own, None, store)
    update_line(own, AT, InlineRun("down"), store, "ada")
    look = look_refs(history(store))[-1]
    # Its record was finished months after its moment, as after an outage: its steps took seconds.
    check_slot(own, look, store)
    short = recipe(rising, trigger={"every_hours": 1e-6})
    with pytest.raises(SlotTooShort, match=r"the last update of small had taken .*every_hours=1e-06 apart"):
        check_slot(short, look, store)
    with pytest.raises(SlotTooShort):
        update_line(short, AT + timedelta(days=7), InlineRun("up"), store, "ada", may_be_long=False)


def test_a_plan_says_what_follows_only_from_the_run(store: Store, rising: Path) -> None:
    rows = plan_steps(live_update_pipeline(recipe(rising)), store)
    assert {row.name: row.status for row in rows} == {
        "panel": "exists", "outcomes": "runs", "mix": "runs", "rows": "runs", "forecast production": "runs",
        "train": "runs", "forecast candidate": "runs", "look": "runs",
    }  # fmt: skip


def test_an_update_counts_the_looks_that_were_made_beside_the_last_one(store: Store, rising: Path) -> None:
    update_line(recipe(rising), AT, InlineRun("down"), store, "ada")
    (first,) = look_refs(history(store))
    record = store.record(first)
    kind = ArtifactType[SmallConfig](LOOK_KIND, 1, lambda config, inputs: LINE)
    other = store.publish(kind.spec(SmallConfig(size=1), record.inputs), store.fetch(first), record.facts, 1.0)
    with pytest.raises(NotReleasable, match=f"is a look at a candidate of {LINE}, and cannot be a version of another:"):
        moves.register(store, "another", other, **WHY)
    moves.register(store, LINE, other, **WHY)
    run, beside = InlineRun("down"), list[tuple[ArtifactRef, ...]]()

    def until_the_look(pipeline):
        beside.extend(step.config.beside for step in pipeline.steps if step.name == "look")
        return _end() if beside else run(pipeline)

    with pytest.raises(KeyboardInterrupt):
        update_line(recipe(rising), AT + timedelta(days=7), until_the_look, store, "ada")
    assert beside == [(first,)]


def test_a_look_is_decided_once(store: Store, rising: Path) -> None:
    first = update_line(recipe(rising), AT, InlineRun("down"), store, "ada")
    n_moves = len(history(store).moves)
    assert decide(store, look_refs(history(store))[0], "ada") == first
    assert len(history(store).moves) == n_moves
