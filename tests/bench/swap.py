"""Exchanging the version of a running engine: what requests see of it, by each engine.

Clients ask without pause. Undisturbed rounds and rounds with exchanges alternate, the order reversed from pair to pair,
so that other work on the machine meets both alike. Each answer is compared with that of a fresh load of the version
that it names: one failed or mixed answer ends the benchmark.
"""

import argparse
import json
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from tasks.common.settings import state_dir
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


def one_round(subject: Subject, n_requests: int, n_clients: int, first: int, n_exchanges: int, seconds: float) -> Round:
    """Ask, with exchanges spread over some time; `first` numbers the exchanges through all rounds."""
    ended = threading.Event()

    def ask(_: int) -> float:
        started = time.perf_counter()
        if not subject.ask():
            raise SystemExit("an answer is not of the version that it names")
        return time.perf_counter() - started

    def exchange_all() -> None:
        for number in range(first, first + n_exchanges):
            subject.exchange(1 + (number + 1) % 2)
            ended.wait(seconds / n_exchanges)

    exchanging = threading.Thread(target=exchange_all)
    started = time.perf_counter()
    with ThreadPoolExecutor(n_clients) as clients:
        exchanging.start()
        found = list(clients.map(ask, range(n_requests)))
    together = time.perf_counter() - started
    ended.set()
    exchanging.join()
    return found, together


def summary(rounds: list[Round]) -> dict[str, float]:
    """Requests per second, and what a request takes."""
    ranked = sorted(second for seconds, _ in rounds for second in seconds)
    return {
        "requests_per_second": len(ranked) / sum(together for _, together in rounds),
        "median_ms": 1e3 * statistics.median(ranked),
        "p99_ms": 1e3 * ranked[int(0.99 * (len(ranked) - 1))],
    }


def measured(subject: Subject, args: argparse.Namespace) -> dict[str, object]:
    """Rounds in alternating order, and the plain way."""
    each, per_round = args.requests // args.pairs, args.exchanges // args.pairs
    n_before, (_, seconds) = len(subject.seconds_of_exchanges), one_round(subject, each, args.clients, 0, 0, 0.0)
    rounds: dict[bool, list[Round]] = {False: [], True: []}
    for pair in range(args.pairs):
        for is_exchanged in (False, True) if pair % 2 else (True, False):
            n_exchanges = per_round if is_exchanged else 0
            found = one_round(subject, each, args.clients, pair * per_round, n_exchanges, seconds)
            rounds[is_exchanged].append(found)
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
    found: dict[str, object] = {}
    for name in args.engine or ENGINES:
        with ENGINES[name]() as subject:
            found[name] = [measured(subject, args) for _ in range(args.repeats)]
    found["run"] = {
        "machine": platform.processor() or platform.machine(),
        **vars(args),
        **{name: version(name) for name in ("torch", "transformers", "peft")},
    }
    file = state_dir() / "bench" / "swap.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
