"""Config of the export stage: the file's name, what is asked of it, and the bounds of its gates."""

from typing import Annotated

from pydantic import AfterValidator, Field

from tasks.common.settings import Config
from tasks.store.refs import ArtifactType

Text = Annotated[str, Field(min_length=1, max_length=4_000)]


def _without_quotes(text: str) -> str:
    if '"""' in text:
        raise ValueError('it holds """, which ends a text in a Modelfile; write other quotation marks')
    return text


class ExportConfig(Config):
    """How a merged model becomes a GGUF file, and when the file counts as the same model.

    The reference is the model in transformers, in fp32 with one thread: four bytes of memory per parameter.
    """

    name: str = Field("hindsight", pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")
    """Of the model: the file is called `NAME-DIGEST.Q8_0.gguf`."""
    chat_template: str | None = Field(None, min_length=1, max_length=100_000)
    """Jinja text of the chat template the model was trained with, as `align.chat_template` names it. Null: the one of
    the model's tokenizer."""
    system: Annotated[Text, AfterValidator(_without_quotes)] | None = None
    """System message of the Modelfile, so that users run what was evaluated: the mix's. The gates and the probes ask
    after it. Null: the one that the chat template writes by itself, if any."""
    keep_f16: bool = False
    """Publish the f16 file too, in `f16/`. It is twice the size."""
    prompts: tuple[Text, ...] = Field(
        (
            "What is the difference between a currency's spot rate and its forward rate?",
            "Name three reasons for a central bank to raise its interest rate.",
            "Explain momentum in two sentences.",
            "Will EURUSD rise or fall over the next five days?",
        ),
        min_length=1,
        max_length=64,
    )
    """Questions, each the user's only message after `system`."""
    n_greedy: int = Field(48, ge=1, le=1_024)
    """Tokens of the f16 file's greedy answer to each question that are held against the model."""
    max_greedy_gap: float = Field(0.02, ge=0, le=1)
    """A greedy token of the f16 file may have this much less logit in the model than the model's own best: rounding to
    f16 decides ties. Another model misses by whole units."""
    texts: tuple[Text, ...] = Field(
        (
            "The euro fell against the dollar on Thursday after the European Central Bank left its main interest rate "
            "unchanged and said that inflation would return to its target more slowly than it had expected. Traders "
            "had priced in a small increase. The yen rose as investors moved into safer assets, while the currencies "
            "of countries that export oil lost ground together with the price of crude.",
            "A moving average is the mean of the last prices, taken anew each day. When the price is above its "
            "average, the recent past was better than the time before, and some traders buy. The rule is simple, it "
            "is known to everyone, and what it earned in the past says little about what it will earn after costs.",
            "To build a factor, rank the stocks by a number that was known on the day, such as the volume of the last "
            "week divided by that of the month. Buy the upper tenth and sell the lower one. What remains is the "
            "factor's return; its mean is small beside its variation, so that years of days are needed to see it.",
        ),
        min_length=1,
        max_length=64,
    )
    """Texts of which the Q8_0 file predicts each token from those before it, as the model does."""
    n_forced: int = Field(200, ge=20, le=10_000)
    """Predictions compared, at most."""
    min_top1: float = Field(0.9, gt=0, le=1)
    """Share of predictions whose most probable token is the model's. Q8_0 of a small model reached 0.950 and 0.973 on
    199 and 300 tokens; the standard error there is 0.015."""
    max_kl: float = Field(0.02, gt=0, le=1)
    """Mean Kullback-Leibler divergence of the file's predictions from the model's, in nats; 0.0034 and 0.0053
    were measured."""
    max_perplexity_change: float = Field(0.02, gt=0, le=1)
    """Largest relative difference of the perplexities; 0.001 and 0.007 were measured."""
    max_entropy_share: float = Field(0.8, gt=0, le=1)
    """A model whose mean entropy is a larger share of its logarithm of the vocabulary is refused: any file would agree
    with it in divergence and perplexity, and none in the best token."""
    gate_parity: bool = True
    """Hold the engine's predictions against the model's. Off, the gates say that they were not run: for a random model
    that only shows that the pipeline runs. Values, chat template and token ids are compared in any case."""
    temperature: float = Field(0, ge=0, le=2)
    """Of the Modelfile; at 0 the same question has the same answer."""
    num_ctx: int = Field(4_096, ge=128, le=1_048_576)
    """Of the Modelfile: tokens of prompt and answer together, the model's own limit at most."""
    n_threads: int = Field(1, ge=1, le=256)
    """Threads of the engine."""


REVISION = 2
"""Raised when the same input would give other bytes."""
ARTIFACT_TYPE = ArtifactType[ExportConfig](
    kind="export", revision=REVISION, label=lambda config, inputs: inputs["model"].label
)
