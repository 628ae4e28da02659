"""Corpus tests: one tokenizer for all, and a small mirror of FineWeb's layout."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.model_fixtures import qwen


@pytest.fixture(autouse=True)
def one_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real tokenizer, loaded once: loading takes seconds and is tested elsewhere."""
    monkeypatch.setattr("tasks.corpus.write.load_tokenizer", lambda source: qwen())


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


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Dumps of forty documents each; in the one up to the cutoff and in the later one, every fourth lies after it."""
    root = tmp_path / "mirror"
    text = "Markets opened higher on the news and closed lower on the same news. "
    write_dump(
        root, "2013-20", [f"2013-05-{row % 20 + 1:02d}" for row in range(40)], [text * (row + 1) for row in range(40)]
    )
    days = ["2017-08-01" if row % 4 == 0 else "2017-06-23" for row in range(40)]
    write_dump(root, "2017-26", days, [text * 20] * 40)
    write_dump(root, "2017-34", days[::-1], [text * 20] * 40)
    return root
