"""Gates about what llama.cpp makes of the file: text, token ids, greedy answers, predictions."""

from collections.abc import Iterator, Sequence
from math import log
from pathlib import Path

import numpy as np

from tasks.common.progress import Progress
from tasks.export.config import ExportConfig
from tasks.export.distributions import Agreement, Prediction, agreement, entropy
from tasks.export.errors import FlatModel
from tasks.export.reference import Reference
from tasks.gguf.engine import Engine, asked, engine
from tasks.schemas.examples import Gate

N_TOP = 64
"""Tokens of a prediction that are compared one by one. With all of the vocabulary 199 tokens took 373 s, so 17 s."""
PARITY_GATES = ("f16 greedy", "Q8_0 top-1", "Q8_0 divergence", "Q8_0 perplexity")


def text_gates(config: ExportConfig, reference: Reference, running: Engine) -> Iterator[Gate]:
    """The file's chat template and tokenizer against the model's."""
    conversations = [asked(prompt, config.system) for prompt in config.prompts]
    first, *_ = config.prompts
    conversations.append(
        [
            {"role": "system", "content": "You answer in one sentence."},
            {"role": "user", "content": first},
            {"role": "assistant", "content": "It depends."},
            {"role": "user", "content": config.prompts[-1]},
        ]
    )
    rendered = [(reference.render(turns), running.render(turns)) for turns in conversations]
    yield _equal(
        "chat template", [own == other for own, other in rendered], "conversations rendered as transformers does"
    )
    texts = [*(own for own, _ in rendered), *config.texts]
    same = [reference.tokenize(text) == running.tokenize(text) for text in texts]
    yield _equal("token ids", same, "texts with the ids of transformers")


def check_not_flat(config: ExportConfig, reference: Reference) -> None:
    """Refuse a model that predicts next to nothing.

    Raises:
        FlatModel: If its mean entropy is too near that of a uniform prediction.
    """
    found = [reference.log_probabilities(reference.tokenize(text)) for text in config.texts]
    mean, most = sum(entropy(each) for each in found) / len(found), log(found[0].shape[1])
    if not mean <= config.max_entropy_share * most:
        raise FlatModel(
            f"the parity gates mean nothing on a model whose entropy is {mean:.2f} of at most {most:.2f} nats per "
            f"token (bound: {config.max_entropy_share:g} of that). Export a trained model, or set "
            "export.gate_parity to false for a random one."
        )


def greedy_gate(config: ExportConfig, reference: Reference, f16: Path) -> Gate:
    """Each greedy token of the f16 file against the model's logits after the same tokens."""
    gaps: list[float] = []
    with engine(f16, n_threads=config.n_threads) as running:
        for prompt in config.prompts:
            ids = reference.tokenize(reference.render(asked(prompt, config.system)))
            answer, _ = running.greedy(ids, config.n_greedy)
            logits = reference.logits([*ids, *answer])[len(ids) - 1 : -1]
            gaps += [float(row.max() - row[token]) for row, token in zip(logits, answer, strict=True)]
    n_equal, largest = sum(gap == 0 for gap in gaps), float(np.max(gaps)) if gaps else float("nan")
    return Gate(
        name=PARITY_GATES[0],
        passed=largest <= config.max_greedy_gap,
        value=f"{n_equal} of {len(gaps)} tokens are the model's best, largest gap {largest:.3g}",
        bound=f"a logit at most {config.max_greedy_gap:g} below the best",
    )


def forced_gates(config: ExportConfig, reference: Reference, running: Engine) -> Iterator[Gate]:
    """The Q8_0 file's predictions of texts against the model's."""
    found = _forced(config, reference, running)
    top1, divergence, perplexity = PARITY_GATES[1:]
    value = f"{found.top1:.3f} of {found.n} predictions"
    yield Gate(name=top1, passed=found.top1 >= config.min_top1, value=value, bound=f"at least {config.min_top1:g}")
    value = f"{found.kl:.4g} nats"
    yield Gate(name=divergence, passed=found.kl <= config.max_kl, value=value, bound=f"at most {config.max_kl:g}")
    yield Gate(
        name=perplexity,
        passed=found.perplexity_change <= config.max_perplexity_change,
        value=f"{found.perplexity:.4g} against {found.reference_perplexity:.4g}",
        bound=f"within {config.max_perplexity_change:.1%}",
    )


def not_run() -> list[Gate]:
    """The gates about predictions, where the config switches them off."""
    why = "export.gate_parity is false"
    return [Gate(name=name, passed=True, was_run=False, value="not run", bound=why) for name in PARITY_GATES]


def _forced(config: ExportConfig, reference: Reference, running: Engine) -> Agreement:
    predictions: list[Prediction] = []
    each_text = -(-config.n_forced // len(config.texts))
    progress = Progress("export: predictions compared", config.n_forced, "tokens")
    for text in config.texts:
        ids = reference.tokenize(text)
        own = reference.log_probabilities(ids)
        for n in range(1, min(len(ids), each_text + 1)):
            found = running.next_token(ids[:n], N_TOP)
            predictions.append(Prediction(own[n - 1], found, ids[n]))
            progress.add()
    return agreement(predictions)


def _equal(name: str, same: Sequence[bool], what: str) -> Gate:
    return Gate(name=name, passed=all(same), value=f"{sum(same)} of {len(same)} {what}", bound="all")
