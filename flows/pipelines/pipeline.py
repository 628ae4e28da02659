"""A pipeline as plain data: its steps, and how a run of it is named, tagged and limited."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.common.settings import Config
from tasks.costs.limits import Limits
from tasks.store.refs import ArtifactRef


@dataclass(frozen=True)
class Step:
    """One artifact to build.

    Args:
        name: Unique in its pipeline, such as `embed base`.
        stage: The stage that builds it, a key of `flows.stages.STAGES`.
        config: The stage's config.
        inputs: Names of earlier steps, by the stage's parameter names.
        after: Names of earlier steps to wait for; their artifacts are not inputs of this one.
        pool: The work pool that runs it; None for the default of the stage.
        rerun_until_built: This step runs even if its artifact exists, until all of these steps have theirs.
    """

    name: str
    stage: str
    config: Config
    inputs: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    pool: str | None = None
    rerun_until_built: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps that must finish first."""
        return (*self.inputs.values(), *self.after)


@dataclass(frozen=True)
class Pipeline:
    """What the runners, the plan, the budget and the tables need to know of one run.

    Args:
        name: The run's name, such as the recipe's.
        steps: A step comes after all steps it needs; otherwise the order has no effect. The last makes the result.
        tags: Tags of the runs of all its stages.
        limits: The bounds on the run's spending.
        plumbing_only: Whether its numbers mean nothing.
        given: Artifacts that exist before the run and no step makes, such as the version in production, by the name
            that steps' inputs have for them; None for one that only the run itself finds out.
    """

    name: str
    steps: tuple[Step, ...]
    tags: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    plumbing_only: bool = False
    given: Mapping[str, ArtifactRef | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: set[str] = set(self.given)
        for step in self.steps:
            if step.name in seen:
                raise ValueError(f"pipeline {self.name} has two steps named {step.name!r}; rename one.")
            if unknown := set(step.needs) - seen:
                raise ValueError(
                    f"step {step.name!r} of pipeline {self.name} needs {', '.join(sorted(unknown))}, which no earlier "
                    "step is named; list the steps it needs before it."
                )
            seen.add(step.name)

    @property
    def known(self) -> dict[str, ArtifactRef]:
        """The given artifacts that are known."""
        return {name: ref for name, ref in self.given.items() if ref}

    @property
    def result(self) -> Step:
        """The last step."""
        return self.steps[-1]

    def stage_and_dependents(self, stage: str) -> frozenset[str]:
        """Names of the stage's steps and of all steps whose inputs depend on them."""
        found: set[str] = set()
        for step in self.steps:
            if step.stage == stage or found & set(step.inputs.values()):
                found.add(step.name)
        return frozenset(found)
