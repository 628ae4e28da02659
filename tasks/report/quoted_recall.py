"""Headline figures of the recall probes as `results.json` holds them."""

from collections.abc import Iterator

from tasks.schemas.estimates import Estimate
from tasks.schemas.recall import Curve, FactScores, ModelRecall, Recall, Recalled
from tasks.schemas.results import QuotedRecall, RecallChange, RecallFigure, RecallName


def quoted_recall(found: Recall | None, digest: str | None) -> QuotedRecall | None:
    """Figures and change points of every model and pair.

    Args:
        found: What the probes found; None where the run has none.
        digest: Of the recall artifact; None where its record is not among the report's.

    Returns:
        None without probes. A probe that asked nothing has no figure.
    """
    if found is None:
        return None
    curves = {name: own.curve for name, own in found.models.items()}
    curves |= {pair: own.curve for pair, own in found.pairs.items()}
    return QuotedRecall(
        figures=[
            *(_rise(name, own) for name, own in curves.items()),
            *(figure for name, own in found.models.items() for figure in _of_model(name, own)),
        ],
        change_points=[_change(name, own) for name, own in curves.items()],
        artifact=digest,
    )


def _rise(of: str, own: Curve) -> RecallFigure:
    n_documents = sum(period.n_documents for period in own.periods)
    return _figure("rise", of, own.rise.point, own.rise.interval, n_documents, own.rise.why_none)


def _of_model(of: str, own: ModelRecall) -> Iterator[RecallFigure]:
    if asked := own.questions.get("date_only"):
        rows: dict[RecallName, Recalled] = {"auc": asked.overall, "auc_before": asked.before, "auc_after": asked.after}
        for name, one in rows.items():
            yield _figure(name, of, one.auc.point, one.auc.by_date, one.n_rows, one.auc.why_none)
    if own.facts.n_items:
        yield from _recognised(of, own.facts)


def _recognised(of: str, own: FactScores) -> Iterator[RecallFigure]:
    sides: dict[RecallName, tuple[Estimate, int]] = {
        "recognised_before": (own.before, own.n_before),
        "recognised_after": (own.after, own.n_after),
    }
    for name, (share, n) in sides.items():
        yield _figure(name, of, share.point, share.interval, n, share.why_none)


def _figure(
    name: RecallName, of: str, point: float | None, ends: tuple[float, float] | None, n: int, why_none: str
) -> RecallFigure:
    low, high = ends or (None, None)
    unit = "bits per byte" if name == "rise" else "probability" if name.startswith("auc") else "share"
    return RecallFigure(figure=name, of=of, unit=unit, point=point, low=low, high=high, n=n, why_none=why_none)


def _change(of: str, own: Curve) -> RecallChange:
    change = own.change
    first, last = change.interval or (None, None)
    return RecallChange(
        of=of, day=change.day, first=first, last=last, rise=change.rise, n=change.n_documents, why_none=change.why_none
    )
