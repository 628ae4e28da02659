"""Corpus tests: one tokenizer for all, and a small mirror of FineWeb's layout."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfFileSystem, close_session

from tasks.schemas.tokenizer import HubTokenizer, tokenizer_digest
from tests.corpus.hub_server import COMMIT, Hub, serve_hub
from tests.model_fixtures import qwen


@pytest.fixture(autouse=True)
def one_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real tokenizer, loaded once: loading takes seconds and is tested elsewhere."""
    monkeypatch.setattr("tasks.corpus.write.writer.load_tokenizer", lambda source: qwen())
    monkeypatch.setattr("tasks.corpus.write.writer.tokenizer_digest", lambda tokenizer: qwen_digest())


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches the real hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def hub(mirror: Path, offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The mirror as a data set of a hub, which is the hub of this process and of those it starts."""
    with serve_hub(mirror, datasets=COMMIT, models=HubTokenizer().revision) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.url)
        template = f"{served.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr("datasets.config.HF_ENDPOINT", served.url)
        monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
        HfFileSystem.clear_instance_cache()
        yield served
        close_session()


@cache
def qwen_digest() -> str:
    """The digest the corpus stage computes for each corpus, which takes a second."""
    return tokenizer_digest(qwen())


def files_of(folder: Path) -> dict[str, bytes]:
    """An artifact's files by path, for comparing every byte."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_dump(root: Path, dump: str, days: list[str], texts: list[str], name: str = "000_00000.parquet") -> None:
    """One parquet file with FineWeb's nine columns, two rows per row group."""
    folder = root / "data" / f"CC-MAIN-{dump}"
    folder.mkdir(parents=True, exist_ok=True)
    n_rows = len(days)
    table = pa.table(
        {
            "text": texts,
            "id": [f"<urn:uuid:{dump}-{name}-{row}>" for row in range(n_rows)],
            "dump": [f"CC-MAIN-{dump}"] * n_rows,
            "url": ["https://example.org"] * n_rows,
            "date": [f"{day}T05:48:54Z" for day in days],
            "file_path": ["s3://commoncrawl/x"] * n_rows,
            "language": ["en"] * n_rows,
            "language_score": [0.9] * n_rows,
            "token_count": [0] * n_rows,
        }
    )
    pq.write_table(table, folder / name, row_group_size=2)


def spoil(file: Path) -> None:
    """Overwrite a parquet file's pages and leave its footer as it is."""
    content = bytearray(file.read_bytes())
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    content[4:end] = b"\xff" * (end - 4)
    file.write_bytes(content)


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Dumps of forty documents each; in the one up to the cutoff and in the later one, every fourth is after it."""
    root = tmp_path / "mirror"
    text = "Markets opened higher on the news and closed lower on the same news. "
    write_dump(
        root, "2013-20", [f"2013-05-{row % 20 + 1:02d}" for row in range(40)], [text * (row + 1) for row in range(40)]
    )
    days = ["2017-08-01" if row % 4 == 0 else "2017-06-23" for row in range(40)]
    write_dump(root, "2017-26", days, [text * 20] * 40)
    write_dump(root, "2017-34", days[::-1], [text * 20] * 40)
    return root
