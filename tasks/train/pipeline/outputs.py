"""What the trainer left: the check that all tokens were seen, and the artifact's files without machine or clock."""

import json
import shutil
from pathlib import Path
from typing import Any

from tasks.train.errors import TokensMissed, TrainingFailed
from tasks.train.trainer import work_files

OF_THE_RUN = ("seconds", "peak_memory_bytes")
"""Metrics that depend on the machine; the record's facts hold them."""
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Metrics by step."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def check_tokens(metrics: list[dict[str, Any]], n_tokens: int, n_steps: int) -> None:
    """Compare what the trainer counted in its batches with what the rows hold.

    Args:
        metrics: By step.
        n_tokens: Of the corpus: token_budget. Of examples: those of all epochs.
        n_steps: Optimizer steps that take every row once.

    Raises:
        TokensMissed: If steps or tokens differ.
    """
    n_done, n_seen = (metrics[-1]["step"], metrics[-1]["tokens_seen"]) if metrics else (0, 0)
    if (n_done, n_seen) != (n_steps, n_tokens):
        raise TokensMissed(
            f"the trainer saw {n_seen:,} tokens in {n_done} steps, the rows hold {n_tokens:,} in {n_steps} steps; the "
            "checkpoint is not published. Look for dropped or shortened rows in the trainer's log."
        )


def save_metrics(metrics: list[dict[str, Any]], path: Path) -> None:
    """Write metrics without seconds and memory, which would give every run another digest."""
    lines = ({key: line[key] for key in line if key not in OF_THE_RUN} for line in metrics)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def save_shards(source: Path, target: Path) -> None:
    """Move the shards; the trainer has left machine and time out of their index.

    Raises:
        TrainingFailed: If there are none.
    """
    if not (source / ".metadata").is_file():
        raise TrainingFailed(f"the trainer succeeded, but left no complete {work_files.SHARDED}; nothing is published.")
    # Hundreds of gigabytes: on one disk a rename, not a copy.
    shutil.move(source, target)


def save_adapter(source: Path, target: Path) -> None:
    """Copy the adapter; its config loses the base's path on this machine and gets its target lists sorted."""
    target.mkdir()
    weights, config_name = ADAPTER_FILES
    shutil.copyfile(source / weights, target / weights)
    config = json.loads((source / config_name).read_text())
    config["base_model_name_or_path"] = None
    for name in ("target_modules", "target_parameters"):
        config[name] = sorted(config[name] or [])
    (target / config_name).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
