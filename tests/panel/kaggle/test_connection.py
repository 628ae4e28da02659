"""The price file over a connection and from a server that fail in many ways."""

import resource
from hashlib import sha256

import pytest

from tasks.panel.errors import (
    KaggleUnreachable,
)
from tasks.panel.kaggle import transfer
from tasks.panel.kaggle.publish import publish, publish_latest
from tasks.panel.kaggle.transfer import CHUNK_BYTES
from tasks.store.errors import NoSpace
from tasks.store.store import open_store
from tests.panel.kaggle.site import Site, pinned, published, refusal


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_a_busy_kaggle_is_retried(site: Site, csv: bytes, code: int, caplog: pytest.LogCaptureFixture) -> None:
    site.to_ask = [refusal(code, "later", **{"Retry-After": "0"})] * 2
    site.to_sign_in = [refusal(503, "later")]
    assert published(pinned(csv)) == csv
    assert f"the server answered {code} (2 of 8 attempts without a new byte); retry 2 in 0.0 s" in caplog.text


def test_a_kaggle_that_stays_busy_is_given_up_and_a_long_wait_ends_the_download(site: Site, csv: bytes) -> None:
    site.to_ask = [refusal(503, "later")] * 50
    with pytest.raises(KaggleUnreachable, match=r"server answered 503, after 8 attempts in a row without a new byte"):
        publish(open_store(), pinned(csv))
    assert len(site.to_ask) == 42
    site.to_ask = [refusal(429, "later", **{"Retry-After": "7200"})]
    with pytest.raises(KaggleUnreachable, match=r"answered 429 and asks for a wait of 7200 s"):
        publish(open_store(), pinned(csv))


def test_a_moment_as_retry_after_is_waited_for(site: Site, csv: bytes) -> None:
    site.to_ask = [refusal(429, "later", **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})]
    assert published(pinned(csv)) == csv


def test_a_cut_download_resumes_where_it_ended(site: Site, csv: bytes) -> None:
    site.to_fetch = [200_000, 0, 150_000]
    assert published(pinned(csv)) == csv
    resumed = [int(wanted.removeprefix("bytes=").removesuffix("-")) for wanted in site.ranges if wanted]
    # Whole chunks of what arrived: 200,000 bytes, then 150,000.
    assert resumed == [12 * CHUNK_BYTES, (12 + 9) * CHUNK_BYTES]
    assert {headers["Accept-Encoding"] for headers in site.fetched} == {"identity"}


def test_a_connection_that_is_cut_at_every_start_but_always_brings_something_is_not_given_up(
    site: Site, csv: bytes
) -> None:
    # Every other fetch is the one that is closed unread once it is known what can be resumed.
    site.to_fetch = [70_000, *([70_000, 70_000] * 20)]
    assert published(pinned(csv)) == csv


def test_an_error_in_answer_to_a_resumed_request_does_not_get_into_the_file(site: Site, csv: bytes) -> None:
    error = (503, {"Content-Type": "text/html"}, b"<html>busy</html>")
    site.to_fetch = [200_000, 0, error, 0, (403, {"Content-Type": "text/xml"}, b"<Error>ExpiredToken</Error>")]
    assert published(pinned(csv)) == csv
    assert sum(wanted is not None for wanted in site.ranges) == 3
    # An address expires: every attempt gets a new one.
    assert len(site.asked_for_the_file) == 4


@pytest.mark.parametrize(
    "other", [lambda csv: csv, lambda csv: b"x" * 1000], ids=["from-the-first-byte", "fewer-and-wrong-ones"]
)
def test_other_bytes_than_those_requested_do_not_stay_in_the_file(site: Site, csv: bytes, other) -> None:
    site.to_fetch = [200_000, 0, (206, {"ETag": site.etag}, other(csv))]
    assert published(pinned(csv)) == csv
    assert site.ranges[-1] is None


def test_a_range_that_the_server_cannot_give_starts_the_file_anew(site: Site, csv: bytes) -> None:
    site.to_fetch = [200_000, 0, (416, {}, b"")]
    assert published(pinned(csv)) == csv


@pytest.mark.parametrize("n_unread", [0, 1], ids=["before-the-question", "before-the-rest"])
def test_a_file_that_changes_while_the_connection_is_cut_is_not_patched_together(
    site: Site, csv: bytes, n_unread: int
) -> None:
    site.body = csv.replace(b",1301,", b",1399,")
    site.to_fetch = [200_000, *[0] * n_unread, csv]
    assert published(pinned(csv)) == csv
    assert len(site.fetched) == 2 + n_unread


def test_bytes_of_a_changed_file_are_not_taken_for_the_old_ones_when_it_changes_back(site: Site, csv: bytes) -> None:
    other = (200, {"ETag": '"other"', "Content-Length": str(len(csv))}, b"x" * 300_000)
    site.to_fetch = [200_000, 0, other]
    assert published(pinned(csv)) == csv


def test_part_of_an_older_file_is_not_taken_for_a_shorter_newer_one(site: Site, csv: bytes) -> None:
    asks_for_a_long_wait = (429, {"Retry-After": "7200"}, b"")
    site.to_fetch = [450_000, asks_for_a_long_wait]
    with pytest.raises(KaggleUnreachable):
        publish_latest(open_store())
    site.body = csv[: csv.index(b"\n", 300_000) + 1]
    site.headers = {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert publish_latest(open_store()) == sha256(site.body).hexdigest()


def test_a_cut_answer_without_a_redirect_starts_anew(site: Site, csv: bytes) -> None:
    headers = {"ETag": site.etag, "Accept-Ranges": "bytes", "Content-Length": str(len(csv))}
    site.to_ask = [(200, headers, csv[:200_000]), (200, headers, csv)]
    assert published(pinned(csv)) == csv
    assert len(site.asked_for_the_file) == 2


def test_a_full_disk_is_reported_in_a_sentence_and_the_bytes_received_are_kept(site: Site, csv: bytes) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(
            NoSpace, match=r"the disk of .*/work/prices-\w+ is full; free space or move HINDSIGHT_STATE"
        ):
            publish(open_store(), pinned(csv))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert published(pinned(csv)) == csv
    assert site.ranges == [None, None, "bytes=200000-"]


@pytest.mark.parametrize("headers", [{"ETag": ""}, {"ETag": 'W/"weak"'}], ids=["none", "weak"])
def test_without_a_name_for_the_files_bytes_a_cut_download_starts_anew(
    site: Site, csv: bytes, headers: dict[str, str]
) -> None:
    site.headers, site.to_fetch = headers, [200_000]
    assert published(pinned(csv)) == csv
    assert site.ranges == [None, None]


def test_a_silent_connection_counts_as_lost(
    site: Site, csv: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tasks.panel.kaggle import client

    monkeypatch.setattr(transfer, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.5)
    site.hold_at = 12 * CHUNK_BYTES
    assert published(pinned(csv)) == csv
    assert site.ranges == [None, None, f"bytes={site.hold_at}-"]
    assert "the connection was lost (ConnectionError) (0 of 8 attempts" in caplog.text


def test_a_resumed_request_that_stays_silent_is_given_up_too(
    site: Site, csv: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.panel.kaggle import client, download

    monkeypatch.setattr(download, "MAX_ATTEMPTS", 2)
    for module in (transfer, client):
        monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.3)
    site.hold_at = 12 * CHUNK_BYTES + 100
    with pytest.raises(KaggleUnreachable, match=r"connection was lost \(ConnectionError\), after 2 attempts"):
        publish(open_store(), pinned(csv))
    assert site.ranges[-1] == f"bytes={12 * CHUNK_BYTES}-"


def test_nobody_listening_is_reported_after_some_attempts(
    site: Site, csv: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kagglesdk import kaggle_env

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:9")
    with pytest.raises(KaggleUnreachable, match=r"the connection was lost \(ConnectionError\), after 8 attempts"):
        publish(open_store(), pinned(csv))
