"""The models of an audit, beside the days of the panel, and the rows that vintages served."""

from tasks.common.text import DASH, Row
from tasks.schemas.artifacts import Preflight
from tasks.schemas.vintages import RowSpan, Vintages


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


def served_rows(found: Vintages) -> list[Row]:
    """A row per vintage, oldest first, then the rows that none may serve."""
    return [
        *({"served by": own.model, "cutoff": f"{own.cutoff}", **_span(own)} for own in found.served),
        {"served by": "none", "cutoff": DASH, **_span(found.unserved)},
    ]


def _span(span: RowSpan) -> Row:
    first, last = (DASH if day is None else f"{day}" for day in (span.first, span.last))
    return {"rows": f"{span.n_rows:,}", "first day": first, "last day": last}


def _count(n: int | None) -> str:
    return DASH if n is None else f"{n:,}"
