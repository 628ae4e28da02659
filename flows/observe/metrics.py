"""A snapshot as Prometheus' metrics.

Labels are names of pools, stages and pipelines, and ids of runs that have not ended: no text that a person wrote. What
is not known has no sample.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx
from prefect.exceptions import PrefectException
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from flows.observe.snapshot import LiveRun, Observer, Snapshot
from flows.observe.spend import PoolSpend

RUN = ("run", "stage", "pool")


@dataclass(frozen=True)
class Family:
    """One metric.

    Args:
        name: With its unit.
        text: Help.
        labels: Names.
    """

    name: str
    text: str
    labels: Sequence[str] = ()


UP = Family("hindsight_server_up", "1 if Prefect's server answered; 0 comes without any other metric.")
POOL_READY = Family("hindsight_pool_ready", "1 if a worker serves the pool and it is not paused.", ("pool",))
POOL_WORKERS = Family("hindsight_pool_workers", "Workers whose heartbeat is recent.", ("pool",))
POOL_LIMIT = Family("hindsight_pool_limit_runs", "Runs at a time; absent without a limit.", ("pool",))
RUNS = Family("hindsight_runs", "Runs that have not ended, parents too.", ("stage", "pool", "state"))
WAITED = Family("hindsight_queue_oldest_seconds", "How long the oldest waiting run has waited.", ("pool",))
ENDED = Family("hindsight_month_ended_runs", "Runs that ended this month (UTC).", ("stage", "state"))
RUN_SECONDS = Family("hindsight_stage_seconds", "On its machine, in this attempt.", RUN)
DONE = Family("hindsight_stage_done", "Finished work in the unit.", (*RUN, "unit"))
TOTAL = Family("hindsight_stage_total", "All work in the unit; absent if not known.", (*RUN, "unit"))
BYTES = Family("hindsight_stage_bytes_per_second", "Of the upload, download or check that runs.", RUN)
RATE = Family("hindsight_stage_items_per_second", "Of other long work, in the unit.", (*RUN, "unit"))
LEFT = Family("hindsight_stage_left_seconds", "At the present rate.", RUN)
TOKENS = Family("hindsight_train_tokens_per_second", "Over all GPUs, since the attempt began.", RUN)
LOSS = Family("hindsight_train_loss", "Of the newest step.", RUN)
MFU = Family("hindsight_train_mfu_ratio", "Share of the GPUs' bf16 peak; absent if the peak is not known.", RUN)
MEMORY = Family("hindsight_train_peak_memory_bytes", "Of the rank that uses most: GPU memory, or the process's.", RUN)
STEP = Family("hindsight_train_step", "Optimizer steps done.", RUN)
STEPS = Family("hindsight_train_steps", "Optimizer steps of the whole run.", RUN)
STATES = Family("hindsight_train_states", "Training states of the run in the store.", RUN)
TODAY = Family("hindsight_spend_today_dollars", "Since midnight UTC, at today's prices.", ("pool",))
MONTH = Family("hindsight_spend_month_dollars", "Since the month's first day, at today's prices.", ("pool",))
MACHINE = Family("hindsight_month_machine_seconds", "Machine time this month.", ("pool",))
UNPRICED = Family("hindsight_month_unpriced_seconds", "Machine time this month on pools without a price.", ("pool",))

FAMILIES = tuple(value for value in list(globals().values()) if isinstance(value, Family))

Sample = tuple[Family, tuple[str, ...], float]


class ServerCollector(Collector):
    """Collects the metrics of the server that this process is a client of.

    Args:
        observer: Reads it.
    """

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """All families, without a look at the server."""
        return iter([_metric(family) for family in FAMILIES])

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All families that have samples now."""
        metrics = {family: _metric(family) for family in FAMILIES}
        for family, labels, value in self._samples():
            metrics[family].add_metric(labels, value)
        return (metric for metric in metrics.values() if metric.samples)

    def _samples(self) -> list[Sample]:
        try:
            snapshot = self.observer.snapshot()
        except (httpx.HTTPError, PrefectException):
            return [(UP, (), 0.0)]
        return [(UP, (), 1.0), *samples_of(snapshot)]


def samples_of(snapshot: Snapshot) -> Iterator[Sample]:
    """The samples of a snapshot."""
    for pool in snapshot.pools:
        yield POOL_READY, (pool.name,), float(pool.status == "ready")
        yield POOL_WORKERS, (pool.name,), pool.n_workers
        if pool.limit is not None:
            yield POOL_LIMIT, (pool.name,), pool.limit
    yield from _queue(snapshot.runs)
    for (flow, state), n in sorted(snapshot.ended.items()):
        yield ENDED, (flow, state), n
    for run in snapshot.runs:
        if run.is_stage and not run.is_waiting:
            yield from _stage(run)
    yield from _spend(snapshot.today, snapshot.month)


def _queue(runs: Sequence[LiveRun]) -> Iterator[Sample]:
    kinds = [(run.flow, run.pool, run.state) for run in runs]
    for kind in sorted(set(kinds)):
        yield RUNS, kind, kinds.count(kind)
    waiting = [run for run in runs if run.is_waiting]
    for pool in sorted({run.pool for run in waiting}):
        yield WAITED, (pool,), max(run.seconds for run in waiting if run.pool == pool)


def _stage(run: LiveRun) -> Iterator[Sample]:
    labels = (str(run.run_id), run.flow, run.pool)
    yield RUN_SECONDS, labels, run.seconds
    left = None
    if work := run.progress:
        left, unit = work.seconds_left, (*labels, work.unit)
        yield DONE, unit, work.n_done
        if work.n_total is not None:
            yield TOTAL, unit, work.n_total
        yield (BYTES, labels, work.per_second) if work.unit == "bytes" else (RATE, unit, work.per_second)
    if step := run.step:
        left = step.seconds_left
        figures = {
            TOKENS: step.tokens_per_second,
            LOSS: step.loss,
            MFU: step.mfu,
            MEMORY: step.peak_memory_bytes,
            STEP: step.step,
            STEPS: step.n_steps,
            STATES: step.n_states,
        }
        yield from ((family, labels, value) for family, value in figures.items() if value is not None)
    if left is not None:
        yield LEFT, labels, left


def _spend(today: Sequence[PoolSpend], month: Sequence[PoolSpend]) -> Iterator[Sample]:
    for family, spends in ((TODAY, today), (MONTH, month)):
        yield from ((family, (spend.pool,), spend.dollars) for spend in spends if spend.dollars is not None)
    for spend in month:
        yield MACHINE, (spend.pool,), spend.seconds
        if spend.dollars is None:
            yield UNPRICED, (spend.pool,), spend.seconds


def _metric(family: Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.name, family.text, labels=family.labels)
