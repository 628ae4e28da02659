"""Bounds a person sets on one run's spending."""

from pydantic import Field

from tasks.common.settings import Config


class Limits(Config):
    """What a run may spend before it asks."""

    max_dollars: float | None = Field(None, ge=0, le=10_000_000)
    """Limit of one run in dollars, failed attempts and retries included. Before a stage that would exceed it the run
    pauses and asks. Null: it never asks."""
    answer_hours: float = Field(72, gt=0, le=24 * 30)
    """How long the run waits for an answer. Then it ends; a retry asks again."""
