"""Measures how many documents per second corpus source `dataset` reads, by format, beside a loop of json.loads.

`python -m tests.bench.dataset [--documents 1000000] [--words 15]` writes the same documents in every format, and reads
each in a process of its own: once through the file into the Arrow copy, then all batches of the copy. Seconds are CPU
seconds of the process, threads included, without imports; memory is the growth of its anonymous memory (RssAnon).
"""

import argparse
import json
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tasks.common.settings import state_dir

FILES = ("a.jsonl", "a.jsonl.gz", "a.csv", "a.parquet", "a.arrow")
WORDS = ("market", "news", "higher", "closed", "the", "of", "year", "report", "said", "trade")
Figures = dict[str, float]


def write_files(folder: Path, n_documents: int, n_words: int) -> None:
    """The same documents in every format."""
    rng = random.Random(0)  # noqa: S311
    rows = [
        {"id": f"d{k}", "date": "2016-05-04", "text": " ".join(rng.choices(WORDS, k=n_words))}
        for k in range(n_documents)
    ]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    (folder / "a.jsonl").write_bytes(lines)
    with pa.CompressedOutputStream(str(folder / "a.jsonl.gz"), "gzip") as packed:
        packed.write(lines)
    table = pa.Table.from_pylist(rows)
    pa.csv.write_csv(table, folder / "a.csv")
    pq.write_table(table, folder / "a.parquet", row_group_size=10_000)
    with pa.OSFile(str(folder / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1_000)


def read_plainly(file: Path) -> Figures:
    """A loop over the lines."""
    start, n = time.process_time(), 0
    with file.open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            n += bool(row["id"] and row["date"] and row["text"])
    return {"documents": n, "documents_seconds": time.process_time() - start, "copy_seconds": 0.0}


def read_as_source(file: Path, scratch: Path) -> Figures:
    """Everything the corpus stage does with the file before documents are clipped."""
    import datasets
    import torch.utils.data  # noqa: F401

    from tasks.corpus.config import DatasetSource
    from tasks.corpus.sources.dataset.dataset_reader import DatasetReader

    datasets.disable_progress_bars()
    reader = DatasetReader(DatasetSource(path=str(file)), 0, scratch)
    start = time.process_time()
    (path,) = reader.groups()[0].files
    groups = reader.row_groups(path)
    copied = time.process_time()
    n = sum(1 for group in groups for _ in reader.documents(path, group))
    return {"documents": n, "copy_seconds": copied - start, "documents_seconds": time.process_time() - copied}


def anonymous_mb() -> float:
    """Anonymous memory of this process."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def measure(way: str, file: Path) -> None:
    """Read a file and print its figures; runs in a process of its own."""
    seen: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            seen.append(anonymous_mb())

    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        if way == "source":
            import torch.utils.data  # noqa: F401

            import tasks.corpus.sources.dataset.columns
            import tasks.corpus.sources.dataset.json_lines  # noqa: F401
        before = anonymous_mb()
        watcher = threading.Thread(target=watch)
        watcher.start()
        figures = read_plainly(file) if way == "plain" else read_as_source(file, Path(scratch))
        ended.set()
        watcher.join()
        size = sum(each.stat().st_size for each in Path(scratch).rglob("*"))
    print(json.dumps(figures | {"memory_mb": max(seen) - before, "copy_mb": size / 1e6}))


def main() -> None:
    """Measure, print the table, save it in `.hindsight/bench/dataset.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dataset", description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--words", type=int, default=15, help="words of a document")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure[0], Path(asked.measure[1]))
        return
    found: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), asked.documents, asked.words)
        for way, name in (("plain", "a.jsonl"), *(("source", name) for name in FILES)):
            command = [sys.executable, "-m", "tests.bench.dataset", "--measure", way, str(Path(folder) / name)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[f"{way} {name}"] = json.loads(output.splitlines()[-1])
    print(f"{'way':<18} {'documents/s':>12} {'copy s':>7} {'read s':>7} {'MB':>6} {'copy MB':>8}")
    for way, each in found.items():
        rate = each["documents"] / (each["copy_seconds"] + each["documents_seconds"])
        print(
            f"{way:<18} {rate:>12,.0f} {each['copy_seconds']:>7.1f} {each['documents_seconds']:>7.1f} "
            f"{each['memory_mb']:>6.0f} {each['copy_mb']:>8.0f}"
        )
    kept = {
        "documents": asked.documents,
        "words": asked.words,
        "machine": platform.platform(),
        "versions": {name: version(name) for name in ("datasets", "pyarrow", "pandas")},
        "found": found,
    }
    file = state_dir() / "bench" / "dataset.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"saved in {file}")


if __name__ == "__main__":
    main()
