"""No request fails and no answer is of two versions, however often the adapter is exchanged; the control mixes."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from tasks.forward.errors import UnusableAdapter
from tasks.serve.engine import LoadedVersion
from tasks.serve.errors import QueueFull, Stopped
from tasks.serve.served_model import FINGERPRINT_TEXTS, Sampling, ServedModel, load_served
from tasks.serve.worker import Answer, Steps, Worker
from tests.chat_fixtures import dense_base
from tests.serve.small_line import N_NEW, PROMPT, adapter_folder, exchange_at_once, expected_answer

N_CLIENTS, N_EXCHANGES = 8, 20
LARGE_RANK = 512
"""Adapters of about two megabytes: two hundred that stayed in memory would be seen."""


def served() -> ServedModel:
    return load_served(dense_base().path, "v1", "1" * 64, adapter_folder(1))


def ask_while_exchanging(
    worker: Worker, exchange: Callable[[str, str, Path], LoadedVersion], n_requests: int, *, evenly: bool = False
) -> list[tuple[str, list[int]]]:
    """Ask from several clients through many exchanges; returns each answer with the version it names.

    Exchanges follow each other at once, or evenly among the requests.
    """
    prompt = worker.model.tokenizer(PROMPT)["input_ids"]
    answered = threading.Semaphore(0)

    def ask(_: int) -> tuple[str, list[int]]:
        answer = worker.ask(prompt, Sampling(N_NEW))
        tokens = list(answer)
        assert answer.version is not None
        answered.release()
        return answer.version.name, tokens

    def exchange_all() -> None:
        for number in range(N_EXCHANGES):
            for _ in range(n_requests // (N_EXCHANGES + 1) if evenly else 0):
                answered.acquire(timeout=60)
            name = 1 + (number + 1) % 2
            exchange(f"v{name}", f"{name}" * 64, adapter_folder(name))

    exchanging = threading.Thread(target=exchange_all)
    with ThreadPoolExecutor(N_CLIENTS) as clients:
        exchanging.start()
        answers = list(clients.map(ask, range(n_requests)))
    exchanging.join()
    return answers


def n_mixed(answers: list[tuple[str, list[int]]]) -> int:
    return sum(tokens != expected_answer(int(name.removeprefix("v"))) for name, tokens in answers)


def test_through_twenty_exchanges_no_request_fails_and_none_is_mixed() -> None:
    worker = Worker(served(), 64)
    answers = ask_while_exchanging(worker, lambda *version: worker.exchange(*version).result(60), 200)
    worker.stop()
    assert len(answers) == 200
    assert n_mixed(answers) == 0
    assert {name for name, _ in answers} == {"v1", "v2"}
    assert len(worker.seconds_of_exchanges) == N_EXCHANGES


@pytest.mark.slow
def test_of_a_thousand_requests_from_eight_clients_through_twenty_exchanges_none_fails_or_is_mixed() -> None:
    worker = Worker(served(), 64)
    answers = ask_while_exchanging(worker, lambda *version: worker.exchange(*version).result(60), 1_000, evenly=True)
    worker.stop()
    assert len(answers) == 1_000
    assert n_mixed(answers) == 0
    assert len(worker.seconds_of_exchanges) == N_EXCHANGES
    # Evenly: every block of requests between two exchanges has its version.
    assert all(Counter(name for name, _ in answers)[name] > 300 for name in ("v1", "v2"))


@pytest.mark.slow
def test_memory_is_flat_over_two_hundred_exchanges() -> None:
    model, process = served(), psutil.Process()

    def exchange(number: int) -> int:
        seed = 1 + number % 2
        exchange_at_once(model, f"v{number}", f"{number:064}", adapter_folder(seed, rank=LARGE_RANK))
        return int(process.memory_info().rss)

    before = max(exchange(number) for number in range(20))
    most = max(exchange(number) for number in range(20, 220))
    one = (adapter_folder(1, rank=LARGE_RANK) / "adapter_model.safetensors").stat().st_size
    assert 200 * one > 0.25 * before, "the adapters are too small: were all kept, it would not be seen"
    assert most <= 1.05 * before


def test_the_same_load_finds_mixed_answers_where_exchanges_do_not_wait_their_turn() -> None:
    worker = Worker(served(), 64)
    answers: list[tuple[str, list[int]]] = []
    for _ in range(10):
        answers += ask_while_exchanging(worker, partial(exchange_at_once, worker.model), 60)
        if n_mixed(answers):
            break
    worker.stop()
    assert n_mixed(answers) > 0


def test_a_failed_exchange_is_told_to_who_ordered_it_and_answers_go_on(tmp_path: Path) -> None:
    worker = Worker(served(), 64)
    with pytest.raises(UnusableAdapter, match=r"v2 has no adapter_model\.safetensors"):
        worker.exchange("v2", "2" * 64, tmp_path).result(60)
    assert list(worker.ask(worker.model.tokenizer(PROMPT)["input_ids"], Sampling(N_NEW))) == expected_answer(1)
    worker.stop()


def test_requests_are_answered_between_the_steps_of_an_exchange_and_the_version_changes_after_the_last() -> None:
    """One request arrives during each step."""
    worker, prompt, n_steps = Worker(served(), 64), served().tokenizer(PROMPT)["input_ids"], 0
    asked: list[Answer] = []

    def exchange(model: ServedModel, *version: Any) -> Steps:
        nonlocal n_steps
        steps = model.exchange(*version)
        while True:
            asked.append(worker.ask(prompt, Sampling(N_NEW)))
            try:
                next(steps)
            except StopIteration as ended:
                return ended.value
            n_steps += 1
            yield

    worker._exchange = exchange
    worker.exchange("v2", "2" * 64, adapter_folder(2)).result(60)
    answers = [(list(each), each.version) for each in asked]
    worker.stop()
    assert n_steps == 2 + 2 * len(FINGERPRINT_TEXTS)
    names = [version.name for _, version in answers if version]
    assert names == ["v1"] * n_steps + ["v2"]
    assert n_mixed([(name, tokens) for name, (tokens, _) in zip(names, answers, strict=True)]) == 0


def test_a_full_queue_and_an_ending_server_refuse() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(model: ServedModel, *version: object) -> Iterator[None]:
        begun.set()
        go_on.wait(60)
        yield

    worker = Worker(served(), 2, slow)
    worker.exchange("v2", "2" * 64, adapter_folder(2))
    begun.wait(60)
    waiting: list[Answer] = [worker.ask([1, 2, 3], Sampling(1)) for _ in range(2)]
    with pytest.raises(QueueFull, match="2 requests wait, and 2 may"):
        worker.ask([1, 2, 3], Sampling(1))
    go_on.set()
    assert all(len(list(answer)) == 1 for answer in waiting)
    worker.stop()
    with pytest.raises(Stopped):
        worker.ask([1, 2, 3], Sampling(1))


def test_a_request_that_nobody_reads_any_more_ends_early() -> None:
    worker = Worker(served(), 64)
    answer = worker.ask(worker.model.tokenizer(PROMPT)["input_ids"], Sampling(200))
    next(iter(answer))
    answer.is_given_up.set()
    rest = list(answer)
    worker.stop()
    assert len(rest) < 199
