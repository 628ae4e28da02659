"""The price file from Kaggle: what is published, and what is refused with which message."""

import io
import zipfile
from hashlib import sha256

import pytest

from tasks.common.settings import state_dir
from tasks.panel.errors import (
    KaggleError,
    NoCredentials,
    OtherPrices,
    PanelError,
    RulesNotAccepted,
    UnreadablePrices,
)
from tasks.panel.kaggle import publish as publishing
from tasks.panel.kaggle import transfer
from tasks.panel.kaggle.config import ARTIFACT_TYPE, PricesConfig
from tasks.panel.kaggle.publish import publish
from tasks.store.store import open_store
from tests.panel.kaggle.site import (
    N_ROWS,
    RULES,
    USERNAME,
    Site,
    pinned,
    published,
    refusal,
)


def test_the_file_is_published_with_its_digest_and_counts_and_then_needs_neither_network_nor_credentials(
    site: Site, csv: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "N_ROWS", N_ROWS)
    assert published(PricesConfig()) == csv
    facts = open_store().record(publish(open_store(), PricesConfig())).facts
    assert facts == {
        "origin": "kaggle",
        "csv_sha256": sha256(csv).hexdigest(),
        "n_bytes": len(csv),
        "n_rows": N_ROWS,
        "n_stocks": 6,
        "first_day": "2016-01-04",
        "last_day": "2021-10-01",
    }
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    n_asked = len(site.asked)
    assert published(PricesConfig()) == published(pinned(csv)) == csv
    assert len(site.asked) == n_asked
    assert open_store().record(publish(open_store(), pinned(csv))).facts["origin"] == "store"
    assert not list((state_dir() / "work").iterdir())


def test_a_zip_gives_the_same_artifact_as_the_plain_file(site: Site, csv: bytes) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("stock_prices.csv", csv)
    site.body, site.name = packed.getvalue(), "stock_prices.csv.zip"
    assert published(pinned(csv)) == csv


def test_without_credentials_the_ways_to_give_them_are_named(
    site: Site, csv: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    ways = r"KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY.*`hindsight stage-prices FILE`"
    with pytest.raises(NoCredentials, match=rf"no credentials.*www\.kaggle\.com/settings/api.*{ways}"):
        publish(open_store(), pinned(csv))
    assert site.asked == []
    assert capsys.readouterr().out == ""


def test_credentials_that_kaggle_does_not_take_are_refused_without_naming_them(
    site: Site, csv: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "expired-token")
    with pytest.raises(NoCredentials, match="none that Kaggle knows") as of_token:
        publish(open_store(), pinned(csv))
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", "wrong-key")
    with pytest.raises(
        NoCredentials, match=r"does not take the credentials \(401: Unauthenticated\)\. Make a key"
    ) as key:
        publish(open_store(), pinned(csv))
    assert "expired-token" not in str(of_token.value)
    assert "wrong-key" not in str(key.value)


def test_rules_that_were_not_accepted_are_shown_with_the_page_to_visit(site: Site, csv: bytes) -> None:
    site.to_ask = [refusal(403, RULES)]
    page = r"https://www\.kaggle\.com/competitions/jpx-tokyo-stock-exchange-prediction/rules"
    with pytest.raises(RulesNotAccepted, match=rf"You must accept this competition's rules.*\(403\)\. Visit {page}"):
        publish(open_store(), pinned(csv))
    assert published(pinned(csv)) == csv


def test_a_refusal_inside_an_answer_of_200_is_one(site: Site, csv: bytes) -> None:
    _code, headers, body = refusal(403, RULES)
    site.to_ask = [(200, headers, body)]
    with pytest.raises(RulesNotAccepted, match="You must accept"):
        publish(open_store(), pinned(csv))


def test_a_file_that_kaggle_no_longer_has_is_refused_with_the_page_that_lists_them(site: Site, csv: bytes) -> None:
    site.to_ask = [refusal(404, "Not found")]
    with pytest.raises(KaggleError, match=r"stock_prices\.csv of competition jpx-.*: Not found \(404\)\. See .*/data"):
        publish(open_store(), pinned(csv))


@pytest.mark.parametrize("headers", [{}, {"Content-Length": ""}], ids=["known-length", "unknown-length"])
def test_a_file_that_is_far_too_large_is_refused_before_it_fills_the_disk(
    site: Site, csv: bytes, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MAX_BYTES", 100_000)
    site.headers = headers
    n_taken = len(csv) if not headers else 7 * transfer.CHUNK_BYTES
    refused = rf"has {n_taken} bytes or more, at most 100000 are taken.*`hindsight stage-prices FILE`"
    with pytest.raises(KaggleError, match=refused):
        publish(open_store(), pinned(csv))
    assert not list((state_dir() / "work").rglob("*.csv"))


def test_the_clients_notice_of_a_newer_client_is_not_printed(
    site: Site, csv: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    site.headers = {"X-Kaggle-APIVersion": "99.0"}
    assert published(pinned(csv)) == csv
    assert capsys.readouterr().out == ""


def test_a_whole_file_is_kept_until_it_is_published(site: Site, csv: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    site.headers = {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
    with monkeypatch.context() as broken:
        broken.setattr(publishing, "_write_prices", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(open_store(), pinned(csv))
    site.to_fetch = [0]
    assert published(pinned(csv)) == csv
    assert site.ranges == [None, None]


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (lambda csv: csv.replace(b"Close,", b"Clsoe,", 1), UnreadablePrices, "lacks Close"),
        (lambda csv: csv[: len(csv) // 2].rsplit(b",", 2)[0], UnreadablePrices, r"not a table of prices"),
        (lambda csv: csv[: csv.index(b"\n", len(csv) // 2) + 1], OtherPrices, r"\d+ rows, .* 9000: it was cut or is"),
        (lambda csv: b"<html>Sign in</html>\n", UnreadablePrices, "lacks SecuritiesCode|not a table"),
    ],
    ids=["columns", "cut-in-a-row", "cut-between-rows", "html"],
)
def test_what_is_not_the_published_file_is_refused_and_fetched_afresh(
    site: Site, csv: bytes, monkeypatch: pytest.MonkeyPatch, spoil, error: type[PanelError], sentence: str
) -> None:
    monkeypatch.setattr(publishing, "N_ROWS", N_ROWS)
    site.body = spoil(csv)
    with pytest.raises(error, match=rf"train_files/stock_prices\.csv of Kaggle .*({sentence})"):
        publish(open_store(), PricesConfig())
    site.body = csv
    assert published(PricesConfig()) == csv
    assert site.ranges == [None, None]


def test_a_file_of_another_digest_than_asked_for_is_refused(site: Site, csv: bytes) -> None:
    with pytest.raises(OtherPrices, match=f"has sha256 {sha256(csv).hexdigest()}, asked for is {'0' * 64}"):
        publish(open_store(), PricesConfig(sha256="0" * 64))
    assert open_store().find(ARTIFACT_TYPE.spec(PricesConfig(sha256="0" * 64))) is None
