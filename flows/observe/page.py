"""A snapshot as a page, for somebody without Grafana. All text is escaped; the page loads nothing from elsewhere."""

from collections.abc import Sequence
from functools import cache

import jinja2

from flows.observe.snapshot import LiveRun, PoolStatus, Snapshot
from flows.observe.spend import PoolSpend
from tasks.common.text import DASH, SECONDS_PER_HOUR, Row, duration
from tasks.costs.prices import load_prices

STAGES = "Rates and time left are those of each run's newest line of progress."
SPEND = (
    "Machine time of stages, failed ones too, at provider {provider}'s prices of today, in UTC. Rented machines "
    "without a run, storage and traffic are not in it."
)


def render(snapshot: Snapshot) -> str:
    """The page of a snapshot."""
    running = [run for run in snapshot.runs if not run.is_waiting]
    waiting = sorted((run for run in snapshot.runs if run.is_waiting), key=lambda run: -run.seconds)
    stages = [run for run in running if run.is_stage]
    return _template().render(
        at=f"{snapshot.at:%Y-%m-%d %H:%M:%S} UTC",
        problem="",
        cards=[
            ("Stages that run", len(stages), f"of {_runs(running)}, parents among them"),
            ("Runs that wait", len(waiting), f"the oldest for {duration(waiting[0].seconds)}" if waiting else ""),
            ("Spent today", *_spend_card(snapshot.today, "midnight UTC")),
            ("Spent this month", *_spend_card(snapshot.month, f"{snapshot.at:%Y-%m}-01")),
        ],
        tables=[
            ("Running stages", STAGES, [_stage_row(run) for run in stages], "No stage runs."),
            ("Queue", "", [_queue_row(run) for run in waiting], "Nothing waits."),
            ("Pools", "", [_pool_row(pool, snapshot.runs) for pool in snapshot.pools], "The server has no pool."),
            (
                "Spend by pool",
                SPEND.format(provider=load_prices().current_provider),
                _spend_rows(snapshot.today, snapshot.month),
                "No stage had a machine this month.",
            ),
        ],
    )


def render_problem(at: str, problem: str) -> str:
    """The page while there is no snapshot.

    Args:
        at: The moment.
        problem: In one sentence.
    """
    return _template().render(at=at, problem=problem)


def dollars(spends: Sequence[PoolSpend]) -> str:
    """Their sum, and how much machine time has no price."""
    return " and ".join(filter(None, (_known(spends), _unpriced(spends))))


def _spend_card(spends: Sequence[PoolSpend], since: str) -> tuple[str, str]:
    return _known(spends), "; ".join(filter(None, (f"since {since}", _unpriced(spends))))


def _known(spends: Sequence[PoolSpend]) -> str:
    return f"${sum(spend.dollars for spend in spends if spend.dollars is not None):,.2f}"


def _unpriced(spends: Sequence[PoolSpend]) -> str:
    seconds = sum(spend.seconds for spend in spends if spend.dollars is None)
    return f"{duration(seconds)} without a price" if seconds else ""


def _runs(runs: Sequence[LiveRun]) -> str:
    return f"{len(runs)} run{'s' * (len(runs) != 1)}"


def _stage_row(run: LiveRun) -> Row:
    step, work = run.step, run.progress
    done, rate, left = DASH, DASH, DASH
    if work:
        total = "" if work.n_total is None else f" of {_amount(work.n_total, work.unit)}"
        done = (
            f"{work.what}: {_amount(work.n_done, work.unit)}{total} {work.unit if work.unit != 'bytes' else ''}".strip()
        )
        rate = f"{work.per_second / 1e6:,.1f} MB/s" if work.unit == "bytes" else f"{work.per_second:,.3g}/s"
        left = DASH if work.seconds_left is None else duration(work.seconds_left)
    if step:
        done = f"step {step.step} of {step.n_steps}, loss {step.loss:.4f}"
        mfu = "" if step.mfu is None else f", MFU {100 * step.mfu:.1f} %"
        rate, left = f"{step.tokens_per_second:,.0f} tokens/s{mfu}", duration(step.seconds_left)
    memory = DASH if not step or step.peak_memory_bytes is None else f"{step.peak_memory_bytes / 1e9:.2f} GB"
    state = {} if run.state == "running" else {"run": f"{run.name} ({run.state})"}
    return {
        "run": run.name,
        "pool": run.pool,
        "for": duration(run.seconds),
        "done": done,
        "rate": rate,
        "left": left,
        "peak memory": memory,
    } | state


def _amount(amount: float, unit: str) -> str:
    return f"{amount / 1e9:,.2f} GB" if unit == "bytes" else f"{amount:,.0f}"


def _queue_row(run: LiveRun) -> Row:
    return {"run": run.name, "pool": run.pool, "state": run.state, "waits for": duration(run.seconds)}


def _pool_row(pool: PoolStatus, runs: Sequence[LiveRun]) -> Row:
    own = [run for run in runs if run.pool == pool.name]
    return {
        "pool": pool.name,
        "status": pool.status.replace("_", " "),
        "workers": str(pool.n_workers),
        "runs": str(sum(not run.is_waiting for run in own)),
        "wait": str(sum(run.is_waiting for run in own)),
        "at a time": "any number" if pool.limit is None else str(pool.limit),
    }


def _spend_rows(today: Sequence[PoolSpend], month: Sequence[PoolSpend]) -> list[Row]:
    of_today = {spend.pool: spend for spend in today}
    return [
        {
            "pool": spend.pool,
            "today": dollars([of_today[spend.pool]]) if spend.pool in of_today else dollars([]),
            "this month": dollars([spend]),
            "machine hours this month": f"{spend.seconds / SECONDS_PER_HOUR:,.2f}",
        }
        for spend in month
    ]


@cache
def _template() -> jinja2.Template:
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader("flows.observe", ""), jinja2.PackageLoader("tasks.report", "")])
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True).get_template("page.html")
