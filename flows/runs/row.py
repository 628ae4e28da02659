"""One row per run of the pipeline: who ran what, its time and dollars, and the values of its metrics."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tasks.common.settings import Frozen
from tasks.schemas.scores import Answer, PairScores, PremiumScores
from tasks.store.records import Record
from tasks.sweep.config import MetricName
from tasks.sweep.figures import METRICS, Figure, figure_of

CLOCKS_APART = timedelta(seconds=30)
"""Tolerance for the difference between two machines' clocks."""
COLUMNS: tuple[MetricName, ...] = ("lookahead", "gain", "premium_base", "premium_trained")
"""Figures of a row."""


class Spend(Frozen):
    """Machine time and dollars of one stage of one run."""

    stage: str
    seconds: float
    dollars: float | None
    """None if the pool has no price."""


class RunRow(Frozen):
    """A run in the table of all runs; None for what a run does not have."""

    who: str
    started: datetime | None
    recipe: str
    deployment: str
    differs: str
    """Settings that differ from the deployment's recipe, or from the defaults if it has none."""
    state: str
    reason: str = ""
    """Why there is no report."""
    tokens_seen: int | None = None
    built: tuple[Spend, ...] = ()
    """Stages whose artifacts this run built, each counted for one run only."""
    reused: tuple[Spend, ...] = ()
    """Stages whose artifacts existed already."""
    lookahead: Figure | None = None
    gain: Figure | None = None
    premium_base: Figure | None = None
    premium_trained: Figure | None = None
    verdict: str = ""
    minutes: float | None = None
    link: str

    @property
    def dollars(self) -> float | None:
        """What this run added to the bill; None if no stage's price is known."""
        return total(self.built)

    @property
    def dollars_in_all(self) -> float | None:
        """Cost of all artifacts behind this run's numbers, including those that earlier runs paid for."""
        return total((*self.built, *self.reused))


@dataclass(frozen=True)
class Run:
    """When a run ran, and which artifacts it used.

    Args:
        started: First moment; None before its start.
        ended: Last moment so far.
        records: Of its existing artifacts, by step.
    """

    started: datetime | None
    ended: datetime | None
    records: Mapping[str, Record]


def total(spends: Iterable[Spend]) -> float | None:
    """Dollars of all stages whose price is known; None if none is."""
    known = [spend.dollars for spend in spends if spend.dollars is not None]
    return sum(known) if known else None


def dollars_of(record: Record) -> float | None:
    """What building an artifact cost, failed attempts included; None if no price was known.

    Records older than schema 3 have it only for trainings, in their facts.
    """
    if record.spent:
        return record.spent.dollars
    dollars = record.facts.get("dollars")
    return float(dollars) if isinstance(dollars, int | float) else None


def seconds_of(record: Record) -> float:
    """Seconds on its pool's machine, failed attempts included."""
    if record.spent is None:
        return record.seconds
    return record.spent.seconds + (record.spent.failed.seconds if record.spent.failed else 0.0)


def tokens_seen(records: Iterable[Record]) -> int | None:
    """Tokens of the training without the placebo's; None if nothing was trained yet."""
    seen = [record.facts.get("tokens_seen") for record in records if record.kind == "train"]
    return next((tokens for tokens in seen if isinstance(tokens, int)), None)


def final_loss(records: Iterable[Record]) -> float | None:
    """Loss of the training's last step; None if nothing was trained yet."""
    losses = [record.facts.get("final_loss") for record in records if record.kind == "train"]
    return next((float(loss) for loss in losses if isinstance(loss, int | float)), None)


def spend_of(record: Record) -> Spend:
    """Machine time and dollars of an artifact."""
    return Spend(stage=record.kind, seconds=seconds_of(record), dollars=dollars_of(record))


def records_until(records: Mapping[str, Record], ended: datetime | None) -> dict[str, Record]:
    """The records that existed when a run ended; what was built or rebuilt later is not a result of it.

    Args:
        records: By step.
        ended: None while it runs.
    """
    latest = None if ended is None else ended + CLOCKS_APART
    return {step: record for step, record in records.items() if latest is None or record.finished_at <= latest}


def builders(runs: Sequence[Run]) -> dict[str, int]:
    """Which run built which artifact, so that each artifact is billed once.

    The run during which the artifact was finished; if several runs overlap, the one that started first,
    because the others waited for it.

    Args:
        runs: In any order.

    Returns:
        Index in `runs` by the artifact's path; an artifact older than all of them is absent.
    """
    found: dict[str, int] = {}
    in_order = sorted(range(len(runs)), key=lambda place: (runs[place].started is None, runs[place].started))
    for place in in_order:
        for record in runs[place].records.values():
            if _ran_when_built(runs[place], record):
                found.setdefault(record.ref.path, place)
    return found


def metric_columns(scores: PremiumScores) -> dict[str, Any]:
    """The figures of a row."""
    return {**{name: figure_of(scores, METRICS[name]) for name in COLUMNS}, "verdict": verdict(scores)}


def verdict(scores: PremiumScores) -> str:
    """The answer to the run's hypothesis; without one, on which side of zero lookahead and gain are."""
    if scores.robust is None:
        return "none: the reference's figures alone do not tell who knows more"
    if not scores.pairs:
        return "none: one model was measured"
    found = {pair: _concluded(own) for pair, own in scores.robust.pairs.items()}
    return "; ".join(text if len(found) == 1 else f"{pair}: {text}" for pair, text in found.items())


def _concluded(scores: PairScores) -> str:
    if scores.answer:
        return _answered(scores.answer)
    found = [f"{metric} {conclusion.verdict}" for metric, conclusion in scores.conclusions.items()]
    return ", ".join(found) or "none: scores of an earlier version have no conclusions"


def _answered(answer: Answer) -> str:
    return f"{answer.verdict}: {answer.metric} at least {answer.at_least:g}"


def _ran_when_built(run: Run, record: Record) -> bool:
    if run.started is None or record.finished_at < run.started:
        return False
    return run.ended is None or record.finished_at <= run.ended
