"""Exchanging the version of a running engine: what requests see of it, by each engine.

Clients ask without pause. Undisturbed rounds and rounds with exchanges alternate, the order reversed from pair to pair,
so that other work on the machine meets both alike. Each answer is compared with that of a fresh load of the version
that it names: one failed or mixed answer ends the benchmark.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import count
from pathlib import Path

import torch

from tasks.common.settings import state_dir
from tasks.gguf.environment import export_python
from tasks.serve.config import ServeConfig
from tasks.serve.llama_engine import LlamaEngine
from tasks.serve.schemas import CompletionRequest
from tasks.serve.served_model import Sampling, load_served
from tasks.serve.worker import Worker
from tasks.store.store import Store
from tasks.versions import moves
from tests.chat_fixtures import dense_base
from tests.serve import small_exports, small_line
from tests.serve.small_line import LINE, WHY, adapter_folder, expected_answer

Round = tuple[list[float], float]
"""Seconds of each request, and of all together."""


@dataclass(frozen=True)
class Subject:
    """An engine with two versions.

    Args:
        ask: Answers once; returns whether the answer is of the version that it names.
        exchange: Makes the version of this number the one that answers.
        seconds_of_exchanges: Of each.
        reload: The plain way to change the version.
    """

    ask: Callable[[], bool]
    exchange: Callable[[int], object]
    seconds_of_exchanges: list[float]
    reload: Callable[[], object]


@contextmanager
def transformers() -> Iterator[Subject]:
    """Adapters on one base, in this process."""

    def load() -> object:
        return load_served(dense_base().path, "v1", "1" * 64, adapter_folder(1))

    worker = Worker(load_served(dense_base().path, "v1", "1" * 64, adapter_folder(1)), 10_000)
    prompt = worker.model.tokenizer(small_line.PROMPT)["input_ids"]

    def ask() -> bool:
        answer = worker.ask(prompt, Sampling(small_line.N_NEW))
        tokens = list(answer)
        return answer.version is not None and tokens == expected_answer(int(answer.version.name[1:]))

    def exchange(number: int) -> object:
        return worker.exchange(f"v{number}", f"{number}" * 64, adapter_folder(number)).result()

    expected_answer(1), expected_answer(2)
    yield Subject(ask, exchange, worker.seconds_of_exchanges, load)
    worker.stop()


@contextmanager
def llama_cpp() -> Iterator[Subject]:
    """A process per version."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"{folder}/store", Path(folder) / "cache")
        for number in (1, 2):
            small_exports.add_release(store, number)
        moves.promote(store, LINE, "v1", **WHY)
        asked = CompletionRequest(prompt=small_exports.PROMPT, max_tokens=small_exports.N_NEW)
        engine = LlamaEngine(store, LINE, ServeConfig())

        def ask() -> bool:
            reply = engine.answer(asked)
            return "".join(reply.pieces()) == small_exports.expected_text(int(reply.version.name[1:]))

        def exchange(number: int) -> object:
            return engine.exchange(moves.existing_history(store, LINE).version(f"v{number}"))

        def load() -> object:
            return LlamaEngine(store, LINE, ServeConfig()).stop()

        small_exports.expected_text(1), small_exports.expected_text(2)
        yield Subject(ask, exchange, engine.seconds_of_exchanges, load)
        engine.stop()


ENGINES = {"transformers": transformers, "llama.cpp": llama_cpp}


def one_round(subject: Subject, n_requests: int, n_clients: int, exchanges: range, pause_seconds: float) -> Round:
    """Ask until these requests are answered and these exchanges have ended, however long one takes."""
    numbers = count()

    def exchange_all() -> None:
        for number in exchanges:
            subject.exchange(1 + (number + 1) % 2)
            time.sleep(pause_seconds)

    def ask_on() -> list[float]:
        found = []
        while next(numbers) < n_requests or not exchanging.done():
            started = time.perf_counter()
            if not subject.ask():
                raise SystemExit("an answer is not of the version that it names")
            found.append(time.perf_counter() - started)
        return found

    started = time.perf_counter()
    with ThreadPoolExecutor(n_clients + 1) as threads:
        exchanging = threads.submit(exchange_all)
        clients = [threads.submit(ask_on) for _ in range(n_clients)]
        found = [second for client in clients for second in client.result()]
        exchanging.result()
    return found, time.perf_counter() - started


def summary(rounds: list[Round]) -> dict[str, float]:
    """Requests per second, and what a request takes."""
    ranked = sorted(second for seconds, _ in rounds for second in seconds)
    return {
        "requests_per_second": len(ranked) / sum(together for _, together in rounds),
        "median_ms": 1e3 * statistics.median(ranked),
        "p99_ms": 1e3 * ranked[int(0.99 * (len(ranked) - 1))],
    }


def n_answers(rounds: list[Round]) -> int:
    """Requests of all rounds together."""
    return sum(len(seconds) for seconds, _ in rounds)


def version_of_llama_cpp() -> str:
    """That of the binding in the export's environment, whose last part is llama.cpp's build."""
    script = "from importlib.metadata import version; print(version('xllamacpp'))"
    return subprocess.check_output([export_python(), "-c", script], text=True).strip()


def measured(subject: Subject, args: argparse.Namespace) -> dict[str, object]:
    """Rounds in alternating order, and the plain way."""
    n_requests, n_exchanges = args.requests // args.pairs, args.exchanges // args.pairs
    n_before, none = len(subject.seconds_of_exchanges), range(0)
    _, seconds = one_round(subject, n_requests, args.clients, none, 0.0)
    rounds: dict[bool, list[Round]] = {False: [], True: []}
    for pair in range(args.pairs):
        own = range(pair * n_exchanges, (pair + 1) * n_exchanges)
        for is_exchanged in (False, True) if pair % 2 else (True, False):
            numbers = own if is_exchanged else none
            rounds[is_exchanged].append(one_round(subject, n_requests, args.clients, numbers, seconds / n_exchanges))
    quiet, busy, exchanges = summary(rounds[False]), summary(rounds[True]), subject.seconds_of_exchanges[n_before:]
    reloads = []
    for _ in range(3):
        started = time.perf_counter()
        subject.reload()
        reloads.append(time.perf_counter() - started)
    return {
        "quiet": quiet,
        "through exchanges": busy,
        "p99 through exchanges, times the quiet one": busy["p99_ms"] / quiet["p99_ms"],
        "exchange_ms": {"median": 1e3 * statistics.median(exchanges), "slowest": 1e3 * max(exchanges)},
        "n_exchanges": len(exchanges),
        "n_requests": {"quiet": n_answers(rounds[False]), "through exchanges": n_answers(rounds[True])},
        "processes of the machine that wanted to run, mean of 5 minutes": os.getloadavg()[1],
        "plain way: load anew, ms": 1e3 * statistics.median(reloads),
    }


def main() -> None:
    """Print the table and write `bench/swap.json` below the state folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, action="append")
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--exchanges", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    run = {
        "machine": platform.processor() or platform.machine(),
        **vars(args),
        **{name: version(name) for name in ("torch", "transformers", "peft")},
        "xllamacpp": version_of_llama_cpp(),
    }
    found: dict[str, list[dict[str, object]]] = {}
    file = state_dir() / "bench" / "swap.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    for name in args.engine or ENGINES:
        with ENGINES[name]() as subject:
            for _ in range(args.repeats):
                found.setdefault(name, []).append(measured(subject, args))
                # After each repeat: one that is ended early leaves those before it.
                file.write_text(json.dumps({**found, "run": run}, indent=1) + "\n")
    print(file.read_text(), end="")


if __name__ == "__main__":
    main()
