"""Facts of a training for its checkpoint's record."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tasks.train.config import TrainConfig
from tasks.train.estimates.sizes import Sizes
from tasks.train.estimates.speed import mfu
from tasks.train.estimates.targets import Coverage
from tasks.train.pipeline.boundary import Boundaries
from tasks.train.pipeline.rows import Rows
from tasks.train.pipeline.state_store import States
from tasks.train.trainer import work_files


@dataclass(frozen=True)
class Outcome:
    """A training that succeeded. What machines cost is the record's own `spent`.

    Args:
        rows: What was trained on.
        metrics: All lines, those of the state it resumed from among them.
        n_trainable: Parameters trained.
        coverage: What the adapters reach; None where every weight was trained.
        seconds: Wall time of this attempt's trainer, start-up included.
        earlier_seconds: Wall time of earlier attempts' trainers, as far as their states record it: what an attempt did
            after its last upload, and an attempt that published no state, are not counted.
        resumed_from_step: Steps of the state it resumed from; 0 at a first start.
        states: Where its states went, if anywhere.
        boundaries: What each step has read; None of examples, which have no days.
    """

    rows: Rows
    metrics: list[dict[str, Any]]
    n_trainable: int
    coverage: Coverage | None
    seconds: float
    earlier_seconds: float
    resumed_from_step: int
    states: States | None
    boundaries: Boundaries | None = None


def facts_of(config: TrainConfig, sizes: Sizes, outcome: Outcome, work: Path) -> dict[str, JsonValue]:
    """Collect the facts.

    Args:
        config: The arm.
        sizes: The base model's.
        outcome: How it went.
        work: The work directory.
    """
    states, versions = outcome.states, json.loads((work / work_files.VERSIONS).read_text())
    attempts = {
        "resumed_from_step": outcome.resumed_from_step,
        "n_states_published": states.n_published if states else 0,
        "n_damaged_states": len(states.damaged) if states else 0,
        "audit": json.loads((work / work_files.AUDIT).read_text()),
        "trainer_versions": versions,
    }
    trained: dict[str, JsonValue] = {
        "objective": config.objective.kind,
        "arm": config.arm.kind,
        "n_epochs": config.objective.epochs,
    }
    amounts = _amounts(outcome) | _read(outcome)
    return trained | amounts | _speed(config, sizes, outcome, versions.get("gpu")) | attempts


def _read(outcome: Outcome) -> dict[str, JsonValue]:
    """What the checkpoint has read, and what the states that this attempt published had."""
    if (boundaries := outcome.boundaries) is None:
        return {}
    steps = outcome.states.published_steps if outcome.states else []
    return {
        "boundary": boundaries.final.model_dump(mode="json"),
        "boundaries_of_states": [boundaries.after(step).model_dump(mode="json") for step in steps],
    }


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


def _speed(config: TrainConfig, sizes: Sizes, outcome: Outcome, gpu: str | None) -> dict[str, JsonValue]:
    last = outcome.metrics[-1]
    tokens_per_second = last["tokens_seen"] / max(last["seconds"], 1e-3)
    return {
        "trainer_seconds": round(outcome.earlier_seconds + outcome.seconds, 3),
        "earlier_trainer_seconds": round(outcome.earlier_seconds, 3),
        "training_seconds": last["seconds"],
        "peak_memory_bytes": max(line["peak_memory_bytes"] for line in outcome.metrics),
        "tokens_per_second": round(tokens_per_second, 1),
        "mfu": mfu(sizes, config.arm.kind, tokens_per_second, config.arm.n_ranks, gpu),
    }
