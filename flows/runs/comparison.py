"""Two reports of one recipe side by side: how new prices changed the difference between the models."""

from flows.runs.existing_reports import ExistingReport
from tasks.schemas.artifacts import Report
from tasks.store.store import Store

Row = dict[str, str]
NONE_YET = "none yet"
HEADLINE = ("base - trained: lookahead", "base - trained: gain")
"""How the headline figures' rows begin; a report without them begins with the reference's reduction."""


def before_and_now(before: ExistingReport | None, now: ExistingReport, store: Store) -> list[Row]:
    """The headline figures, the prices they are of, and every other difference between base and trained model.

    Args:
        before: The report on earlier prices; None if there is none.
        now: The report on new ones.
        store: Where both are.

    Returns:
        Rows of figure, before and now; a figure that one of the two lacks is blank there.
    """
    old, new = (_figures(before, store) if before else {}), _figures(now, store)
    blank = "" if before else NONE_YET
    return [
        {"figure": name, "before": old.get(name, blank), "now": new.get(name, "")} for name in [*new, *old.keys() - new]
    ]


def _figures(found: ExistingReport, store: Store) -> Row:
    table = Report(store.fetch(found.report)).table()
    differences = {f"base - trained: {row['figure']}": row["difference"] for row in table if row["difference"]}
    facts = store.record(found.panel).facts
    source = facts.get("source")
    prices = str(source.get("csv_sha256", source)) if isinstance(source, dict) else str(source)
    days = f"{facts.get('first_day')} to {facts.get('last_day')}"
    about = {"prices": prices[:12], "days of the panel": days, "rows of the panel": str(facts.get("n_rows"))}
    first = {name: value for name, value in differences.items() if name.startswith(HEADLINE)}
    return {**(first or dict(list(differences.items())[:1])), **about, **differences}
