"""The store, the server and the clocks, through real servers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings

from flows.doctor import named_server
from tasks.doctor import reach
from tasks.doctor.reach import ServerAccess, clock_check, server_checks, store_checks
from tasks.schemas.artifacts import Check
from tasks.store.connect import open_objects
from tests.s3_server import SECRET_KEY, free_port

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "ada:correct-horse"


@contextmanager
def http_server(seconds_fast: float = 0, auth: str = "") -> Iterator[str]:
    """What the doctor asks of a Prefect server: its version, for its password, with its time."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            expected = "Basic YWRhOmNvcnJlY3QtaG9yc2U="
            self.send_response(401 if auth and self.headers["Authorization"] != expected else 200)
            self.end_headers()
            self.wfile.write(b'"3.8.8"')

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(datetime.now(UTC).timestamp() + seconds_fast)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        server.server_close()


def by_name(checks: Iterator[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_a_server_with_this_machines_time_and_password_passes() -> None:
    with http_server(auth=PASSWORD) as api:
        found = by_name(server_checks(ServerAccess(api, PASSWORD)))
    assert {name: check.passed for name, check in found.items()} == {"server": True, "clock of the server": True}
    assert found["server"].value == f"{api}: Prefect 3.8.8"


def test_the_password_may_be_in_prefects_settings_instead_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(reach.AUTH, raising=False)
    with http_server(auth=PASSWORD) as api, temporary_settings(updates={PREFECT_API_AUTH_STRING: PASSWORD}):
        monkeypatch.setenv(reach.API, f"{api}/")
        assert named_server() == ServerAccess(api, PASSWORD)
        assert by_name(server_checks(named_server()))["server"].passed


@pytest.mark.parametrize(
    ("auth", "sentence"),
    [
        (None, "requires a password, and PREFECT_API_AUTH_STRING is not set"),
        ("ada:wrong-horse", "refuses the password"),
    ],
)
def test_a_wrong_password_is_a_sentence_that_does_not_show_it(auth: str | None, sentence: str) -> None:
    with http_server(auth=PASSWORD) as api:
        check = by_name(server_checks(ServerAccess(api, auth)))["server"]
    assert not check.passed
    assert sentence in check.value
    assert "horse" not in check.model_dump_json()


def test_a_server_that_is_away_is_named_without_the_secret_in_its_address() -> None:
    (check,) = server_checks(ServerAccess(f"http://ada:horse@127.0.0.1:{free_port()}/api"))
    assert (check.passed, "horse" in check.model_dump_json()) == (False, False)
    assert check.value.endswith("no answer (ConnectError)")
    assert next(server_checks(ServerAccess(""))).passed


@pytest.mark.parametrize(("seconds_fast", "value"), [(600, "s slow"), (-600, "s fast")])
def test_a_clock_that_is_off_is_named_with_its_direction(seconds_fast: float, value: str) -> None:
    with http_server(seconds_fast) as api:
        check = by_name(server_checks(ServerAccess(api)))["clock of the server"]
    assert not check.passed
    assert value in check.value
    assert "NTP" in check.way_out


def test_a_clock_is_judged_beyond_the_requests_time_and_a_stamps_second() -> None:
    def judged(stamped: float, after: float) -> tuple[bool, str]:
        check = clock_check("store", NOON + timedelta(seconds=stamped), NOON, NOON + timedelta(seconds=after))
        return check.passed, check.value

    assert judged(0, 0) == judged(200, 200) == judged(-1, 0) == (True, "the same as this machine's")
    assert judged(61, 0) == (True, "this machine's is 60 s slow")
    assert judged(62, 0) == (False, "this machine's is 61 s slow")
    assert judged(-62, 30) == (False, "this machine's is 61 s fast")


def test_the_stores_own_time_is_read_from_an_object_that_is_removed(
    s3_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = by_name(store_checks())
    assert {name: check.passed for name, check in found.items()} == {
        "store round trip": True,
        "clock of the store": True,
    }
    assert list(open_objects(s3_store).list("probe/")) == []

    class AnHourAgo(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) - timedelta(hours=1)

    monkeypatch.setattr(reach, "datetime", AnHourAgo)
    assert by_name(store_checks())["clock of the store"].value.endswith(
        ("3,598 s slow", "3,599 s slow", "3,600 s slow")
    )


def test_wrong_credentials_of_the_store_are_a_sentence_that_does_not_show_them(
    s3_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret-9d2b")
    (check,) = store_checks()
    assert not check.passed
    assert "set AWS_SECRET_ACCESS_KEY" in check.value
    assert not any(secret in check.model_dump_json() for secret in ("9d2b", SECRET_KEY))
    monkeypatch.setenv("HINDSIGHT_STORE", "gs://bucket")
    (check,) = store_checks()
    assert "neither a folder nor s3://bucket/prefix" in check.value
