"""A pipeline as a value: its steps in order, and how a run of it is named, tagged and limited."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.common.settings import Config
from tasks.costs.limits import Limits


@dataclass(frozen=True)
class Step:
    """One artifact to build.

    Args:
        name: Unique in its pipeline, such as `embed base`.
        stage: The stage that builds it, a key of `flows.stages.STAGES`.
        config: The stage's config.
        inputs: Names of earlier steps, by the stage's parameter names.
        after: Names of earlier steps to wait for; nothing of theirs goes into this artifact.
        pool: The work pool that runs it; None for the stage's default.
        rerun_before: While one of these steps has no artifact, this step runs although its own artifact exists.
    """

    name: str
    stage: str
    config: Config
    inputs: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    pool: str | None = None
    rerun_before: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps that must finish first."""
        return (*self.inputs.values(), *self.after)


@dataclass(frozen=True)
class Pipeline:
    """What the runners, the plan, the budget and the tables need to know of one run.

    Args:
        name: Of the run, such as the recipe's name.
        steps: Each one behind all the steps it needs. The last one's artifact is the result.
        tags: Put on the runs of all its stages.
        limits: What the run may spend.
    """

    name: str
    steps: tuple[Step, ...]
    tags: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        seen: set[str] = set()
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
