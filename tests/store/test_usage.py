"""Usage in records, and older records without usage keep their seals."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.costs.prices import load_prices
from tasks.costs.usage import FailedAttempts, MachineStay, Meter, Outcome, failed_since_success, metered, sum_failed
from tasks.store.build import build
from tasks.store.records import FileEntry, Record
from tasks.store.store import Store, open_store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def stay(hour: float, minutes: float, outcome: Outcome = "failed", pool: str | None = "h100") -> MachineStay:
    """A stay that began at an hour after noon."""
    began = NOON + timedelta(hours=hour)
    ended = None if outcome == "live" else began + timedelta(minutes=minutes)
    return MachineStay(pool, 20.0, began, ended, outcome)


def built(meter: Meter | None = None) -> Record:
    store = open_store()

    def make(inputs: object, folder: Path) -> dict[str, object]:
        (folder / "a.txt").write_text("alpha")
        return {"n": 1}

    if meter is None:
        return store.record(build(store, ARTIFACT_TYPE.spec(SmallConfig()), make))
    with metered(meter):
        return store.record(build(store, ARTIFACT_TYPE.spec(SmallConfig()), make))


def test_an_attempt_costs_its_time_on_the_machine_and_the_failed_ones_before_it(monkeypatch) -> None:
    monkeypatch.setenv("HINDSIGHT_POOL", "h100x8")
    an_hour_ago = time.monotonic() - 3_600
    failed = [stay(0, 30, pool="h100x8"), stay(1, 15, pool="h100x8"), stay(2, 60, pool="h100")]
    spent = built(Meter(an_hour_ago, queued_seconds=90.0, waited_seconds=600.0, failed=failed)).spent
    assert (spent.pool, spent.provider, spent.dollars_per_hour) == ("h100x8", "vessl", pytest.approx(19.12))
    assert spent.as_of == date(2026, 5, 1)
    assert spent.seconds >= 3_600
    assert (spent.queued_seconds, spent.waited_seconds, spent.unknown) == (90.0, 600.0, "")
    # 45 minutes of the node at $19.12 an hour and an hour of one H100 at $2.39; queues cost nothing.
    assert spent.failed == FailedAttempts(n=3, seconds=6_300.0, queued_seconds=60.0, dollars=16.73)
    assert spent.dollars == pytest.approx(19.12 * spent.seconds / 3_600 + 16.73)


def test_a_run_outside_of_a_pool_has_seconds_and_a_reason_for_unknown_dollars() -> None:
    spent = built().spent
    assert spent.seconds > 0
    assert (spent.pool, spent.dollars, spent.failed) == (None, None, None)
    assert spent.unknown == "HINDSIGHT_POOL is not set: this machine's price is unknown."


def test_a_pool_without_a_price_and_an_attempt_on_one_leave_dollars_unknown(monkeypatch) -> None:
    monkeypatch.setenv("HINDSIGHT_POOL", "h100")
    spent = Meter(failed=[stay(0, 30, pool="b200")]).read()
    assert (spent.failed.n, spent.failed.seconds, spent.failed.dollars, spent.dollars) == (1, 1_800, None, None)
    assert spent.unknown == "an earlier attempt ran on a pool without a price."
    monkeypatch.setenv("HINDSIGHT_PROVIDER", "another")
    assert Meter().read().unknown == "pool h100 has no price at another."


def test_an_unreadable_price_list_does_not_end_the_work(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HINDSIGHT_ROOT", str(tmp_path))
    monkeypatch.setenv("HINDSIGHT_POOL", "h100")
    spent = built(Meter(failed=[stay(0, 30)])).spent
    assert (spent.dollars, spent.failed.seconds, spent.failed.dollars) == (None, 1_800, None)
    assert "prices.yaml cannot be read" in spent.unknown


def test_failures_before_a_success_are_in_that_ones_record() -> None:
    attempts = [stay(3, 5), stay(0, 9), stay(1, 9, "completed"), stay(2, 5), stay(4, 0, "live")]
    assert [attempt.began.hour for attempt in failed_since_success(attempts)] == [14, 15]
    assert sum_failed(failed_since_success(attempts), load_prices()).n == 2
    assert sum_failed([], None) == FailedAttempts()


def test_an_artifact_without_an_attempt_of_its_own_has_no_usage(store: Store, folder: Path) -> None:
    assert store.record(published(store, folder)).spent is None


def test_usage_is_sealed_and_not_in_the_digest(monkeypatch) -> None:
    first = built()
    monkeypatch.setenv("HINDSIGHT_POOL", "h100")
    monkeypatch.setenv("HINDSIGHT_STORE", str(Path(open_store().url).parent / "another"))
    second = built(Meter(time.monotonic() - 3_600))
    assert second.spent.dollars > 2.3
    assert first.ref == second.ref
    cheaper = second.model_dump(mode="json")
    cheaper["spent"]["dollars"] = 0.5
    with pytest.raises(ValidationError, match="changed after it was sealed"):
        Record.model_validate(cheaper)


OLD = {
    "kind": "corpus",
    "label": "letters",
    "key": "0123456789abcdef",
    "identity": {"kind": "corpus"},
    "config": {},
    "inputs": {},
    "facts": {"n": 2},
    "seconds": 1.5,
    "finished_at": "2026-05-01T00:00:00Z",
    "versions": {"python": "3.11.7"},
    "git_commit": None,
}
ALPHA = {"path": "a.txt", "size": 5, "sha256": "8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8"}
SEALED = {
    # As written by earlier versions: 1 had no blobs, 2 no `spent`.
    1: {**OLD, "files": [ALPHA], "seal": "af7768fba6d3a19a90d2a6d557b4db9650598ef96452128809fe678d2365d968"},
    2: {
        **OLD,
        "files": [{**ALPHA, "blobs": [{"sha256": ALPHA["sha256"], "size": 5}]}],
        "seal": "db39792c4ab0ecf07ce15e7f4dc7b3c882d4ebe18db9ed41f095ec561d3df92c",
    },
}

REBUILT = {
    # As written by the version in which the requester of a rebuild was named `rebuilt_for`.
    **OLD,
    "schema_version": 3,
    "files": SEALED[2]["files"],
    "spent": {
        **dict.fromkeys(("pool", "provider", "dollars_per_hour", "as_of", "failed", "dollars")),
        **{"seconds": 60.0, "waited_seconds": 0.0, "queued_seconds": 0.0, "unknown": "no pool"},
    },
    "rebuilt_for": "run a",
    "seal": "1bf5a3056c581e9f0dd11fe0c9273e94b066011dd8e1ec767ef03725908d00d1",
}


def test_a_stored_record_of_a_rebuild_keeps_its_seal_and_its_bytes() -> None:
    record = Record.model_validate_json(json.dumps(REBUILT))
    assert (record.requested_by, record.is_sealed) == ("run a", True)
    assert json.loads(record.to_bytes()) == REBUILT
    with pytest.raises(ValidationError, match="changed after it was sealed"):
        Record.model_validate({**REBUILT, "rebuilt_for": "run b"})


@pytest.mark.parametrize("schema", [1, 2])
def test_a_record_of_an_older_schema_keeps_its_seal(schema: int) -> None:
    record = Record.model_validate_json(json.dumps({**SEALED[schema], "schema_version": schema}))
    assert (record.seal, record.spent) == (SEALED[schema]["seal"], None)
    with pytest.raises(ValidationError, match="changed after it was sealed"):
        Record.model_validate({**SEALED[schema], "schema_version": schema, "seconds": 2.5})


@pytest.mark.parametrize("schema", [1, 2])
def test_an_older_record_cannot_have_unsealed_usage(schema: int) -> None:
    spent = Meter().read().model_dump(mode="json")
    with pytest.raises(ValidationError, match=f"schema {schema} has no `spent`"):
        Record.model_validate({**SEALED[schema], "schema_version": schema, "spent": spent})


def test_a_new_record_has_schema_3() -> None:
    assert Record.model_validate({**OLD, "files": [FileEntry.model_validate(ALPHA)]}).schema_version == 3
