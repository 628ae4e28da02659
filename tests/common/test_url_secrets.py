"""No config and no store takes a URL with a secret in it, and no refusal shows it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.common.settings import Config, without_secrets
from tasks.common.yaml_file import read_yaml
from tasks.corpus.config import FineWebSource
from tasks.corpus.errors import CorpusError
from tasks.mix.config import DataFile
from tasks.panel.config import CsvSource, JpxSource
from tasks.panel.table.config import TableSource
from tasks.store.connect import open_objects
from tasks.store.errors import StoreError
from tasks.vectors.config import VectorsConfig

SECRET = "s3cret"
TAKES_URLS: list[tuple[type[Config], str, str]] = [
    (DataFile, "path", "jsonl"),
    (TableSource, "path", "csv"),
    (CsvSource, "csv", "csv"),
    (JpxSource, "csv", "csv"),
    (VectorsConfig, "file", "parquet"),
    (FineWebSource, "root", "parquet"),
]


@pytest.mark.parametrize(
    "url", ["s3://user:s3cret@h/x.{}", "s3://s3cret@h/x.{}", "s3://h/x?X-Amz-Signature=s3cret&e=.{}"]
)
@pytest.mark.parametrize(("config", "field", "extension"), TAKES_URLS)
def test_a_url_with_a_secret_is_refused_without_showing_it(
    tmp_path: Path, config: type[Config], field: str, extension: str, url: str
) -> None:
    own = url.format(extension)
    with pytest.raises(ValidationError, match=r"has user information or a query string.*AWS_\*, HF_TOKEN") as refused:
        config.model_validate({field: own})
    (tmp_path / "config.yaml").write_text(f"{field}: {own}\n")
    with pytest.raises(CorpusError, match="has user information or a query string") as read:
        read_yaml(tmp_path / "config.yaml", config, CorpusError, "config", "docs/recipe.md")
    assert SECRET not in str(refused.value) + str(read.value)


@pytest.mark.parametrize(
    "path",
    [
        "/data/what?.jsonl",
        "/data/a@b.jsonl",
        "https://h/x.jsonl",
        "simplecache::s3://bucket/x.jsonl",
        f"hf://datasets/OWNER/NAME@{'0' * 40}/x.jsonl",
    ],
)
def test_other_paths_are_taken_as_they_are(path: str) -> None:
    assert DataFile(path=path).path == path


@pytest.mark.parametrize(
    "url", ["simplecache::https://a:s3cret@h/x", "https://a:@s3cret@h/x", "zip://a::https://h/x?s3cret"]
)
def test_chains_are_looked_through(url: str) -> None:
    with pytest.raises(ValidationError, match="has user information or a query string"):
        DataFile(path=url)
    assert SECRET not in without_secrets(f"{{'path': '{url}', 'sha256': None}}")


@pytest.mark.parametrize(
    "url", ["s3://key:s3cret@bucket/prefix", "https://u:s3cret@h/store", "s3://bucket/prefix?s3cret"]
)
def test_a_store_takes_no_keys_from_its_url(url: str) -> None:
    with pytest.raises(StoreError, match="AWS_SECRET_ACCESS_KEY") as refused:
        open_objects(url)
    assert SECRET not in str(refused.value)
