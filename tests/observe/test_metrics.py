"""The metrics of a known server, read back by Prometheus' own parser."""

import re

import httpx
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from flows.observe import app as app_module
from flows.observe.app import make_app
from flows.observe.metrics import FAMILIES
from flows.observe.snapshot import Observer
from tests.observe.snapshots import MERGE, TRAIN, snapshot

Labels = tuple[tuple[str, str], ...]


def values(text: str) -> dict[str, dict[Labels, float]]:
    """Samples by name and sorted labels."""
    return {
        family.name: {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(Observer, "snapshot", lambda self: snapshot())
    return TestClient(make_app())


def run(run_id: object, stage: str, pool: str, **more: str) -> Labels:
    return tuple(sorted({"run": str(run_id), "stage": stage, "pool": pool, **more}.items()))


def test_a_training_has_its_rate_loss_mfu_memory_and_time_left(client: TestClient) -> None:
    found = values(client.get("/metrics").text)
    training = run(TRAIN, "train", "h100")
    assert {name: found[f"hindsight_train_{name}"] for name in ("tokens_per_second", "loss", "mfu_ratio")} == {
        "tokens_per_second": {training: 2_950.0},
        "loss": {training: 2.25},
        "mfu_ratio": {training: 0.031},
    }
    assert found["hindsight_train_peak_memory_bytes"] == {training: 61.25e9}
    assert found["hindsight_stage_left_seconds"][training] == 3_600.0


def test_bytes_queue_pools_and_dollars_are_there(client: TestClient) -> None:
    found = values(client.get("/metrics").text)
    merge = run(MERGE, "merge", "cpu")
    assert found["hindsight_server_up"] == {(): 1.0}
    assert found["hindsight_stage_bytes_per_second"] == {merge: 45e6}
    assert found["hindsight_stage_done"] == {run(MERGE, "merge", "cpu", unit="bytes"): 3e9}
    assert found["hindsight_runs"][("pool", "h100"), ("stage", "embed"), ("state", "pending")] == 1
    assert found["hindsight_queue_oldest_seconds"] == {(("pool", "h100"),): 300.0}
    assert found["hindsight_pool_ready"] == {(("pool", "cpu"),): 1.0, (("pool", "h100"),): 0.0}
    assert found["hindsight_pool_limit_runs"] == {(("pool", "h100"),): 1.0}
    assert found["hindsight_spend_today_dollars"] == {(("pool", "h100"),): 1.25}
    assert found["hindsight_month_ended_runs"][("stage", "merge"), ("state", "failed")] == 1


def test_time_without_a_price_is_no_dollar_and_is_counted(client: TestClient) -> None:
    found = values(client.get("/metrics").text)
    assert found["hindsight_spend_month_dollars"] == {(("pool", "h100"),): 25.0}
    assert found["hindsight_month_unpriced_seconds"] == {(("pool", "cpu"),): 7_200.0}


def test_what_a_person_named_is_in_no_label(client: TestClient) -> None:
    assert "mine" not in client.get("/metrics").text


def test_names_say_their_unit_as_prometheus_has_them() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names) > 20
    assert [name for name in names if not re.fullmatch(r"hindsight_[a-z]+(_[a-z]+)*", name)] == []
    assert [name for name in names if re.search(r"(milli|minutes|hours|megabytes|_gb|percent)", name)] == []


@pytest.fixture
def without_server(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    def away(self: Observer) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(Observer, "snapshot", away)
    return TestClient(make_app())


def test_without_the_server_there_is_no_figure_but_that(without_server: TestClient) -> None:
    assert values(without_server.get("/metrics").text) == {"hindsight_server_up": {(): 0.0}}
    page = without_server.get("/")
    assert page.status_code == 503
    assert app_module.AWAY.replace("'", "&#39;") in page.text


def test_with_a_password_nothing_is_shown_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Observer, "snapshot", lambda self: snapshot())
    guarded = TestClient(make_app("Basic cXVhbnQ6YS1sb25nLXBhc3N3b3Jk"))
    for path in ("/", "/metrics", "/none"):
        refused = guarded.get(path, headers={"Authorization": "Basic cXVhbnQ6YW5vdGhlcg=="})
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Basic")
        assert "hindsight_" not in refused.text
    assert guarded.get("/metrics", auth=("quant", "a-long-password")).status_code == 200
