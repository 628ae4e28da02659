"""The budget of one run: before a step that would exceed the limit in dollars, the run pauses and asks a person."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.futures import PrefectFuture
from prefect.input import RunInput
from pydantic import Field, create_model

from flows.costs.outlook import Outlook, StepUsage, outlook
from flows.costs.question import answers, ask
from flows.costs.spend import first_start, pipeline_usage
from flows.pipelines.pipeline import Pipeline
from flows.server.flow_runs import own_run_id, retry_on_outage
from tasks.common.errors import HindsightError
from tasks.common.text import SECONDS_PER_HOUR
from tasks.costs.limits import Limits
from tasks.costs.prices import load_prices
from tasks.store.store import Store

log = logging.getLogger(__name__)

SUBJECT = "budget"


class BudgetStop(HindsightError):
    """The limit would be exceeded, and no person has raised it."""


class BudgetAnswer(RunInput):
    """A person's answer where the limit would be exceeded."""

    max_dollars: float = Field(ge=0, description="The limit from now on. If it is unchanged, the run asks again.")
    stop: bool = Field(False, description="End the run. Its artifacts remain, and a retry resumes from them.")


class Budget:
    """The gate before each step of one run.

    Args:
        limits: Of the run.
        usage: Reads what the run's steps have used so far.
    """

    def __init__(self, limits: Limits, usage: Callable[[SyncPrefectClient], Sequence[StepUsage]]) -> None:
        self.limits = limits
        self.usage = usage
        self._let_through: dict[str, int] = {}

    @classmethod
    def of(cls, pipeline: Pipeline, store: Store, rebuilt: Collection[str] = ()) -> "Budget":
        """The gate of a pipeline's run, which may rebuild some steps."""
        return cls(pipeline.limits, lambda client: pipeline_usage(pipeline, store, client, rebuilt))

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
        if self.limits.max_dollars is None or run_id is None or not _has_price(pool, step):
            return
        if not all(_has_completed(future) for future in needs):
            return
        while (view := retry_on_outage(lambda: self._outlook(step, run_id), step)) and view.exceeds:
            self._ask(view, run_id)

    def _outlook(self, step: str, run_id: UUID) -> Outlook | None:
        with get_client(sync_client=True) as client:
            steps = self.usage(client)
            since = first_start(client, run_id)
        limit = self._limit(run_id)
        view = outlook(step, steps, self._let_through, limit, since, datetime.now(UTC), load_prices())
        if view:
            log.info("%s%s", view, " A person is asked." if view.exceeds else "")
        if view is None or not view.exceeds:
            self._let_through[step] = next(each.n_runs for each in steps if each.name == step)
        return view

    def _limit(self, run_id: UUID) -> float:
        """The last answer, an earlier attempt's included, or else the configured limit."""
        given = [answer["max_dollars"] for answer in answers(run_id, SUBJECT) if "max_dollars" in answer]
        return float(str(given[-1])) if given else self.limits.max_dollars or 0.0

    def _ask(self, view: Outlook, run_id: UUID) -> None:
        question = f"{view} Resume with a higher max_dollars, or with stop."
        form = create_model("Answer", __base__=BudgetAnswer, max_dollars=(float, _with_default(view.limit)))
        answer = ask(run_id, SUBJECT, question, form, self.limits.answer_hours * SECONDS_PER_HOUR)
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


def _has_price(pool: str, step: str) -> bool:
    price = load_prices().find(pool)
    if price is None:
        log.warning("%s: pool %s has no price, so limits.max_dollars cannot bound it", step, pool)
    return price is not None and price.dollars_per_hour > 0
