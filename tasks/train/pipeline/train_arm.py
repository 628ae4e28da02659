"""Training an arm from end to end: check, prepare the work directory, run, check again, save the artifact's files."""

import json
import math
import time
from dataclasses import asdict
from pathlib import Path

from pydantic import JsonValue

from tasks.schemas.artifacts import Checkpoint, ModelFolder, TextShards
from tasks.schemas.examples import TokenizedExamples
from tasks.train.config import TrainConfig
from tasks.train.estimates.sizes import Sizes, read_sizes
from tasks.train.estimates.speed import mfu
from tasks.train.estimates.targets import Coverage, measure_coverage
from tasks.train.pipeline.boundary import Boundaries, read_boundaries
from tasks.train.pipeline.facts import Outcome, facts_of
from tasks.train.pipeline.input_checks import check_no_adapter, check_objective, check_tokenizer
from tasks.train.pipeline.launch import run_trainer, trainer_python
from tasks.train.pipeline.monitor import Monitor, TimeLimits
from tasks.train.pipeline.outputs import check_tokens, read_metrics, save_adapter, save_metrics, save_shards
from tasks.train.pipeline.rules import check_config
from tasks.train.pipeline.start import check_start
from tasks.train.pipeline.state_store import States
from tasks.train.pipeline.uploader import publishing
from tasks.train.pipeline.work_dir import link_newest_state, prepare_work_dir
from tasks.train.trainer import work_files


def train_arm(
    config: TrainConfig,
    base: ModelFolder,
    corpus: TextShards | TokenizedExamples,
    folder: Path,
    work: Path,
    states: States | None,
    start: Checkpoint | None = None,
) -> dict[str, JsonValue]:
    """Train an arm, from the newest training state if there is one, and write a Checkpoint's files to `folder`.

    Args:
        config: The arm.
        base: Model to start from.
        corpus: Documents in training order, or the examples of the config's objective.
        folder: Empty folder of the artifact.
        work: Empty work directory; too large for the artifact, and removed afterwards.
        states: Where training states are published and looked for; None keeps none.
        start: Whose adapter the training goes on from; None for new adapters.

    Returns:
        Facts for the record.

    Raises:
        TrainError: If the training cannot be done as asked, or failed.
    """
    trainer_python()
    check_config(config)
    check_objective(config, corpus)
    check_no_adapter(base)
    check_tokenizer(base, corpus)
    # Counted before training: nothing may fail once the training is done.
    coverage = measure_coverage(base.path, config.arm) if config.arm.kind == "lora" else None
    sizes = read_sizes(base.path)
    n_trainable = coverage.n_trainable if coverage else sizes.n_parameters
    if start:
        (work / work_files.START).symlink_to(check_start(start, config, base).absolute(), target_is_directory=True)
    rows = prepare_work_dir(config, base, corpus, work, keeps_states=states is not None)
    earlier_seconds = states.spent_seconds() if states else 0.0
    resumed_from_step = link_newest_state(states, work)
    boundaries = read_boundaries(config, corpus) if isinstance(corpus, TextShards) else None
    started = time.monotonic()
    with publishing(
        states,
        work / work_files.STATES,
        lambda: earlier_seconds + time.monotonic() - started,
        lambda step: {"boundary": boundaries.after(step).model_dump(mode="json")} if boundaries else {},
    ):
        run_trainer(work, config, _monitor(config, sizes, rows.n_steps, states, work, boundaries))
    seconds = time.monotonic() - started
    metrics = read_metrics(work / work_files.METRICS)
    check_tokens(metrics, rows.n_tokens, rows.n_steps)
    _save(work, folder, metrics, coverage)
    outcome = Outcome(
        rows, metrics, n_trainable, coverage, seconds, earlier_seconds, resumed_from_step, states, boundaries
    )
    return facts_of(config, sizes, outcome, work)


def _monitor(
    config: TrainConfig, sizes: Sizes, n_steps: int, states: States | None, work: Path, boundaries: Boundaries | None
) -> Monitor:
    limits = TimeLimits(
        stall_seconds=config.stall_minutes * 60,
        deadline_seconds=config.deadline_minutes * 60,
        first_state_seconds=config.first_checkpoint_minutes * 60 if states else math.inf,
    )
    check = boundaries.check if boundaries else lambda line: None

    def share(tokens_per_second: float) -> float | None:
        versions = work / work_files.VERSIONS
        gpu = json.loads(versions.read_text()).get("gpu") if versions.exists() else None
        return mfu(sizes, config.arm.kind, tokens_per_second, config.arm.n_ranks, gpu)

    return Monitor(
        work / work_files.METRICS, n_steps, limits, lambda: states.n_published if states else 0, check, share
    )


def _save(work: Path, folder: Path, metrics: list[dict[str, JsonValue]], coverage: Coverage | None) -> None:
    if coverage:
        save_adapter(work / work_files.OUTPUT, folder / "adapter")
        (folder / "coverage.json").write_text(json.dumps(asdict(coverage), indent=1) + "\n")
    else:
        save_shards(work / work_files.OUTPUT / work_files.SHARDED, folder / work_files.SHARDED)
    save_metrics(metrics, folder / work_files.METRICS)
    (folder / work_files.YAML).write_bytes((work / work_files.YAML).read_bytes())
