"""A run's limit in dollars: before a stage that would exceed it the parent pauses and asks, and starts nothing."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.futures import PrefectFuture
from prefect.input import RunInput
from pydantic import Field, create_model

from flows.costs.outlook import Outlook, Step, outlook
from flows.costs.question import answers, ask
from flows.costs.spend import first_start, steps_of
from flows.runner.request import parent_id
from flows.runner.server_retry import patiently
from tasks.common.errors import HindsightError
from tasks.costs.prices import SECONDS_PER_HOUR, load_prices
from tasks.recipe import Limits, Recipe
from tasks.store.store import Store

log = logging.getLogger(__name__)

SUBJECT = "budget"
Look = Callable[[SyncPrefectClient], Sequence[Step]]


class BudgetStop(HindsightError):
    """The limit would be exceeded, and nobody has raised it."""


class Answer(RunInput):
    """What a person says to a limit that would be exceeded."""

    max_dollars: float = Field(ge=0, description="The limit from now on. Left as it is, the same is asked again.")
    stop: bool = Field(False, description="End the run. What it has made stays, and a retry goes on from there.")


class Budget:
    """The gate of one parent run.

    Args:
        limits: The recipe's.
        look: What is known of the run's steps at the moment.
    """

    def __init__(self, limits: Limits, look: Look) -> None:
        self.limits = limits
        self.look = look
        self._let_through: dict[str, int] = {}

    @classmethod
    def of(cls, recipe: Recipe, store: Store, again: Collection[str] = ()) -> "Budget":
        """The gate of a run of this recipe, which may build some steps again though they stand."""
        return cls(recipe.limits, lambda client: steps_of(recipe, store, client, again))

    def before(self, step: str, deployment: str, waits_for: Iterable[PrefectFuture[Any]] = ()) -> None:
        """Return once the step may start; call it in the flow's own thread.

        A step waits here for what goes in, so that with a limit the stages behind it are looked at one by one. A step
        whose inputs failed is let through: it will not run.

        Args:
            step: The step to be started.
            deployment: Who runs it, such as `train/h100`; its pool's price decides.
            waits_for: What goes in, and what must be done before.

        Raises:
            BudgetStop: If a person has stopped the run, or nobody has answered in time.
        """
        run_id = parent_id()
        if self.limits.max_dollars is None or run_id is None or not _costs(deployment.rpartition("/")[2], step):
            return
        if not all(_is_done(future) for future in waits_for):
            return
        while (view := patiently(lambda: self._outlook(step, run_id), step)) and view.exceeds:
            self._ask(view, run_id)

    def _outlook(self, step: str, run_id: UUID) -> Outlook | None:
        with get_client(sync_client=True) as client:
            steps = self.look(client)
            since = first_start(client, run_id)
        limit = self._limit(run_id)
        view = outlook(step, steps, self._let_through, limit, since, datetime.now(UTC), load_prices())
        if view:
            log.info("%s%s", view, " A person is asked." if view.exceeds else "")
        if view is None or not view.exceeds:
            self._let_through[step] = next(each.n_runs for each in steps if each.name == step)
        return view

    def _limit(self, run_id: UUID) -> float:
        """The recipe's limit, or what was answered last, by an earlier attempt of this run too."""
        said = [answer["max_dollars"] for answer in answers(run_id, SUBJECT) if "max_dollars" in answer]
        return float(str(said[-1])) if said else self.limits.max_dollars or 0.0

    def _ask(self, view: Outlook, run_id: UUID) -> None:
        question = f"{view} Resume with a higher max_dollars, or with stop."
        form = create_model("Answer", __base__=Answer, max_dollars=(float, _with_default(view.limit)))
        answer = ask(run_id, SUBJECT, question, form, self.limits.answer_hours * SECONDS_PER_HOUR)
        if answer is None:
            raise BudgetStop(
                f"nobody answered within {self.limits.answer_hours:g} h, and {view} Retry the run to be asked again."
            )
        if answer.stop:
            raise BudgetStop(f"stopped by the answer to: {view} Raise limits.max_dollars, or retry to be asked again.")


def _with_default(limit: float) -> Any:
    return Field(limit, ge=0, description=Answer.model_fields["max_dollars"].description)


def _is_done(future: PrefectFuture[Any]) -> bool:
    future.wait()
    return future.state.is_completed()


def _costs(pool: str, step: str) -> bool:
    price = load_prices().find(pool)
    if price is None:
        log.warning("%s: pool %s has no price, so that limits.max_dollars cannot hold it", step, pool)
    return price is not None and price.dollars_per_hour > 0
