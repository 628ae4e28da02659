"""The Prefect tasks of live updates: outcomes at a moment, a look at a candidate, a look at a swap."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.live.look_config import LOOK, SWAP, LookConfig, SwapConfig
from tasks.live.outcomes_config import ARTIFACT_TYPE, OutcomesAt
from tasks.schemas.artifacts import Panel
from tasks.schemas.examples import Forecasts
from tasks.store.build import Facts, build
from tasks.store.refs import ArtifactRef
from tasks.store.store import open_store


@task(name="outcomes", cache_policy=NO_CACHE)
def publish_outcomes(config: OutcomesAt, panel: ArtifactRef) -> ArtifactRef:
    """Publish the panel's rows whose outcome was known at a moment, unless the store has them.

    Args:
        config: Source of the outcomes, and the moment.
        panel: The Panel with the features.

    Returns:
        Reference to a Panel whose targets are the outcomes.

    Raises:
        LiveError: If the table cannot be read, contradicts itself, or has nothing of this panel.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.live.outcomes import write_outcomes

        return write_outcomes(config, Panel(inputs["panel"]), folder)

    return build(open_store(), ARTIFACT_TYPE.spec(config, {"panel": panel}), make)


@task(name="live_look", cache_policy=NO_CACHE)
def publish_look(
    config: LookConfig,
    outcomes: ArtifactRef,
    train: ArtifactRef,
    candidate: ArtifactRef,
    production: ArtifactRef,
    before: ArtifactRef | None = None,
) -> ArtifactRef:
    """Publish a look at a candidate: whether it replaces the version in production.

    Args:
        config: The gate, and whose look it is.
        outcomes: Panel whose targets are the outcomes.
        train: The candidate's Checkpoint.
        candidate: Its Forecasts.
        production: Forecasts of the version in production.
        before: The line's look before this one; none for the first.

    Returns:
        Reference to a folder with `look.json`.

    Raises:
        LiveError: If the two did not forecast the same rows, or too few days.
    """
    store = open_store()
    inputs_of = {"outcomes": outcomes, "train": train, "candidate": candidate, "production": production}
    inputs_of |= {"before": before} if before else {}

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.live.look import write_look
        from tasks.live.looks import cost_of, findings_until

        earlier, cost = findings_until(store, before, config.beside), cost_of(store, inputs_of)
        forecasts = Forecasts(inputs["candidate"]), Forecasts(inputs["production"])
        return write_look(config, Panel(inputs["outcomes"]), *forecasts, earlier, cost, folder)

    return build(store, LOOK.spec(config, inputs_of), make)


@task(name="live_swap", cache_policy=NO_CACHE)
def publish_swap(config: SwapConfig, outcomes: ArtifactRef, current: ArtifactRef, previous: ArtifactRef) -> ArtifactRef:
    """Publish how a swap stands: whether the version before it is to come back.

    Args:
        config: The test, and whose swap it is.
        outcomes: Panel whose targets are the outcomes.
        current: Forecasts of the version in production.
        previous: Forecasts of the version it replaced.

    Returns:
        Reference to a folder with `swap.json`.

    Raises:
        LiveError: If the two did not forecast the same rows.
    """

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        from tasks.live.look import write_swap

        forecasts = Forecasts(inputs["current"]), Forecasts(inputs["previous"])
        return write_swap(config, Panel(inputs["outcomes"]), *forecasts, folder)

    return build(
        open_store(), SWAP.spec(config, {"outcomes": outcomes, "current": current, "previous": previous}), make
    )
