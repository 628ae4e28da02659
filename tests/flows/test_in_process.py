"""Stages in the parent's process, and a server that is away when one begins."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.runner.in_process import run_in_process
from flows.runner.request import StageRequest
from flows.stages import STAGES
from tasks.common import retry
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store
from tests.flows.stage_runs import panel_spec
from tests.infra.balancer import balancer
from tests.local_stack import Stack
from tests.s3_server import free_port


@pytest.fixture
def retried() -> Iterator[Event]:
    """Set by the first line about a retry; a filter, because Prefect replaces handlers."""
    heard, logger = Event(), logging.getLogger(retry.__name__)

    def hear(record: logging.LogRecord) -> bool:
        heard.set()
        return True

    logger.addFilter(hear)
    yield heard
    logger.removeFilter(hear)


@pytest.mark.server
def test_a_stage_that_begins_while_the_server_is_away_begins_when_it_is_back(on_stack: Stack, retried: Event) -> None:
    spec, relay, server = panel_spec(811), ("127.0.0.1", free_port()), ("127.0.0.1", on_stack.port)
    request = StageRequest("panel", "panel/cpu", spec, "test: panel 811")

    @flow
    def parent() -> ArtifactRef:
        reachable.close()
        returns = others.submit(come_back)
        made = run_in_process(STAGES["panel"].flow, request, open_store(), uses_transformers=False)
        assert returns.result(), "the stage did not notice that the server was away"
        return made

    def come_back() -> bool:
        is_noticed = retried.wait(60)
        reachable.enter_context(balancer(relay, [server]))
        return is_noticed

    address = temporary_settings(updates={PREFECT_API_URL: f"http://{relay[0]}:{relay[1]}/api"})
    with address, ThreadPoolExecutor(1) as others, ExitStack() as reachable:
        reachable.enter_context(balancer(relay, [server]))
        assert parent() == open_store().find(spec)
