"""The budget of one run and those of the month: before a step that would exceed one, the run pauses and asks a person.

A month's budget is never exceeded by a run that nobody watches: it is refused.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.futures import PrefectFuture
from prefect.input import RunInput
from pydantic import Field, create_model

from flows.costs.monthly import is_unattended, month_expenses
from flows.costs.outlook import Outlook, StepUsage, outlook
from flows.costs.question import answers, ask
from flows.costs.spend import first_start, pipeline_usage
from flows.pipelines.pipeline import Pipeline
from flows.rent.prices import rented_prices
from flows.server.flow_runs import own_run_id, retry_on_outage
from tasks.common.errors import HindsightError
from tasks.common.text import SECONDS_PER_HOUR
from tasks.costs.budgets import load_budgets, views
from tasks.costs.limits import Limits
from tasks.costs.prices import Prices
from tasks.costs.usage import start_of_month
from tasks.store.store import Store, open_store

log = logging.getLogger(__name__)

SUBJECT = "budget"
MONTH = "month"


class BudgetStop(HindsightError):
    """The limit would be exceeded, and no person has raised it."""


class MonthAnswer(RunInput):
    """A person's answer where a month's budget would be exceeded."""

    exceed: bool = Field(False, description="Start the step all the same. Without it the run ends; a retry asks again.")


class BudgetAnswer(RunInput):
    """A person's answer where the limit would be exceeded."""

    max_dollars: float = Field(ge=0, description="The limit from now on. If it is unchanged, the run asks again.")
    stop: bool = Field(False, description="End the run. Its artifacts remain, and a retry resumes from them.")


class Budget:
    """The gate before each step of one run.

    Args:
        limits: Of the run.
        usage: Reads what the run's steps have used so far.
        store: Holds the records of rented machines.

    Raises:
        BadBudgets: If configs/budgets.yaml is not valid.
    """

    def __init__(
        self, limits: Limits, usage: Callable[[SyncPrefectClient], Sequence[StepUsage]], store: Store | None = None
    ) -> None:
        self.limits = limits
        self.usage = usage
        self.store = store or open_store()
        self.monthly = load_budgets()
        self._let_through: dict[str, int] = {}
        self._n_runs: dict[str, int] = {}

    @classmethod
    def of(cls, pipeline: Pipeline, store: Store, rebuilt: Collection[str] = ()) -> "Budget":
        """The gate of a pipeline's run, which may rebuild some steps."""
        return cls(pipeline.limits, lambda client: pipeline_usage(pipeline, store, client, rebuilt), store)

    def before(self, step: str, pool: str, needs: Iterable[PrefectFuture[Any]] = ()) -> None:
        """Return once the step may start; call it in the flow's own thread.

        With a limit, a step waits here for what it needs, so that later steps are judged one by one. A step whose needs
        failed is let through: it will not run.

        Args:
            step: The step about to start.
            pool: Where it runs; the pool's price decides.
            needs: The steps that must finish first.

        Raises:
            BudgetStop: If a person has stopped the run, or nobody has answered in time.
        """
        run_id = own_run_id()
        if run_id is None or (self.limits.max_dollars is None and not self.monthly.budgets):
            return
        if not _has_price(pool, step, rented_prices(self.store, pool)):
            return
        if not all(_has_completed(future) for future in needs):
            return
        prices = rented_prices(self.store, pool)
        while view := retry_on_outage(lambda: self._outlook(step, run_id, prices), step):
            if self.limits.max_dollars is None or not view.exceeds:
                break
            self._ask(view, run_id)
        if view and self.monthly.budgets:
            self._check_month(view, run_id, prices)
        if view:
            self._let_through[step] = self._n_runs[step]

    def _outlook(self, step: str, run_id: UUID, prices: Prices) -> Outlook | None:
        with get_client(sync_client=True) as client:
            steps = self.usage(client)
            since = first_start(client, run_id)
        limit = self._limit(run_id)
        view = outlook(step, steps, self._let_through, limit, since, datetime.now(UTC), prices)
        self._n_runs = {each.name: each.n_runs for each in steps}
        if view is None:
            self._let_through[step] = self._n_runs[step]
        elif self.limits.max_dollars is not None:
            log.info("%s%s", view, " A person is asked." if view.exceeds else "")
        return view

    def _check_month(self, view: Outlook, run_id: UUID, prices: Prices) -> None:
        with get_client(sync_client=True) as client:
            now, run = datetime.now(UTC), retry_on_outage(lambda: client.read_flow_run(run_id), view.step)
            expenses = retry_on_outage(lambda: month_expenses(client, self.store, prices, now), view.step)
            nobody_watches = retry_on_outage(lambda: is_unattended(client, run), view.step)
        adds = view.under_way + (view.high or 0.0)
        found = views(self.monthly, expenses, run.tags, adds, start_of_month(now))
        exceeded = [each for each in found if each.exceeds]
        for each in found:
            log.info("%s", each)
        if not exceeded:
            return
        question = f"{view.step} on {view.pool} would exceed a budget of the month: {'; '.join(map(str, exceeded))}."
        if nobody_watches:
            raise BudgetStop(f"{question} Nobody watches this run, so it is refused; start it by hand to be asked.")
        answer = ask(
            run_id, MONTH, f"{question} Resume with exceed, or without it to end.", MonthAnswer, self._wait_seconds
        )
        if answer is None or not answer.exceed:
            said = "nobody answered" if answer is None else "stopped by the answer"
            raise BudgetStop(f"{said}: {question} Raise it in configs/budgets.yaml, or retry to be asked again.")

    @property
    def _wait_seconds(self) -> float:
        return self.limits.answer_hours * SECONDS_PER_HOUR

    def _limit(self, run_id: UUID) -> float:
        """The last answer, an earlier attempt's included, or else the configured limit."""
        given = [answer["max_dollars"] for answer in answers(run_id, SUBJECT) if "max_dollars" in answer]
        return float(str(given[-1])) if given else self.limits.max_dollars or 0.0

    def _ask(self, view: Outlook, run_id: UUID) -> None:
        question = f"{view} Resume with a higher max_dollars, or with stop."
        form = create_model("Answer", __base__=BudgetAnswer, max_dollars=(float, _with_default(view.limit)))
        answer = ask(run_id, SUBJECT, question, form, self._wait_seconds)
        if answer is None:
            raise BudgetStop(
                f"nobody answered within {self.limits.answer_hours:g} h, and {view} Retry the run to be asked again."
            )
        if answer.stop:
            raise BudgetStop(f"stopped by the answer to: {view} Raise limits.max_dollars, or retry to be asked again.")


def _with_default(limit: float) -> Any:
    return Field(limit, ge=0, description=BudgetAnswer.model_fields["max_dollars"].description)


def _has_completed(future: PrefectFuture[Any]) -> bool:
    future.wait()
    return future.state.is_completed()


def _has_price(pool: str, step: str, prices: Prices) -> bool:
    price = prices.find(pool)
    if price is None:
        log.warning("%s: pool %s has no price, so no limit or budget can bound it", step, pool)
    return price is not None and price.dollars_per_hour > 0
