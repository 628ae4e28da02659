"""The seed's figures and the records as rows of text."""

from collections.abc import Iterable

from tasks.report.text import bounds, dropped, signed
from tasks.schemas.scores import ModelScore, PremiumScores
from tasks.store.records import Record

TOKEN_FACTS = ("tokens_seen", "n_tokens")
"""Facts in which a stage records the tokens it worked through; the first one present counts."""

Row = dict[str, str]
Curve = list[tuple[float, float]]
"""(tokens seen, training loss) pairs."""


def seed_rows(scores: PremiumScores) -> list[Row]:
    """The seed contract's figures: what they are, of the base model, of the trained one, and base minus trained."""
    base, trained = scores.base, scores.trained
    kept = f"{scores.n_kept_draws} of {scores.n_draws}"
    return [
        row("premium", signed(base.premium), signed(trained.premium), signed(scores.premium_reduction)),
        row(
            "premium, 95 % of stock draws",
            bounds(base.premium_interval),
            bounds(trained.premium_interval),
            bounds(scores.reduction_interval),
        ),
        row(
            "premium, median stock draw",
            signed(base.premium_interval.p50),
            signed(trained.premium_interval.p50),
            signed(scores.reduction_interval.p50),
        ),
        _compared("R2 on: stock-disjoint folds", base, trained, "r2_on"),
        _compared("R2 off: days after the cut", base, trained, "r2_off"),
        row("stock draws kept", kept, kept, ""),
        *(row(f"stock draws dropped: {why}", str(n), str(n), "") for why, n in dropped(scores.dropped_draws)),
    ]


def stages(records: Iterable[Record]) -> list[Row]:
    """Seconds and tokens of each stage; a stage without tokens leaves them blank."""
    return [
        {
            "stage": record.kind,
            "artifact": record.label,
            "seconds": f"{record.seconds:,.1f}",
            "tokens": "" if (tokens := tokens_of(record)) is None else f"{tokens:,}",
            "tokens per second": "" if not tokens or not record.seconds else f"{tokens / record.seconds:,.0f}",
            "finished": f"{record.finished_at:%Y-%m-%d %H:%M} UTC",
        }
        for record in records
    ]


def lineage(records: Iterable[Record]) -> list[Row]:
    """Where each artifact stands, what its content hashes to and what it came from."""
    return [
        {
            "kind": record.kind,
            "label": record.label,
            "key": record.key,
            "digest": record.digest[:12],
            "inputs": ", ".join(f"{name} {ref.digest[:12]}" for name, ref in sorted(record.inputs.items())),
            "files": str(len(record.files)),
            "MB": f"{record.n_bytes / 1e6:,.2f}",
        }
        for record in records
    ]


def versions(records: Iterable[Record]) -> list[Row]:
    """Packages and commits the stages ran with; more than one where they differ."""
    seen: dict[str, set[str]] = {}
    for record in records:
        for name, version in {**record.versions, "git commit": record.git_commit or "outside a checkout"}.items():
            seen.setdefault(name, set()).add(version)
    return [{"what": name, "version": ", ".join(sorted(found))} for name, found in sorted(seen.items())]


def loss_curves(records: Iterable[Record]) -> dict[str, Curve]:
    """The loss of every training that recorded some, by its artifact's label."""
    return {record.label: curve for record in records if (curve := _curve(record))}


def tokens_of(record: Record) -> int | None:
    """Tokens a stage worked through, where it recorded them."""
    found = (record.facts.get(name) for name in TOKEN_FACTS)
    return next((value for value in found if isinstance(value, int)), None)


def row(figure: str, base: str, trained: str, difference: str) -> Row:
    """A row of the headline table."""
    return {"figure": figure, "base": base, "trained": trained, "difference": difference}


def _curve(record: Record) -> Curve:
    pairs = record.facts.get("loss_curve")
    if not isinstance(pairs, list):
        return []
    return [(float(pair[0]), float(pair[1])) for pair in pairs]  # type: ignore[index, arg-type]


def _compared(figure: str, base: ModelScore, trained: ModelScore, field: str) -> Row:
    of_base, of_trained = getattr(base, field), getattr(trained, field)
    return row(figure, signed(of_base), signed(of_trained), signed(of_base - of_trained))
