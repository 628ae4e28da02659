"""One S3 configuration: botocore's client and s3fs ask the same server, with the same limits, and nobody else."""

import fsspec
import pandas as pd
import pytest

from tasks.common.errors import BadEnvironment
from tasks.common.s3 import storage_options
from tasks.common.urls import read_url
from tasks.store.s3_client import s3_client
from tests.connections import contacted
from tests.s3_server import S3Server, free_port

ENDPOINTS = ("HINDSIGHT_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
TABLE = b"SecuritiesCode,Date,Close\n1301,2021-01-04,2742\n"


@pytest.fixture
def server(s3_store: str, s3_server: S3Server) -> S3Server:
    """A server with a table, and its address in the environment."""
    s3_server.put("table.csv", TABLE)
    return s3_server


def s3fs_client(url: str):
    filesystem, _ = fsspec.core.url_to_fs(url, **storage_options(url))
    return filesystem.s3


@pytest.mark.parametrize("first", range(len(ENDPOINTS)))
def test_both_clients_take_the_first_endpoint_of_the_environment(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for n, name in enumerate(ENDPOINTS[first:], start=first):
        monkeypatch.setenv(name, f"https://s3-{n}.example.org")
    for client in (s3_client(), s3fs_client("s3://bucket/file")):
        assert client.meta.endpoint_url == f"https://s3-{first}.example.org"


def test_without_an_endpoint_both_clients_ask_aws() -> None:
    for client in (s3_client(), s3fs_client("s3://bucket/file")):
        assert client.meta.endpoint_url.endswith(".amazonaws.com")


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_both_clients_have_the_environments_region_and_timeout(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "eu-north-1")
    monkeypatch.setenv("HINDSIGHT_S3_TIMEOUT", "7.5")
    for client in (s3_client(), s3fs_client("s3://bucket/file")):
        assert client.meta.region_name == "eu-north-1"
        assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (7.5, 7.5)
        assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 12}


@pytest.mark.parametrize("value", ["soon", "-1", "0", "nan", "inf"])
@pytest.mark.parametrize("ask", [s3_client, lambda: storage_options("s3://bucket/file")])
def test_a_timeout_that_is_no_positive_number_is_refused(value: str, ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_S3_TIMEOUT", value)
    with pytest.raises(BadEnvironment, match=f"HINDSIGHT_S3_TIMEOUT='{value}' is not a positive number of seconds"):
        ask()


@pytest.mark.parametrize("url", ["table.csv", "/data/s3/table.csv", "https://example.org/s3://x", "hf://datasets/a/b"])
def test_other_urls_are_given_no_option_of_s3(url: str) -> None:
    assert storage_options(url) == {}


@pytest.mark.parametrize("scheme", ["s3://", "s3a://", "simplecache::s3://"])
def test_a_url_is_read_from_the_stores_server_and_no_other(server: S3Server, scheme: str) -> None:
    with contacted() as hosts:
        assert read_url(f"{scheme}{server.bucket}/table.csv") == TABLE
    assert hosts == {server.endpoint.removeprefix("http://")}


def test_pandas_reads_with_the_same_options(server: S3Server) -> None:
    url = f"s3://{server.bucket}/table.csv"
    with contacted() as hosts:
        assert pd.read_csv(url, storage_options=storage_options(url))["Close"].tolist() == [2742]
    assert hosts == {server.endpoint.removeprefix("http://")}


def test_what_another_client_writes_is_listed_and_read(server: S3Server) -> None:
    url = f"s3://{server.bucket}/listed"
    filesystem, path = fsspec.core.url_to_fs(url, **storage_options(url))
    for n in range(1, 3):
        server.put(f"listed/{n}.csv", TABLE * n)
        assert len(filesystem.ls(path, detail=False)) == n
        assert filesystem.info(f"{path}/{n}.csv")["size"] == n * len(TABLE)


def test_each_reading_takes_the_environments_keys_of_its_time(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"s3://{server.bucket}/table.csv"
    for key, works in (("wrong", False), (server.environment()["AWS_SECRET_ACCESS_KEY"], True), ("wrong", False)):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key)
        try:
            assert read_url(url) == TABLE
            assert works
        except PermissionError:
            assert not works


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_missing_keys_are_named(server: S3Server, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(missing)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(PermissionError, match="no S3 keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        read_url(f"s3://{server.bucket}/table.csv")


def test_a_server_that_is_down_is_an_os_error_without_the_endpoints_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.common.s3.N_ATTEMPTS", 1)
    monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", f"http://someone:hidden@127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(ConnectionError, match="no answer from the S3 server") as refused:
        read_url("s3://bucket/table.csv")
    assert "hidden" not in str(refused.value)
