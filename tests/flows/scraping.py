"""`hindsight metrics` beside a running stack, scraped as Prometheus does it."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tasks.common.settings import project_root
from tests.local_stack import Stack
from tests.s3_server import free_port
from tests.waiting import GENEROUS_SECONDS

Scrape = dict[str, list[tuple[dict[str, str], float]]]
"""Labels and values by metric."""
EVERY_SECONDS = 1.0


@contextmanager
def metrics_of(stack: Stack) -> Iterator[str]:
    """The address of the stack's metrics, until the block ends."""
    port = free_port()
    command = [*stack.account, sys.executable, "-m", "hindsight", "metrics", "--port", str(port)]
    process = subprocess.Popen(command, cwd=project_root(), env=stack.environment())
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + GENEROUS_SECONDS
    try:
        while not _answers(address):
            assert process.poll() is None, "hindsight metrics has ended"
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def scraping(address: str) -> Iterator[list[Scrape]]:
    """Scrapes that grow while the block runs."""
    scrapes: list[Scrape] = []
    is_over = threading.Event()

    def scrape_on() -> None:
        while not is_over.wait(EVERY_SECONDS):
            scrapes.append(scrape(address))

    thread = threading.Thread(target=scrape_on)
    thread.start()
    try:
        yield scrapes
    finally:
        is_over.set()
        thread.join()


def scrape(address: str, auth: tuple[str, str] | None = None) -> Scrape:
    """One scrape, read by Prometheus' parser."""
    answer = httpx.get(f"{address}/metrics", auth=auth, timeout=GENEROUS_SECONDS).raise_for_status()
    families = text_string_to_metric_families(answer.text)
    return {family.name: [(sample.labels, sample.value) for sample in family.samples] for family in families}


def _answers(address: str) -> bool:
    try:
        httpx.get(address, timeout=GENEROUS_SECONDS)
    except httpx.ConnectError:
        return False
    return True
