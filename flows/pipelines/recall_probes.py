"""Steps of the recall probes, for the pipelines whose configs may ask for them."""

from collections.abc import Mapping, Sequence

from flows.pipelines.pipeline import Step
from tasks.probe.items.config import ProbeItemsConfig
from tasks.probe.recall.config import RecallConfig
from tasks.recall_probes import ProbeConfig


def probe_items_steps(
    probe: ProbeConfig | None, items: ProbeItemsConfig | None, trained_on: Mapping[str, str] | None = None
) -> tuple[Step, ...]:
    """The items, and before them the corpus whose documents are scored; none without probes.

    Args:
        probe: The run's.
        items: What models are asked.
        trained_on: Steps of the corpora that the run trains on, by the items' names for them.
    """
    if probe is None or items is None:
        return ()
    corpus = [Step("probe corpus", "corpus", probe.corpus)] if probe.corpus else []
    inputs = {"panel": "panel", **(trained_on or {}), **({"documents": "probe corpus"} if corpus else {})}
    return (*corpus, Step("probe items", "probe_items", items, inputs=inputs))


def probe_steps(probe: ProbeConfig | None, models: Mapping[str, str], pool: str) -> tuple[Step, ...]:
    """Each model's answers.

    Args:
        probe: The run's.
        models: Steps that make the models, by their names.
        pool: Where they are asked.
    """
    if probe is None:
        return ()
    return tuple(
        Step(
            f"probe {name}",
            "probe",
            probe.answers,
            inputs={"model": step, "items": "probe items"},
            after=("preflight",),
            pool=pool,
        )
        for name, step in models.items()
    )


def recall_steps(recall: RecallConfig | None, probed: Sequence[str]) -> tuple[Step, ...]:
    """The figures of all models' answers, beside the premium's predictions; none without probes."""
    if recall is None:
        return ()
    answers = {name: f"probe {name}" for name in probed}
    inputs = {"items": "probe items", "panel": "panel", "premium": "premium", **answers}
    return (Step("recall", "recall", recall, inputs=inputs),)
