"""The models of an audit, beside the days of the panel."""

from tasks.common.text import DASH, Row
from tasks.schemas.artifacts import Preflight


def audited_models(preflight: Preflight) -> list[Row]:
    """A row per model: what it is, its cutoff, and the days of the panel on either side of it."""
    return [
        {
            "model": model.name,
            "cutoff": model.cutoff,
            "what it is": model.what,
            "width": f"{model.width:,}",
            "days up to the cutoff": _count(model.n_days_before),
            "days after it": _count(model.n_days_after),
        }
        for model in preflight.models
    ]


def _count(n: int | None) -> str:
    return DASH if n is None else f"{n:,}"
