"""The adapter-release pipeline: examples, two trainings that are each folded into the weights, export, release."""

from typing import Literal

from flows.pipelines.pipeline import Pipeline, Step
from tasks.adapter_release import LANGUAGE_MODELS, AdapterRelease

MODELS = dict(zip(LANGUAGE_MODELS, ("base", "merge sft", "merge dpo"), strict=True))
"""Models that forecast, and the steps that make them."""


def adapter_release_pipeline(release: AdapterRelease) -> Pipeline:
    """The run that a release describes."""
    return Pipeline(
        release.name,
        adapter_release_steps(release),
        (f"recipe:{release.name}", "arm:lora"),
        release.limits,
        release.report.plumbing_only,
    )


def adapter_release_steps(release: AdapterRelease) -> tuple[Step, ...]:
    """The steps of a release."""
    rows, align = {"base": "base", "mix": "mix"}, release.align.model_copy(update=release.templated)
    return (
        Step("base", "base", release.base),
        Step("panel", "panel", release.panel),
        Step("mix", "mix", release.mix.model_copy(update=release.held_out), inputs={"panel": "panel"}),
        *(
            Step(f"{objective} rows", "align", align.model_copy(update={"objective": objective}), inputs=rows)
            for objective in ("chat", "preference")
        ),
        Step(
            "preflight",
            "preflight_release",
            release,
            inputs={"base": "base", "chat_rows": "chat rows", "preference_rows": "preference rows"},
            # Disk, store and prices may have changed since preflight passed.
            rerun_until_built=("train sft", "train dpo"),
        ),
        _forecast(release, "base", "base"),
        *_training(release, "sft", base="base", rows="chat rows"),
        *_training(release, "dpo", base="merge sft", rows="preference rows"),
        Step(
            "export",
            "export",
            # Users run it with the system message that it was trained and asked with.
            release.export.model_copy(update={**release.templated, "system": release.mix.system}),
            inputs={"model": "merge dpo"},
            pool=release.route.export,
        ),
        *(_forecast(release, name, made_by) for name, made_by in MODELS.items() if name != "base"),
        Step(
            "evaluate",
            "evaluate",
            release.evaluate.model_copy(update=release.held_out),
            inputs={"panel": "panel"} | {name: f"forecast {name}" for name in MODELS},
        ),
        Step("evaluation", "direction_report", release.evaluation, inputs={"evaluate": "evaluate"}),
        Step(
            "release",
            "release",
            release.release,
            inputs={"export": "export", "evaluate": "evaluate", "dpo": "train dpo"},
            pool=release.route.export,
        ),
        Step(
            "report",
            "release_report",
            release.report,
            inputs={
                **{name: name for name in ("release", "evaluate", "mix", "preflight")},
                "chat_rows": "chat rows",
                "preference_rows": "preference rows",
            },
        ),
    )


def _training(release: AdapterRelease, name: Literal["sft", "dpo"], base: str, rows: str) -> tuple[Step, Step]:
    """A training and the fold of its adapter into the base."""
    train = f"train {name}"
    return (
        Step(
            train,
            "train",
            release.training(name),
            inputs={"base": base, "corpus": rows},
            # A question that cannot be put to the base ends the run before a training is paid for.
            after=("preflight", "forecast base"),
            pool=release.route.train,
        ),
        Step(f"merge {name}", "merge", release.merge, inputs={"base": base, "train": train}, pool=release.route.merge),
    )


def _forecast(release: AdapterRelease, name: str, made_by: str) -> Step:
    return Step(
        f"forecast {name}",
        "forecast",
        release.forecast.model_copy(update=release.templated),
        inputs={"model": made_by, "mix": "mix", "panel": "panel"},
        after=("preflight",),
        pool=release.route.forecast,
    )
