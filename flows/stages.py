"""One small flow per stage: what a pool runs, and what the UI retries."""

from prefect import flow

from flows.runner.locks import one_at_a_time
from flows.runner.timeouts import stage_seconds
from tasks.base.config import ARTIFACT_TYPE as BASE
from tasks.base.config import BaseConfig
from tasks.base.task import publish_base
from tasks.corpus.config import ARTIFACT_TYPE as CORPUS
from tasks.corpus.config import CorpusConfig
from tasks.corpus.task import corpus_task_runner, publish_corpus
from tasks.embed.config import ARTIFACT_TYPE as EMBED
from tasks.embed.config import EmbedConfig
from tasks.embed.task import publish_embed
from tasks.merge.config import ARTIFACT_TYPE as MERGE
from tasks.merge.config import MergeConfig
from tasks.merge.task import publish_merge
from tasks.panel.config import ARTIFACT_TYPE as PANEL
from tasks.panel.config import PanelConfig
from tasks.panel.kaggle.config import ARTIFACT_TYPE as PRICES
from tasks.panel.kaggle.config import PricesConfig
from tasks.panel.task import publish_panel, publish_prices
from tasks.preflight.artifact import ARTIFACT_TYPE as PREFLIGHT
from tasks.preflight.task import publish_preflight
from tasks.premium.config import ARTIFACT_TYPE as PREMIUM
from tasks.premium.config import PremiumConfig
from tasks.premium.task import publish_premium
from tasks.recipe import Recipe
from tasks.report.config import ARTIFACT_TYPE as REPORT
from tasks.report.config import ReportConfig
from tasks.report.task import publish_report
from tasks.store.refs import ArtifactRef
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tasks.train.config import TrainConfig
from tasks.train.task import publish_train

LIMIT = stage_seconds()


@flow(name="base", timeout_seconds=LIMIT)
@one_at_a_time(BASE)
def base(config: BaseConfig) -> ArtifactRef:
    """Publish the base model with its tokenizer.

    Args:
        config: Which model, pinned.
    """
    return publish_base(config)


@flow(name="corpus", task_runner=corpus_task_runner(), timeout_seconds=LIMIT)
@one_at_a_time(CORPUS)
def corpus(config: CorpusConfig) -> ArtifactRef:
    """Publish the documents that could be known at the cutoff, as text and as token ids.

    Args:
        config: Source, cutoff and token budget.
    """
    return publish_corpus(config)


@flow(name="prices", timeout_seconds=LIMIT)
@one_at_a_time(PRICES)
def prices(config: PricesConfig) -> ArtifactRef:
    """Publish JPX's price file: from Kaggle once, from the store ever after.

    Args:
        config: Which file.
    """
    return publish_prices(config)


@flow(name="panel", timeout_seconds=LIMIT)
@one_at_a_time(PANEL)
def panel(config: PanelConfig, prices: ArtifactRef | None = None) -> ArtifactRef:
    """Publish the equity panel: features, target and a sentence per row.

    Args:
        config: Source of the prices and how rows are drawn.
        prices: The staged prices, where the source names no file.
    """
    return publish_panel(config, prices)


@flow(name="preflight", timeout_seconds=LIMIT)
@one_at_a_time(PREFLIGHT)
def preflight(
    config: Recipe, base: ArtifactRef, corpus: ArtifactRef, panel: ArtifactRef, placebo: ArtifactRef | None = None
) -> ArtifactRef:
    """Refuse what can be refused before a GPU is rented.

    Args:
        config: The whole recipe.
        base: The base model.
        corpus: The corpus.
        panel: The panel.
        placebo: The corpus from after the cutoff, where the recipe asks for one.
    """
    return publish_preflight(config, base, corpus, panel, placebo)


@flow(name="train", timeout_seconds=LIMIT)
@one_at_a_time(TRAIN)
def train(config: TrainConfig, base: ArtifactRef, corpus: ArtifactRef) -> ArtifactRef:
    """Continue the base model on the corpus.

    Args:
        config: Arm, token budget and optimizer.
        base: The base model.
        corpus: The corpus.
    """
    return publish_train(config, base, corpus)


@flow(name="merge", timeout_seconds=LIMIT)
@one_at_a_time(MERGE)
def merge(config: MergeConfig, base: ArtifactRef, train: ArtifactRef) -> ArtifactRef:
    """Fold the adapter into the base and prove it by logits.

    Args:
        config: Tolerance and probe prompts.
        base: The base model.
        train: The training checkpoint.
    """
    return publish_merge(config, base, train)


@flow(name="embed", timeout_seconds=LIMIT)
@one_at_a_time(EMBED)
def embed(config: EmbedConfig, panel: ArtifactRef, model: ArtifactRef) -> ArtifactRef:
    """Embed the panel's sentences: last real token, last layer, float32.

    Args:
        config: Batching.
        panel: The panel.
        model: A base or merged model.
    """
    return publish_embed(config, panel, model)


@flow(name="premium", timeout_seconds=LIMIT)
@one_at_a_time(PREMIUM)
def premium(
    config: PremiumConfig,
    panel: ArtifactRef,
    base: ArtifactRef,
    trained: ArtifactRef,
    placebo: ArtifactRef | None = None,
) -> ArtifactRef:
    """Measure the models' leakage premium, what it is made of, and how far chance moves it.

    Args:
        config: Contract, draws and seed.
        panel: The panel.
        base: The base model's states.
        trained: The trained model's states.
        placebo: States of the model trained on text from after the cutoff, where there is one.
    """
    return publish_premium(config, panel, base, trained, placebo)


@flow(name="report", timeout_seconds=LIMIT)
@one_at_a_time(REPORT)
def report(config: ReportConfig, premium: ArtifactRef, preflight: ArtifactRef, corpus: ArtifactRef) -> ArtifactRef:
    """Write the page a risk committee can read.

    Args:
        config: Title and caveats.
        premium: The scores.
        preflight: The checks that passed.
        corpus: The corpus, whose ledger is shown.
    """
    return publish_report(config, premium, preflight, corpus)
