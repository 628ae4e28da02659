"""What the artifacts' records tell about the run: time, tokens, lineage, versions, loss curves and the panel."""

from collections.abc import Iterable, Mapping

from tasks.common.text import Row
from tasks.report.tables.decomposition import Relation
from tasks.report.text import spaced
from tasks.store.records import Record

TOKEN_FACTS = ("tokens_seen", "n_tokens")
"""Facts in which a stage records the tokens it processed; the first one present counts."""
TITLES = {
    "n_dropped": "Rows dropped, by reason",
    "survivorship": "Survivorship: how far the choice of stocks looked ahead",
    "table": "Found in the table",
}

Curve = list[tuple[float, float]]
"""(tokens seen, training loss) pairs."""


def stages(records: Iterable[Record]) -> list[Row]:
    """Seconds and tokens of each stage; the cells of a stage without tokens are empty."""
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
    """Key, content digest, inputs and size of each artifact."""
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


def sources(records: Iterable[Record]) -> list[Row]:
    """Stage, key and content digest of each artifact, as the lineage shows them."""
    return [{"kind": record.kind, "key": record.key, "digest": record.digest[:12]} for record in records]


def versions(records: Iterable[Record]) -> list[Row]:
    """Packages and commits the stages ran with; several versions where stages differ."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name, version in {**record.versions, "git commit": record.git_commit or "outside a checkout"}.items():
            found.setdefault(name, set()).add(version)
    return [{"what": name, "version": ", ".join(sorted(values))} for name, values in sorted(found.items())]


def tokens_of(record: Record) -> int | None:
    """Tokens a stage processed, where it recorded them."""
    found = (record.facts.get(name) for name in TOKEN_FACTS)
    return next((value for value in found if isinstance(value, int)), None)


def loss_curves(records: Iterable[Record]) -> dict[str, Curve]:
    """The loss curve of every training that recorded one, by its artifact's label."""
    return {record.label: curve for record in records if (curve := _curve(record))}


def relation_to_base(records: Iterable[Record]) -> Relation:
    """Whether the base model had been trained before this run; unknown where its record does not tell."""
    found = next((record.facts.get("pretrained") for record in records if record.kind == "base"), None)
    if not isinstance(found, bool):
        return "unknown"
    return "pretrained" if found else "untrained"


def panel_contract(records: Iterable[Record]) -> str | None:
    """The contract under which the panel was made, where its record names one."""
    found = next((record.facts.get("contract") for record in records if record.kind == "panel"), None)
    return found if isinstance(found, str) else None


def target_is_binary(records: Iterable[Record]) -> bool:
    """Whether the panel's target is 0 or 1, so that every R2 is a Brier skill score."""
    return any(record.kind == "panel" and record.facts.get("target") == "binary" for record in records)


def panel_is_table(records: Iterable[Record]) -> bool:
    """Whether the panel was made of a table of the user's, and not of prices."""
    return any(record.kind == "panel" and "table" in record.facts for record in records)


def panel_tables(records: Iterable[Record]) -> list[tuple[str, list[Row]]]:
    """A title and rows for every flat mapping of numbers among the panel's facts, such as rows dropped."""
    facts = [item for record in records if record.kind == "panel" for item in record.facts.items()]
    return [
        (TITLES.get(name, spaced(name).capitalize()), rows)
        for name, value in facts
        if isinstance(value, dict) and (rows := _number_rows(value))
    ]


def _number_rows(values: Mapping[str, object]) -> list[Row]:
    """A row per number; no rows if any value is not a number."""
    numbers = {
        name: value for name, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }
    if len(numbers) < len(values):
        return []
    return [
        {"what": spaced(name), "number": f"{value:,}" if isinstance(value, int) else f"{value:.4g}"}
        for name, value in numbers.items()
    ]


def _curve(record: Record) -> Curve:
    pairs = record.facts.get("loss_curve")
    if not isinstance(pairs, list):
        return []
    return [(float(pair[0]), float(pair[1])) for pair in pairs]  # type: ignore[index, arg-type]
