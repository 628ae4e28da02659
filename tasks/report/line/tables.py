"""Rows of text for a line's page."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from tasks.common.text import DASH, Row, bounds, duration, signed
from tasks.report.text import EstimateRow
from tasks.schemas.live import SCORES, GateFinding, LinePage, LiveLook, PairedScore, WatchRecord


def clock(at: datetime) -> str:
    """To the minute."""
    return f"{at:%Y-%m-%d %H:%M}"


def decisive(found: GateFinding) -> PairedScore:
    """The score that decided."""
    return next(own for own in found.scores if own.name == found.decided_by)


def timeline(page: LinePage) -> list[Row]:
    """Moves and looks, the newest first: what was done, with which figures, and why."""
    found = [(move.at, _of_move(move.action), move.version, "", move.by, move.why) for move in page.moves]
    # Of one moment: a candidate is registered, looked at, and then moved.
    rank = {"registered": 0, "promoted": 2, "deprecated": 2}
    for look in page.looks:
        own = decisive(look.gate)
        figures = f"{own.name} {signed(own.difference)} {bounds(own.interval)}"
        what = f"look {look.gate.look}: {look.gate.verdict}"
        found.append((look.at, what, f"{look.candidate} beside {look.production}", figures, "", look.gate.sentence))
    columns = ("at, UTC", "what", "version", "difference", "by", "why")
    ordered = sorted(found, key=lambda row: (row[0], rank.get(row[1], 1)))
    return [dict(zip(columns, (clock(row[0]), *row[1:]), strict=True)) for row in reversed(ordered)]


def _of_move(action: str) -> str:
    return {"register": "registered", "promote": "promoted", "roll back": "rolled back", "stage": "staged"}.get(
        action, f"{action}d" if action.endswith("e") else action
    )


def versions(page: LinePage) -> list[Row]:
    """A row per version, the newest first."""
    return [
        {
            "version": own.name,
            "state": own.state,
            "registered, UTC": clock(own.registered),
            "accuracy": DASH if own.accuracy is None else f"{own.accuracy:.4f}",
            "95 %": DASH if own.accuracy_interval is None else "[{:.4f}, {:.4f}]".format(*own.accuracy_interval),
            "rows": DASH if own.accuracy_rows is None else f"{own.accuracy_rows:,}",
        }
        for own in reversed(page.versions)
    ]


LOOK_COLUMNS = (*SCORES, "smallest detectable", "evidence", "level")


def looks(page: LinePage) -> list[EstimateRow]:
    """What each look found, could show and spent, the newest first; columns LOOK_COLUMNS."""
    return [_look(own.gate) for own in reversed(page.looks)]


def _look(found: GateFinding) -> EstimateRow:
    differences = {own.name: [signed(own.difference), bounds(own.interval)] for own in found.scores}
    detectable = DASH if found.smallest_detectable is None else f"{found.smallest_detectable:.4f}"
    cells = [
        *(differences.get(name, [DASH]) for name in SCORES),
        [detectable],
        [f"{found.evidence:.3g}", f"{1 / found.level:,.0f} needed"],
        [f"{found.level:.2g}", f"spent {found.level_spent:.4f}", f"left {found.level_left:.4f}"],
    ]
    counted = f"{found.verdict}; {found.n_days:,} days, {found.n_rows:,} rows, {found.n_bets} without overlap"
    return f"look {found.look}", counted, cells


def costs(page: LinePage) -> list[Row]:
    """What each update took, the newest first, and their sum."""
    rows = [
        {
            "look": str(own.gate.look),
            "new outcomes": f"{own.n_new_outcomes:,}",
            "machine time": duration(own.cost.seconds),
            "tokens": DASH if own.cost.n_tokens is None else f"{own.cost.n_tokens:,}",
            "dollars": DASH if own.cost.dollars is None else f"{own.cost.dollars:.2f}",
        }
        for own in reversed(page.looks)
    ]
    return [*rows, _sum(page.looks)] if rows else []


def _sum(found: Sequence[LiveLook]) -> Row:
    dollars = [own.cost.dollars for own in found if own.cost.dollars is not None]
    tokens = [own.cost.n_tokens for own in found if own.cost.n_tokens is not None]
    return {
        "look": "all",
        "new outcomes": f"{sum(own.n_new_outcomes for own in found):,}",
        "machine time": duration(sum(own.cost.seconds for own in found)),
        "tokens": f"{sum(tokens):,}" if tokens else DASH,
        "dollars": f"{sum(dollars):.2f}" if dollars else DASH,
    }


def newest_of_each_swap(page: LinePage) -> list[WatchRecord]:
    """The last record of each swap, the newest swap last."""
    return list({_swap_of(own): own for own in page.watches}.values())


def live_days_of_swaps(page: LinePage) -> list[list[WatchRecord]]:
    """The records of each swap that have live days, in the order of time, the newest swap last."""
    counted = [own for own in page.watches if own.difference is not None]
    newest = newest_of_each_swap(page)
    grouped = [[own for own in counted if _swap_of(own) == _swap_of(last)] for last in newest]
    return [records for records in grouped if records]


def _swap_of(record: WatchRecord) -> tuple[str, str, date]:
    return record.current, record.previous, record.since


def kept(page: LinePage) -> list[LiveLook]:
    """Looks that kept production."""
    return [own for own in page.looks if own.gate.verdict == "keep"]


def swaps(page: LinePage) -> list[Row]:
    """How each swap stands."""
    return [
        {
            "swap": f"{own.previous} to {own.current}",
            "since": str(own.since),
            "live days": f"{own.n_days:,}",
            "rows": f"{own.n_rows:,}",
            "previous less current": signed(own.difference),
            "evidence": f"{own.evidence:.3g}",
            "undone at": f"{own.boundary:g}",
            "verdict": own.verdict if own.crossed_on is None else f"{own.verdict}, {own.crossed_on}",
        }
        for own in reversed(newest_of_each_swap(page))
    ]


def policies(page: LinePage) -> list[Row]:
    """What is recorded of two other policies, each beside what was done."""
    return [*_never(page), *_always(page)]


def _never(page: LinePage) -> Iterator[Row]:
    for own in newest_of_each_swap(page):
        if own.difference is not None:
            yield {
                "policy": f"never update: {own.previous} in place of {own.current}",
                "difference to what was done": f"{own.score} {signed(own.difference)}",
                "interval": bounds(own.interval),
                "days": f"{own.n_days:,}",
                "measured on": "live days",
            }


def _always(page: LinePage) -> Iterator[Row]:
    for look in kept(page):
        own = decisive(look.gate)
        yield {
            "policy": f"always update: {look.candidate} in place of {look.production}",
            "difference to what was done": f"{own.name} {signed(own.difference)}",
            "interval": bounds(own.interval),
            "days": f"{look.gate.n_days:,}",
            "measured on": f"hold-out, {look.gate.first_day} to {look.gate.last_day}",
        }
