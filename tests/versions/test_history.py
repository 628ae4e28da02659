"""States follow from a history that nobody can change unseen, and of two movers exactly one wins."""

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hindsight.cli.main import main
from tasks.common.settings import project_root
from tasks.schemas.live import LOOK_KIND
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import Store, open_store
from tasks.versions import moves
from tasks.versions.errors import (
    BadMove,
    DamagedHistory,
    MoveLost,
    NoConditionalWrites,
    NotReleasable,
    StillAVersion,
    UnknownVersion,
    VersionError,
)
from tasks.versions.history import Version, read_history
from tasks.versions.table import differences, move_rows, version_rows
from tests.store.small_artifact import SmallConfig
from tests.versions.adapters import LINE, adapter

BY = {"why": "for the test", "by": "someone"}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "state"))
    return open_store()


def in_line(store: Store, tmp_path: Path, n_versions: int) -> list[ArtifactRef]:
    """A line with as many candidates."""
    refs = [adapter(store, tmp_path, number) for number in range(n_versions)]
    for ref in refs:
        moves.register(store, LINE, ref, **BY)
    return refs


def states(store: Store) -> dict[str, str]:
    return {own.name: own.state for own in read_history(store.objects, LINE).versions.values()}


def test_a_version_passes_from_candidate_to_production_and_comes_back(store: Store, tmp_path: Path) -> None:
    in_line(store, tmp_path, 3)
    assert states(store) == {"v1": "candidate", "v2": "candidate", "v3": "candidate"}
    moves.stage(store, LINE, "v1", **BY)
    moves.promote(store, LINE, "v1", **BY)
    moves.promote(store, LINE, "v2", **BY)
    assert states(store) == {"v1": "deprecated", "v2": "production", "v3": "candidate"}
    moves.promote(store, LINE, "v3", **BY)
    assert moves.roll_back(store, LINE, **BY).name == "v2"
    assert states(store) == {"v1": "deprecated", "v2": "production", "v3": "deprecated"}
    assert moves.roll_back(store, LINE, **BY).name == "v1"
    with pytest.raises(BadMove, match="v1 is its first version in production"):
        moves.roll_back(store, LINE, **BY)
    assert [row["action"] for row in move_rows(read_history(store.objects, LINE))] == [
        *["register"] * 3, "stage", "promote", "promote", "promote", "roll back", "roll back",
    ]  # fmt: skip


def test_a_version_that_was_in_production_can_be_promoted_again(store: Store, tmp_path: Path) -> None:
    in_line(store, tmp_path, 2)
    moves.promote(store, LINE, "v1", **BY)
    moves.promote(store, LINE, "v2", **BY)
    moves.roll_back(store, LINE, why="by mistake", by="someone")
    moves.promote(store, LINE, "v2", **BY)
    assert states(store) == {"v1": "deprecated", "v2": "production"}
    assert moves.roll_back(store, LINE, **BY).name == "v1"


def test_rollbacks_go_back_along_the_promotions_to_the_first_one(store: Store, tmp_path: Path) -> None:
    in_line(store, tmp_path, 4)
    for name in ("v1", "v2", "v3", "v2"):
        moves.promote(store, LINE, name, **BY)
    assert [moves.roll_back(store, LINE, **BY).name for _ in range(3)] == ["v3", "v2", "v1"]
    with pytest.raises(BadMove, match="v1 is its first version in production"):
        moves.roll_back(store, LINE, **BY)
    moves.promote(store, LINE, "v4", **BY)
    assert moves.roll_back(store, LINE, **BY).name == "v1"


@pytest.mark.parametrize("action", [moves.stage, moves.promote, moves.deprecate])
def test_a_deprecated_version_is_not_moved_forward(store: Store, tmp_path: Path, action: object) -> None:
    in_line(store, tmp_path, 1)
    moves.deprecate(store, LINE, "v1", **BY)
    with pytest.raises(BadMove, match=r"v1 is deprecated, and `.*` moves a version that is candidate"):
        action(store, LINE, "v1", **BY)  # type: ignore[operator]
    assert len(read_history(store.objects, LINE).moves) == 2


def test_a_promotion_that_expects_another_version_changes_nothing(store: Store, tmp_path: Path) -> None:
    in_line(store, tmp_path, 2)
    moves.promote(store, LINE, "v1", expected="none", **BY)
    with pytest.raises(MoveLost, match=r"has v1 in production since .*, and none was expected; nothing was changed"):
        moves.promote(store, LINE, "v2", expected="none", **BY)
    assert states(store) == {"v1": "production", "v2": "candidate"}


def test_two_people_who_roll_back_for_one_reason_go_back_one_version(store: Store, tmp_path: Path) -> None:
    in_line(store, tmp_path, 3)
    for name in ("v1", "v2", "v3"):
        moves.promote(store, LINE, name, **BY)
    assert moves.roll_back(store, LINE, why="it lies", by="ada", expected="v3").name == "v2"
    with pytest.raises(
        MoveLost, match=r"v2 in production since move 7, roll back by ada \(it lies\), and v3 was expected"
    ):
        moves.roll_back(store, LINE, why="it lies", by="grace", expected="v3")
    assert states(store) == {"v1": "deprecated", "v2": "production", "v3": "deprecated"}


def test_no_artifact_of_a_version_is_removed(store: Store, tmp_path: Path) -> None:
    (ref,) = in_line(store, tmp_path, 1)
    moves.deprecate(store, LINE, "v1", **BY)
    with pytest.raises(StillAVersion, match=r"because adapters v1 \(deprecated\) needs it for a rollback"):
        moves.check_no_version(store, ref)
    assert main(["store", "forget", ref.path]) == 1
    assert store.record(ref).digest == ref.digest


def test_a_reason_is_more_than_spaces(store: Store, tmp_path: Path) -> None:
    in_line(store, tmp_path, 1)
    with pytest.raises(BadMove, match=r"why = ' ': .* Nothing was moved"):
        moves.promote(store, LINE, "v1", why=" ", by="someone")
    assert moves.existing_history(store, LINE).production is None


def test_no_look_is_removed_registered_or_not(store: Store, tmp_path: Path) -> None:
    spec = ArtifactType[SmallConfig](LOOK_KIND, 1, lambda config, inputs: LINE).spec(SmallConfig())
    (tmp_path / "look").mkdir()
    look = store.publish(spec, tmp_path / "look", {}, 1.0)
    with pytest.raises(StillAVersion, match=r"a look at a candidate of adapters, and the chance of a false promotion"):
        moves.check_no_version(store, look)
    assert main(["store", "forget", look.path]) == 1
    assert store.record(look).digest == look.digest


def test_the_slower_of_two_movers_is_told_who_was_first(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_line(store, tmp_path, 2)
    checked = moves.check_artifacts

    def and_be_overtaken(store: Store, line: str, version: Version) -> None:
        checked(store, line, version)
        monkeypatch.setattr(moves, "check_artifacts", checked)
        moves.promote(store, LINE, "v2", why="faster", by="the other")

    monkeypatch.setattr(moves, "check_artifacts", and_be_overtaken)
    with pytest.raises(MoveLost, match=r"the other was first: promote adapters v2 \(faster\)"):
        moves.promote(store, LINE, "v1", **BY)
    assert states(store) == {"v1": "candidate", "v2": "production"}


MOVER = """
import sys
from tasks.store.store import open_store
from tasks.versions import moves
from tasks.versions.errors import VersionError

store, me = open_store(), sys.argv[1]
for _ in range(int(sys.argv[2])):
    try:
        print(moves.stage(store, "adapters", f"v{len(moves.existing_history(store, 'adapters').moves) - 24 + 1}",
                          why="race", by=me).moves[-1].number, flush=True)
    except VersionError as error:
        print("lost", type(error).__name__, flush=True)
"""
"""A process that stages versions as fast as it can, each once."""


def test_of_four_processes_that_move_at_once_each_move_has_one_winner(store: Store, tmp_path: Path) -> None:
    in_line(store, tmp_path, 24)
    command = [sys.executable, "-c", MOVER]
    racers = [
        subprocess.Popen([*command, f"racer-{n}", "12"], stdout=subprocess.PIPE, text=True, cwd=project_root())
        for n in range(4)
    ]
    told = [line for racer in racers for line in racer.communicate(timeout=120)[0].splitlines()]
    won = [int(line) for line in told if not line.startswith("lost")]
    history = read_history(store.objects, LINE)
    assert sorted(won) == [move.number for move in history.moves[24:]]
    assert len(told) == 4 * 12
    assert set(Counter(won).values()) == {1}


@pytest.mark.parametrize("harm", ["change", "remove", "exchange", "cut"])
def test_a_history_that_was_tampered_with_is_refused(store: Store, tmp_path: Path, harm: str) -> None:
    in_line(store, tmp_path, 3)
    names = [move.object_name for move in read_history(store.objects, LINE).moves]
    content = store.objects.read(names[1])
    if harm == "remove":
        store.objects.delete(names[1])
    elif harm == "exchange":
        store.objects.write(names[1], store.objects.read(names[2]))
    else:
        store.objects.write(names[1], content.replace(b"someone", b"anybody") if harm == "change" else content[:-30])
    with pytest.raises(DamagedHistory, match=r"versions/adapters/00000[23].json in .* (is not move 2|cannot be read)"):
        moves.promote(store, LINE, "v1", **BY)


def test_a_version_that_is_not_whole_is_not_promoted(store: Store, tmp_path: Path) -> None:
    (ref,) = in_line(store, tmp_path, 1)
    store.objects.delete(store.blobs.names_of(store.record(ref))[0])
    with pytest.raises(NotReleasable, match="v1 is not moved: its adapter is not whole"):
        moves.promote(store, LINE, "v1", **BY)
    assert states(store) == {"v1": "candidate"}


def test_an_artifact_is_registered_once_and_only_if_it_can_be_served(store: Store, tmp_path: Path) -> None:
    (ref,) = in_line(store, tmp_path, 1)
    with pytest.raises(NotReleasable, match="is adapters v1 already"):
        moves.register(store, LINE, ref, **BY)
    base = store.record(ref).inputs["base"]
    with pytest.raises(NotReleasable, match="is of kind base; a version is a release, the training of an adapter"):
        moves.register(store, LINE, base, **BY)


def test_an_unknown_line_and_an_unknown_version_are_named_with_those_that_exist(store: Store, tmp_path: Path) -> None:
    in_line(store, tmp_path, 2)
    with pytest.raises(UnknownVersion, match=r"no versions of 'forex'.*lines: adapters"):
        moves.promote(store, "forex", "v1", **BY)
    with pytest.raises(UnknownVersion, match="adapters has no version 'v9'; its versions: v1, v2"):
        moves.promote(store, LINE, "v9", **BY)


def test_a_clock_that_is_behind_is_refused_and_a_small_skew_keeps_the_order(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_line(store, tmp_path, 2)

    class Clock(datetime):
        behind = timedelta(hours=1)

        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(UTC) - cls.behind

    monkeypatch.setattr(moves, "datetime", Clock)
    for off in (timedelta(hours=1), timedelta(hours=-8)):
        Clock.behind = off
        with pytest.raises(BadMove, match=r"stamps objects with .*; set the clock that is off. Nothing was moved"):
            moves.stage(store, LINE, "v1", **BY)
    Clock.behind = timedelta(seconds=30)
    moves.stage(store, LINE, "v1", **BY)
    times = [move.at for move in read_history(store.objects, LINE).moves]
    assert times == sorted(times)


def test_a_move_of_the_future_stops_moves_forward_and_no_rollback(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_line(store, tmp_path, 3)
    moves.promote(store, LINE, "v1", **BY)
    ahead = datetime.now(UTC) + timedelta(hours=8)
    with monkeypatch.context() as fast:
        fast.setattr(moves, "_moment", lambda *_: ahead)
        moves.promote(store, LINE, "v2", **BY)
    with pytest.raises(BadMove, match=r"by someone, whose clock was ahead; move from then on. A rollback is made at"):
        moves.promote(store, LINE, "v3", **BY)
    back = moves.roll_back(store, LINE, **BY)
    assert (back.name, back.moves[-1].at) == ("v1", ahead)


def test_a_version_says_which_data_and_which_base_it_came_from(store: Store, tmp_path: Path) -> None:
    one, other = in_line(store, tmp_path, 2)
    history = read_history(store.objects, LINE)
    assert history.version("v1").evidence.artifacts == {"adapter": one, "base": store.record(one).inputs["base"]}
    rows = {row["what"]: row for row in differences(history.version("v1"), history.version("v2"))}
    assert rows.keys() == {"adapter", "corpus"}
    assert other.digest[:12] in rows["adapter"]["v2"]
    assert json.loads(json.dumps(version_rows(history)))[0]["version"] == "v2"


def test_a_store_that_does_not_enforce_conditional_writes_is_refused(s3_store: str, tmp_path: Path) -> None:
    store = open_store()
    ref = adapter(store, tmp_path, 0)
    with pytest.raises(NoConditionalWrites, match=r"lets a second writer overwrite .* nothing was moved"):
        moves.register(store, LINE, ref, **BY)
    assert not list(store.objects.list("versions/"))


def test_every_error_of_versions_is_one_kind() -> None:
    assert issubclass(MoveLost, VersionError)
