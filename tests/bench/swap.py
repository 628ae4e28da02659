"""Exchanging the adapter of a running server, against the plain way: load base and adapter anew.

Clients ask without pause, first undisturbed, then through exchanges; the same requests both times. Each answer is
compared with that of a fresh load: one failed or mixed answer ends the benchmark.
"""

import argparse
import json
import platform
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import torch

from tasks.common.settings import state_dir
from tasks.serve.served_model import Sampling, load_served
from tasks.serve.worker import Worker
from tests.chat_fixtures import dense_base
from tests.serve.small_line import N_NEW, PROMPT, adapter_folder, expected_answer


def load(worker: Worker, n_requests: int, n_clients: int) -> tuple[list[float], float]:
    """Ask; returns the seconds of each request, and of all together."""
    prompt = worker.model.tokenizer(PROMPT)["input_ids"]

    def ask(_: int) -> float:
        started = time.perf_counter()
        answer = worker.ask(prompt, Sampling(N_NEW))
        tokens = list(answer)
        if answer.version is None or tokens != expected_answer(int(answer.version.name.removeprefix("v"))):
            raise SystemExit("an answer is of no version, or of two")
        return time.perf_counter() - started

    started = time.perf_counter()
    with ThreadPoolExecutor(n_clients) as clients:
        seconds = list(clients.map(ask, range(n_requests)))
    return seconds, time.perf_counter() - started


def exchange_evenly(worker: Worker, n_exchanges: int, seconds: float, ended: threading.Event) -> None:
    """Exchange the adapter again and again, over as long as the quiet requests took."""
    for number in range(n_exchanges):
        name = 1 + (number + 1) % 2
        worker.exchange(f"v{name}", f"{name}" * 64, adapter_folder(name)).result()
        ended.wait(seconds / n_exchanges)


def summary(seconds: list[float], together: float) -> dict[str, float]:
    """Requests per second, and what a request takes."""
    ranked = sorted(seconds)
    return {
        "requests_per_second": len(seconds) / together,
        "median_ms": 1e3 * statistics.median(seconds),
        "p99_ms": 1e3 * ranked[int(0.99 * (len(ranked) - 1))],
    }


def main() -> None:
    """Print the table and write `bench/swap.json` below the state folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--exchanges", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = dense_base().path
    reloads = []
    for seed in (1, 2, 1):
        adapter, started = adapter_folder(seed), time.perf_counter()
        model = load_served(folder, f"v{seed}", f"{seed}" * 64, adapter)
        reloads.append(time.perf_counter() - started)
    expected_answer(1), expected_answer(2)
    worker = Worker(model, 10_000)
    load(worker, 50, args.clients)
    quiet, quiet_seconds = load(worker, args.requests, args.clients)
    ended = threading.Event()
    exchanging = threading.Thread(target=exchange_evenly, args=(worker, args.exchanges, quiet_seconds, ended))
    exchanging.start()
    busy, busy_seconds = load(worker, args.requests, args.clients)
    ended.set()
    exchanging.join()
    worker.stop()
    exchanges = worker.seconds_of_exchanges
    found = {
        "quiet": summary(quiet, quiet_seconds),
        "through exchanges": summary(busy, busy_seconds),
        "exchange_ms": {"median": 1e3 * statistics.median(exchanges), "slowest": 1e3 * max(exchanges)},
        "plain way: load anew, ms": 1e3 * statistics.median(reloads),
        "run": {
            "machine": platform.processor() or platform.machine(),
            "n_exchanges": len(exchanges),
            **vars(args),
            **{name: version(name) for name in ("torch", "transformers", "peft")},
        },
    }
    file = state_dir() / "bench" / "swap.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
