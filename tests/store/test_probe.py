"""The probe of a store before any work, and the messages for a server that refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tasks.store.errors import StoreRefused, UnwritableStore
from tasks.store.objects import Capabilities
from tasks.store.store import open_store
from tests.s3_server import SECRET_KEY, free_port, serve_s3


@contextmanager
def server_that_says(status: int, code: str, more: str = "") -> Iterator[str]:
    """An endpoint that answers every request with one of S3's error replies."""
    reply = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>As S3 says it.</Message>{more}</Error>".encode()

    class Answer(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_PUT = do_GET = do_DELETE = answer  # noqa: N815  the names http.server looks for

        def log_message(self, *_: object) -> None:
            """No log in the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refusal_by(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", endpoint)
    with pytest.raises(UnwritableStore) as refusal:
        open_store().probe()
    assert SECRET_KEY not in str(refusal.value)
    return str(refusal.value)


def test_a_folder_has_conditional_writes() -> None:
    assert open_store().probe() == Capabilities(conditional_writes=True, checks_sha256=False, checks_md5=False)


def test_the_probe_finds_what_each_server_enforces(s3_store: str, request, caplog) -> None:
    caplog.set_level("INFO")
    assert open_store().probe() == Capabilities(conditional_writes=False, checks_sha256=False, checks_md5=True)
    assert "conditional writes not enforced, sha256 of a body not enforced, MD5 of a body enforced" in caplog.text
    request.getfixturevalue("moto_store")
    assert open_store().probe() == Capabilities(conditional_writes=True, checks_sha256=False, checks_md5=False)
    request.getfixturevalue("seaweedfs_store")
    assert open_store().probe() == Capabilities(conditional_writes=True, checks_sha256=True, checks_md5=True)


@pytest.mark.parametrize(
    ("status", "code", "more", "sentence"),
    [
        (403, "AccessDenied", "", "AccessDenied: these keys lack the right to do this; grant them read, write"),
        (404, "NoSuchBucket", "", "NoSuchBucket: the bucket does not exist; create it or name another"),
        (403, "ExpiredToken", "", "ExpiredToken: the session token has expired; fetch new keys"),
        (507, "XDiskFull", "", "the server answered 507 XDiskFull: As S3 says it. See the server's log."),
        (
            403,
            "RequestTimeTooSkewed",
            "<RequestTime>20270101T000000Z</RequestTime><ServerTime>2026-01-01T00:00:00Z</ServerTime>",
            "this machine's clock and the server's differ by more than it allows; set the clock (NTP) "
            "(server 2026-01-01T00:00:00Z, here 20270101T000000Z)",
        ),
    ],
)
def test_a_servers_refusal_is_quoted_with_the_way_out(
    s3_store: str, monkeypatch: pytest.MonkeyPatch, status: int, code: str, more: str, sentence: str
) -> None:
    with server_that_says(status, code, more) as endpoint:
        message = refusal_by(endpoint, monkeypatch)
    assert message.startswith(f"store {s3_store} cannot be written: put_object probe/")
    assert sentence in message


def test_a_read_only_bucket_is_refused(s3_store: str, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "served").mkdir()
    with serve_s3(tmp_path / "served") as server:
        server.stop()
        server.command.append("--read-only")
        server.start()
        message = refusal_by(server.endpoint, monkeypatch)
    assert "cannot be written: put_object probe/" in message
    assert "500 InternalError" in message


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("AWS_ACCESS_KEY_ID", "InvalidAccessKeyId: the server does not know this key id"),
        ("AWS_SECRET_ACCESS_KEY", "SignatureDoesNotMatch: the secret key does not belong to this key id"),
    ],
)
def test_wrong_keys_are_distinguished_and_not_printed(s3_store: str, monkeypatch, name: str, sentence: str) -> None:
    monkeypatch.setenv(name, "wrong-value-91be")
    with pytest.raises(UnwritableStore, match=sentence) as refusal:
        open_store().probe()
    assert "wrong-value-91be" not in str(refusal.value)


def test_missing_keys_are_named(s3_store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(UnwritableStore, match="no keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        open_store().probe()


@pytest.mark.parametrize("store", ["s3_store", "moto_store"])
def test_a_missing_bucket_is_named(request: pytest.FixtureRequest, monkeypatch, store: str) -> None:
    request.getfixturevalue(store)
    monkeypatch.setenv("HINDSIGHT_STORE", "s3://missing-bucket")
    with pytest.raises(UnwritableStore, match=r"s3://missing-bucket cannot be written.*NoSuchBucket: the bucket does"):
        open_store().probe()


def test_where_keys_are_of_one_bucket_another_one_is_refused_whether_it_exists_or_not(
    seaweedfs_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", "s3://missing-bucket")
    with pytest.raises(UnwritableStore, match=r"s3://missing-bucket cannot be written.*AccessDenied: these keys lack"):
        open_store().probe()


def test_a_server_that_cannot_encrypt_is_refused(seaweedfs_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_S3_SSE", "AES256")
    with pytest.raises(UnwritableStore, match=r"put_object probe/.*the server answered 500 InternalError"):
        open_store().probe()


def test_an_unreachable_endpoint_is_named_without_its_password(s3_store: str, monkeypatch) -> None:
    port = free_port()
    message = refusal_by(f"http://someone:hidden-91be@127.0.0.1:{port}", monkeypatch)
    assert f"at http://127.0.0.1:{port}: no answer (EndpointConnectionError)" in message
    assert "hidden-91be" not in message


def test_a_refused_read_is_not_taken_for_an_absent_object(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_says(403, "AccessDenied") as endpoint:
        monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", endpoint)
        with pytest.raises(StoreRefused, match=r"get_object train/a/record\.json in .* AccessDenied"):
            open_store().records.read("train/a")
