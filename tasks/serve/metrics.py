"""Metrics of the server in Prometheus' text format."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tasks.serve.engine import Engine
from tasks.serve.follow import Follower


class Metrics:
    """Counters of one server.

    Args:
        engine: Answers.
        follower: Follows the history.
    """

    def __init__(self, engine: Engine, follower: Follower) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "hindsight_request_seconds", "From the question to the answer's end.", registry=self.registry
        )
        self._tokens = Counter("hindsight_tokens", "New tokens.", registry=self.registry)
        active = Gauge("hindsight_version", "1 for the version that answers.", ["version"], registry=self.registry)
        self._version = active
        for name, text, function in (
            ("hindsight_waiting", "Requests that wait.", lambda: engine.n_waiting),
            ("hindsight_exchanges", "Exchanges of the version.", lambda: len(engine.seconds_of_exchanges)),
            ("hindsight_exchange_seconds", "Of the last exchange.", lambda: (engine.seconds_of_exchanges or [0.0])[-1]),
            ("hindsight_restarts", "Restarts of an engine that had ended.", lambda: engine.n_restarts),
            ("hindsight_follow_failures", "Looks at the history that failed.", lambda: follower.n_failed),
            ("hindsight_is_behind", "1 if production may not be what answers.", lambda: float(bool(follower.problem))),
        ):
            Gauge(name, text, registry=self.registry).set_function(function)
        self._engine = engine

    @contextmanager
    def request(self) -> Iterator[None]:
        """Time a request."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds.observe(time.monotonic() - started)

    def add_tokens(self, n_tokens: int) -> None:
        """Count new tokens."""
        self._tokens.inc(n_tokens)

    def text(self) -> str:
        """All metrics."""
        self._version.clear()
        self._version.labels(self._engine.version.name).set(1)
        return generate_latest(self.registry).decode()
