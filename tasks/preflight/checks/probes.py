"""Checks of the recall probes: what would stop them after a training is paid for."""

from collections.abc import Iterator

from tasks.forward.causal import check_predicts_tokens
from tasks.probe.answers.config import ProbeAnswersConfig
from tasks.schemas.artifacts import Check, ModelFolder
from tasks.schemas.check_lines import check_call
from tasks.schemas.probe import ProbeItems


def probe_checks(
    name: str, config: ProbeAnswersConfig, model: ModelFolder, items: ProbeItems, way_out: str
) -> Iterator[Check]:
    """The model predicts tokens, and every item can be put to it: its tokenizer reads all of them, without weights.

    Args:
        name: Of the model. Those trained from it have its tokenizer, template and context.
        config: Windows and chat template.
        model: With its tokenizer.
        items: What it is asked.
        way_out: Where it predicts no tokens.
    """
    found = check_call(
        f"{name} probe", "a causal language model with its head", lambda: check_predicts_tokens(model), "it is"
    )
    yield found if found.passed else found.model_copy(update={"way_out": way_out})
    if found.passed:
        bound = f"each item fits into {config.max_tokens:,} tokens and the model's context"
        yield check_call(f"{name} probe items", bound, lambda: _read(config, model, items))


def _read(config: ProbeAnswersConfig, model: ModelFolder, items: ProbeItems) -> str:
    from tasks.probe.answers.reading import read_items

    own = read_items(config, model, items)
    counts = f"{len(own.documents):,} documents, {len(own.facts):,} facts, {len(own.questions):,} distinct questions"
    template = "by the chat template" if own.has_template else "as plain text"
    return f"{counts} {template}; windows of {own.longest:,} tokens, {own.n_leading} ids before each text"
