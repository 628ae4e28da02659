"""Prices are staged once, from Kaggle or from a file a person has, and a panel's key follows their digest."""

import gzip
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

from flows.stages import STAGES
from hindsight.cli.main import main
from tasks.common.settings import project_root
from tasks.panel.build import write_panel
from tasks.panel.config import JpxSource, PanelConfig
from tasks.panel.errors import UnreadablePrices
from tasks.panel.kaggle import publish as publishing
from tasks.panel.kaggle import stage_file
from tasks.panel.kaggle.config import ARTIFACT_TYPE, FILE_NAME, PricesConfig
from tasks.panel.kaggle.publish import publish, publish_file
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store

STAGED = PanelConfig(source=JpxSource(), dates_per_stock=5)


@pytest.fixture
def file(jpx_prices: pd.DataFrame, tmp_path: Path) -> Path:
    """A price file of 120 rows."""
    file = tmp_path / "stock_prices.csv"
    jpx_prices.to_csv(file, index=False)
    return file


@pytest.fixture
def published_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published file has 120 rows."""
    for module in (publishing, stage_file):
        monkeypatch.setattr(module, "N_ROWS", 120)


def digest_of(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def panel_of(prices: ArtifactRef, config: PanelConfig = STAGED) -> ArtifactRef:
    return STAGES["panel"].publish.fn(config, prices=prices)


@pytest.mark.usefixtures("published_rows")
def test_a_file_a_person_has_is_taken_without_network_or_credentials(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["stage-prices", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "120 rows of 2 stocks, 2020-11-09 to 2021-01-29" in printed
    assert (
        f"panel.source: {{kind: jpx}}, or pinned by panel.source: {{kind: jpx, sha256: {digest_of(file)}}}" in printed
    )
    loaded = "import sys; sys.modules['kaggle'] = sys.modules['kagglesdk'] = None"
    for config in (PricesConfig(), PricesConfig(sha256=digest_of(file))):
        code = (
            f"{loaded}; from tasks.panel.kaggle.publish import publish; from tasks.panel.kaggle.config import *; "
            f"from tasks.store.store import open_store; print(publish(open_store(), {config!r}).digest)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=project_root())
        assert done.returncode == 0, done.stderr
    record = open_store().record(publish(open_store(), PricesConfig()))
    assert record.facts["origin"] == "file"
    assert (open_store().fetch(record.ref) / FILE_NAME).read_bytes() == file.read_bytes()


def test_a_file_that_is_not_the_published_one_is_staged_under_its_digest_only(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stage-prices", str(file)]) == 0
    assert (
        "not the published file, which has 2332531 rows; a recipe selects it by panel.source: {kind: jpx, sha256: "
        in (capsys.readouterr().out)
    )
    assert open_store().find(ARTIFACT_TYPE.spec(PricesConfig())) is None
    assert open_store().find(ARTIFACT_TYPE.spec(PricesConfig(sha256=digest_of(file)))) is not None


@pytest.mark.usefixtures("published_rows")
def test_prices_staged_first_stay_and_later_ones_are_taken_by_their_digest(
    file: Path, jpx_prices: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stage-prices", str(file)]) == 0
    first = digest_of(file)
    jpx_prices.assign(Volume=1).to_csv(file, index=False)
    assert main(["stage-prices", str(file)]) == 0
    assert "holds prices staged before, which stay; a recipe selects these by" in capsys.readouterr().out
    record = open_store().record(publish(open_store(), PricesConfig()))
    assert record.facts["csv_sha256"] == first != digest_of(file)


def test_a_gzipped_file_gives_the_artifact_of_the_plain_one(file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    config = PricesConfig(sha256=digest_of(file))
    assert publish_file(open_store(), config, packed).digest == publish_file(open_store(), config, file).digest


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not a file; give the path"),
        (b"a,b\n1,2\n", "lacks SecuritiesCode"),
        (b"PK\x03\x04x", "cannot be unpacked"),
    ],
)
def test_a_bad_file_is_refused_by_the_command_in_a_sentence(
    content: bytes | None, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.csv"
    if content is not None:
        file.write_bytes(content)
    assert main(["stage-prices", str(file)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("hindsight: ")
    assert sentence in printed.err
    assert str(file) in printed.err


def test_the_panel_of_staged_prices_is_that_of_their_file_and_names_them_as_its_source(file: Path) -> None:
    prices = publish_file(open_store(), PricesConfig(sha256=digest_of(file)), file)
    store = open_store()
    staged, by_path = (
        panel_of(prices),
        STAGES["panel"].publish.fn(PanelConfig(source=JpxSource(csv=str(file)), dates_per_stock=5)),
    )
    assert staged.digest == by_path.digest
    assert staged.key != by_path.key
    record = store.record(staged)
    assert record.inputs == {"prices": prices}
    assert record.facts["source"] == {"csv_sha256": digest_of(file)} == store.record(by_path).facts["source"]


def test_the_same_recipe_with_other_prices_gives_another_panel(file: Path, jpx_prices: pd.DataFrame) -> None:
    keys = []
    for volume in (1, 2):
        jpx_prices.assign(Volume=volume).to_csv(file, index=False)
        prices = publish_file(open_store(), PricesConfig(sha256=digest_of(file)), file)
        keys.append(panel_of(prices).key)
    assert keys[0] != keys[1]


def test_a_panel_of_staged_prices_without_any_is_refused() -> None:
    with pytest.raises(UnreadablePrices, match=r"names no csv and the panel got no staged prices; run stage prices"):
        STAGES["panel"].publish.fn(STAGED)


def test_staged_prices_of_another_digest_than_pinned_make_no_panel(file: Path, tmp_path: Path) -> None:
    pinned = PanelConfig(source=JpxSource(sha256="0" * 64), dates_per_stock=5)
    with pytest.raises(UnreadablePrices, match=f"has sha256 {digest_of(file)}, the recipe asks for {'0' * 64}"):
        write_panel(pinned, tmp_path, file)


def test_a_download_is_not_tried_where_another_machine_has_staged_the_prices(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = PricesConfig(sha256=digest_of(file))
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "shared"))
    ref = publish_file(open_store(), config, file)
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "other-machine"))
    monkeypatch.setitem(sys.modules, "kaggle", None)
    assert STAGES["prices"].publish.fn(config) == ref
