"""Train: check, lay out, run, audit, keep."""

import json
import math
import shutil
import time
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import yaml
from pydantic import JsonValue

from tasks.schemas.artifacts import ModelFolder, TextShards
from tasks.train.config import TrainConfig
from tasks.train.errors import TokenizerMismatch
from tasks.train.estimates.sizes import read_sizes
from tasks.train.estimates.targets import Coverage, decoder_layer, measure_coverage
from tasks.train.pipeline.axolotl_yaml import DECODER_LAYER, axolotl_config
from tasks.train.pipeline.facts import Outcome, TrainerTime, facts_of
from tasks.train.pipeline.launch import run_trainer, trainer_python
from tasks.train.pipeline.monitor import Patience, Watch
from tasks.train.pipeline.outputs import check_tokens, keep_adapter, keep_metrics, keep_sharded, read_metrics
from tasks.train.pipeline.rows import Rows, write_rows
from tasks.train.pipeline.rules import refuse
from tasks.train.pipeline.state_store import States
from tasks.train.pipeline.text_model import link_text_model
from tasks.train.pipeline.uploader import publishing
from tasks.train.trainer import work_files
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.state_files import Told


def train_arm(
    config: TrainConfig, base: ModelFolder, corpus: TextShards, folder: Path, work: Path, states: States | None
) -> dict[str, JsonValue]:
    """Train an arm, from the newest training state if there is one, and leave a Checkpoint's files in `folder`.

    Args:
        config: The arm.
        base: Model to start from.
        corpus: Documents in training order.
        folder: Empty folder of the artifact.
        work: Empty folder to run in; too large for the artifact, and gone afterwards.
        states: Where training states are kept and looked for; None keeps none.

    Returns:
        Facts for the record.

    Raises:
        TrainError: If it cannot be done as asked, or was not.
    """
    trainer_python()
    refuse(config)
    check_tokenizer(base, corpus)
    # What the facts want is counted now: nothing must fail when the training is done.
    coverage = measure_coverage(base.path, config.arm) if config.arm.kind == "lora" else None
    n_trainable = coverage.n_trainable if coverage else read_sizes(base.path).n_parameters
    rows = _prepare(config, base, corpus, work, keeps_states=states is not None)
    earlier_seconds = states.spent_seconds() if states else 0.0
    resumed_from_step = _resume(states, work)
    started = time.monotonic()
    with publishing(states, work / work_files.STATES, lambda: earlier_seconds + time.monotonic() - started):
        run_trainer(work, config, _watch(config, rows.n_steps, states, work))
    spent = TrainerTime(time.monotonic() - started, earlier_seconds)
    metrics = read_metrics(work / work_files.METRICS)
    check_tokens(metrics, config.token_budget, rows.n_steps)
    _keep(work, folder, metrics, coverage)
    outcome = Outcome(rows, metrics, n_trainable, coverage, spent, resumed_from_step, states)
    return facts_of(config, base, outcome, work)


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


def _prepare(config: TrainConfig, base: ModelFolder, corpus: TextShards, work: Path, keeps_states: bool) -> Rows:
    """Lay out the trainer's folder."""
    link_text_model(base.path, work / work_files.BASE)
    rows = write_rows(corpus.token_ids(), config, work / work_files.BLOCKS)
    settings = axolotl_config(config, rows.n_steps, _decoder_layer(config, base))
    (work / work_files.YAML).write_text(yaml.safe_dump(settings, sort_keys=False))
    Settings(
        arm=config.arm.kind,
        masters=config.arm.masters if config.arm.kind == "full-weight" else "none",
        n_steps=rows.n_steps,
        n_filler_rows=rows.n_filler_rows,
        n_filler_tokens=rows.n_filler_tokens,
        checkpoint_seconds=config.checkpoint_minutes * 60 if keeps_states else math.inf,
        audit_after_steps=config.audit_after_steps,
        min_share_changed=config.min_share_changed,
    ).write(work)
    return rows


def _decoder_layer(config: TrainConfig, base: ModelFolder) -> str:
    return decoder_layer(base.path) if config.arm.kind == "full-weight" else DECODER_LAYER


def _resume(states: States | None, work: Path) -> int:
    """Lay the newest training state where the trainer looks for it; its step, or 0."""
    state = states.latest() if states else None
    if state is None:
        return 0
    (work / work_files.RESUME).symlink_to(state.absolute(), target_is_directory=True)
    for name in (work_files.METRICS, work_files.AUDIT):
        if (state / name).exists():
            shutil.copyfile(state / name, work / name)
    return Told.read(state).step


def _watch(config: TrainConfig, n_steps: int, states: States | None, work: Path) -> Watch:
    patience = Patience(
        stall_seconds=config.stall_minutes * 60,
        deadline_seconds=config.deadline_minutes * 60,
        first_state_seconds=config.first_checkpoint_minutes * 60 if states else math.inf,
    )
    return Watch(work / work_files.METRICS, n_steps, patience, lambda: states.n_published if states else 0)


def _keep(work: Path, folder: Path, metrics: list[dict[str, JsonValue]], coverage: Coverage | None) -> None:
    if coverage:
        keep_adapter(work / work_files.OUTPUT, folder / "adapter")
        (folder / "coverage.json").write_text(json.dumps(asdict(coverage), indent=1) + "\n")
    else:
        keep_sharded(work / work_files.OUTPUT / work_files.SHARDED, folder / work_files.SHARDED)
    keep_metrics(metrics, folder / work_files.METRICS)
    (folder / work_files.YAML).write_bytes((work / work_files.YAML).read_bytes())
