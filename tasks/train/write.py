"""Train: check, cut, run, audit, keep."""

import json
import time
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import yaml
from pydantic import JsonValue

from tasks.artifacts import ModelFolder, TextShards
from tasks.train import workplace
from tasks.train.audit import check_tokens, keep_adapter, keep_metrics, read_metrics
from tasks.train.axolotl import axolotl_config
from tasks.train.blocks import count_steps, cut_blocks, write_blocks
from tasks.train.config import TrainConfig
from tasks.train.errors import TokenizerMismatch
from tasks.train.launch import run_trainer, trainer_python
from tasks.train.targets import measure_coverage
from tasks.train.watch import Watch


def train_lora(
    config: TrainConfig, base: ModelFolder, corpus: TextShards, folder: Path, work: Path
) -> dict[str, JsonValue]:
    """Train adapters and leave a Checkpoint's files in `folder`.

    Args:
        config: The arm.
        base: Model to start from.
        corpus: Documents in training order.
        folder: Empty folder of the artifact.
        work: Empty folder to run in; too large for the artifact, and gone afterwards.

    Returns:
        Facts for the record.

    Raises:
        TrainError: If it cannot be done as asked, or was not.
    """
    trainer_python()
    check_tokenizer(base, corpus)
    coverage = measure_coverage(base.path, config.lora)
    n_blocks, n_steps = _prepare(config, base, corpus, work)
    started = time.monotonic()
    watch = Watch(work / workplace.METRICS, n_steps, config.stall_minutes * 60, config.deadline_minutes * 60)
    run_trainer(work, watch, on_cpu=config.kernels == "plain")
    seconds = time.monotonic() - started
    metrics = read_metrics(work / workplace.METRICS)
    check_tokens(metrics, config.token_budget, n_steps)
    _keep(work, folder, metrics, asdict(coverage))
    return {
        "tokens_seen": metrics[-1]["tokens_seen"],
        "n_steps": n_steps,
        "n_blocks": n_blocks,
        "trainable_parameters": coverage.n_trainable,
        "coverage": dict(coverage.by_entry),
        "final_loss": metrics[-1]["loss"],
        "loss_curve": [[line["tokens_seen"], line["loss"]] for line in metrics],
        "trainer_seconds": round(seconds, 3),
        "training_seconds": metrics[-1]["seconds"],
        "trainer_versions": json.loads((work / workplace.VERSIONS).read_text()),
    }


def check_tokenizer(base: ModelFolder, corpus: TextShards) -> None:
    """Tokenize the corpus's first document again, with the base's tokenizer.

    Raises:
        TokenizerMismatch: If the ids differ, or an id has no row in the base's embedding.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base.path, trust_remote_code=False)
    for document, ids in islice(zip(corpus.documents(), corpus.token_ids(), strict=True), 1):
        again = tokenizer(document.text, add_special_tokens=False, verbose=False)["input_ids"]
        if again != ids.tolist():
            raise TokenizerMismatch(
                f"document {document.id} has {len(ids)} tokens in the corpus and {len(again)} other ones by the base's "
                "tokenizer. Build the corpus with the tokenizer of the base."
            )


def _prepare(config: TrainConfig, base: ModelFolder, corpus: TextShards, work: Path) -> tuple[int, int]:
    """Lay out the trainer's folder; the number of blocks and of steps."""
    (work / workplace.BASE).symlink_to(base.path.absolute(), target_is_directory=True)
    blocks = cut_blocks(corpus.token_ids(), config.sequence_length, config.token_budget)
    n_blocks = write_blocks(blocks, work / workplace.BLOCKS)
    n_steps = count_steps(n_blocks, config)
    (work / workplace.YAML).write_text(yaml.safe_dump(axolotl_config(config, n_steps), sort_keys=False))
    return n_blocks, n_steps


def _keep(work: Path, folder: Path, metrics: list[dict[str, JsonValue]], coverage: dict[str, JsonValue]) -> None:
    keep_adapter(work / workplace.OUTPUT, folder / "adapter")
    keep_metrics(metrics, folder / workplace.METRICS)
    (folder / workplace.YAML).write_bytes((work / workplace.YAML).read_bytes())
    (folder / "coverage.json").write_text(json.dumps(coverage, indent=1) + "\n")
