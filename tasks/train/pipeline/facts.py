"""What a checkpoint's record says of its training."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tasks.schemas.artifacts import ModelFolder
from tasks.train.config import TrainConfig
from tasks.train.estimates.flops import mfu
from tasks.train.estimates.targets import Coverage
from tasks.train.pipeline.rows import Rows
from tasks.train.pipeline.state_store import States
from tasks.train.trainer import work_files


@dataclass(frozen=True)
class TrainerTime:
    """Wall time of trainers, start-up included. What machines cost is the record's own `spent`.

    Args:
        seconds: Of this attempt.
        earlier_seconds: Of the attempts before, as far as their states told: what an attempt did after its last
            upload, and an attempt that published no state, nobody knows of.
    """

    seconds: float
    earlier_seconds: float

    @property
    def in_all(self) -> float:
        """Of all attempts."""
        return self.earlier_seconds + self.seconds


@dataclass(frozen=True)
class Outcome:
    """A training that ended well.

    Args:
        rows: What was trained on.
        metrics: Its lines, those of the state it went on from among them.
        n_trainable: Parameters trained.
        coverage: What the adapters reach; None where every weight was trained.
        spent: Wall time of the trainers.
        resumed_from_step: Steps of the state it went on from; 0 at a first start.
        states: Where its states went, if anywhere.
    """

    rows: Rows
    metrics: list[dict[str, Any]]
    n_trainable: int
    coverage: Coverage | None
    spent: TrainerTime
    resumed_from_step: int
    states: States | None


def facts_of(config: TrainConfig, base: ModelFolder, outcome: Outcome, work: Path) -> dict[str, JsonValue]:
    """Facts for the record.

    Args:
        config: The arm.
        base: What it started from.
        outcome: How it went.
        work: The trainer's folder.
    """
    return _amounts(outcome) | _speed(config, base, outcome, work) | _attempts(outcome, work)


def _amounts(outcome: Outcome) -> dict[str, JsonValue]:
    rows, metrics, coverage = outcome.rows, outcome.metrics, outcome.coverage
    return {
        "tokens_seen": metrics[-1]["tokens_seen"],
        "n_steps": rows.n_steps,
        "n_rows": rows.n_rows,
        "n_filler_rows": rows.n_filler_rows,
        "trainable_parameters": outcome.n_trainable,
        "coverage": dict(coverage.by_entry) if coverage else None,
        "final_loss": metrics[-1]["loss"],
        "loss_curve": [[line["tokens_seen"], line["loss"]] for line in metrics],
    }


def _speed(config: TrainConfig, base: ModelFolder, outcome: Outcome, work: Path) -> dict[str, JsonValue]:
    last = outcome.metrics[-1]
    tokens_per_second = last["tokens_seen"] / max(last["seconds"], 1e-3)
    gpu = _versions(work).get("gpu")
    return {
        "trainer_seconds": round(outcome.spent.in_all, 3),
        "earlier_trainer_seconds": round(outcome.spent.earlier_seconds, 3),
        "training_seconds": last["seconds"],
        "peak_memory_bytes": max(line["peak_memory_bytes"] for line in outcome.metrics),
        "tokens_per_second": round(tokens_per_second, 1),
        "mfu": mfu(base.path, config.arm.kind, tokens_per_second, config.arm.n_ranks, gpu),
    }


def _attempts(outcome: Outcome, work: Path) -> dict[str, JsonValue]:
    states = outcome.states
    return {
        "resumed_from_step": outcome.resumed_from_step,
        "n_states_published": states.n_published if states else 0,
        "n_damaged_states": len(states.damaged) if states else 0,
        "audit": json.loads((work / work_files.AUDIT).read_text()),
        "trainer_versions": dict(_versions(work)),
    }


def _versions(work: Path) -> dict[str, str]:
    versions: dict[str, str] = json.loads((work / work_files.VERSIONS).read_text())
    return versions
