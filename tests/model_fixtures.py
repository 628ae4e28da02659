"""Real models, corpora and checkpoints that tests of several stages share; each is made once per run."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from transformers import PreTrainedTokenizerBase

from tasks.base.config import BaseConfig, TinySource
from tasks.base.write import write_base
from tasks.corpus.config import CorpusConfig, SotuSource
from tasks.corpus.write.writer import write_corpus
from tasks.gpu_trial.merge import write_random_adapter
from tasks.schemas.artifacts import Checkpoint, ModelFolder, Panel, TextShards
from tasks.schemas.tokenizer import QwenTokenizer, load_tokenizer
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.train.config import ARTIFACT_TYPE, TrainConfig
from tasks.train.pipeline.state_store import States
from tasks.train.pipeline.train_arm import train_arm

_scratch = tempfile.TemporaryDirectory()

SMALL_TRAINING = TrainConfig(
    token_budget=1_500,
    sequence_length=64,
    micro_batch_size=2,
    gradient_accumulation_steps=2,
    learning_rate=1e-2,
    embedding_learning_rate=1e-2,
    precision="fp32",
    kernels="plain",
    activation_checkpointing=False,
    stall_minutes=30,
    checkpoint_minutes=1e-6,
)
"""Saves a training state after every step, if the store is fast enough."""


def scratch_folder(name: str) -> Path:
    """A new folder that is deleted after the test run."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_scratch.name))


@cache
def qwen() -> PreTrainedTokenizerBase:
    """The real Qwen3.5 vocabulary."""
    return load_tokenizer(QwenTokenizer())


@cache
def tiny_base() -> ModelFolder:
    """A base as the base stage publishes it."""
    folder = scratch_folder("base")
    write_base(BaseConfig(source=TinySource()), folder)
    return ModelFolder(folder)


@cache
def small_corpus() -> TextShards:
    """Real addresses up to 1900."""
    folder = scratch_folder("corpus")
    write_corpus(CorpusConfig(source=SotuSource(), cutoff="1900-12-31", token_budget=3_000), folder)
    return TextShards(folder)


def states_in(store: Path, config: TrainConfig) -> States:
    """The states of a training of the tiny base on the small corpus, for a machine with an empty cache."""
    inputs = {kind: ArtifactRef(kind=kind, label="small", key="0" * 16, digest="0" * 64) for kind in ("base", "corpus")}
    return States(Store(str(store), scratch_folder("cache")), ARTIFACT_TYPE.spec(config, inputs))


@cache
def trained() -> tuple[Checkpoint, dict[str, Any]]:
    """A checkpoint that axolotl trained without an interruption, and its facts."""
    folder, states = scratch_folder("train"), states_in(scratch_folder("store"), SMALL_TRAINING)
    facts = train_arm(SMALL_TRAINING, tiny_base(), small_corpus(), folder, scratch_folder("work"), states)
    return Checkpoint(folder), facts


def random_adapter(scale: float) -> Checkpoint:
    """An adapter on every default target with random factors; those that start at zero get this standard deviation."""
    folder = scratch_folder("adapter")
    write_random_adapter(tiny_base().path, folder, scale)
    return Checkpoint(folder)


def sentences_panel(prompts: list[str], undated: list[str] | None = None) -> Panel:
    """A panel that has only sentences; the undated ones default to the dated ones."""
    folder = scratch_folder("panel")
    pd.DataFrame({"prompt": prompts, "prompt_undated": undated or prompts}).to_parquet(folder / "rows.parquet")
    return Panel(folder)
