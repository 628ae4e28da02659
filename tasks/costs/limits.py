"""Bounds a person sets on one run's spending, on its retries, and on the age of what it is told of a machine."""

from pydantic import Field

from tasks.common.settings import Config


class Limits(Config):
    """What a run may spend before it asks, and what it repeats without asking."""

    max_dollars: float | None = Field(None, ge=0, le=10_000_000)
    """Limit of one run in dollars, failed attempts and retries included. Before a stage that would exceed it the run
    pauses and asks. Null: it never asks."""
    answer_hours: float = Field(72, gt=0, le=24 * 30)
    """How long the run waits for an answer. Then it ends; a retry asks again."""
    retries: int = Field(0, ge=0, le=10)
    """How often a stage on another pool is sent again, without asking, after an error that can pass: its machine or
    process was lost, the store or a source was away for minutes. What a stage refuses is never repeated."""
    doctor_hours: float = Field(24, gt=0, le=24 * 365)
    """How old the newest answer of `doctor/POOL` may be for preflight to use it; an older one says nothing of the
    machine that the pool has now."""
