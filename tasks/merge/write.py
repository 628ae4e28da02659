"""The merge stage: find every tensor, write the merged weight files, compare the merged model with the trained one."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import JsonValue

from tasks.merge.architecture import write_configs
from tasks.merge.config import MergeConfig
from tasks.merge.finished import FinishedFile
from tasks.merge.logit_check import check_merged, check_trained, measure_parity
from tasks.merge.plan import plan_merge
from tasks.merge.shards import Shard, publish_shards, write_shards
from tasks.schemas.artifacts import Checkpoint, ModelFolder

log = logging.getLogger(__name__)


def write_merge(
    config: MergeConfig, base: ModelFolder, checkpoint: Checkpoint, label: str, folder: Path, work_dir: Path
) -> dict[str, JsonValue]:
    """Write a ModelFolder's files.

    Args:
        config: Number format, tolerance and prompts.
        base: Model that was trained.
        checkpoint: The adapter, or the sharded weights.
        label: The merged model's name in messages.
        folder: Empty folder for the files.
        work_dir: Holds finished files until all are written. Used by this merge only; files of an earlier start are
            resumed.

    Returns:
        Facts for the record.

    Raises:
        HindsightError: If inputs do not match or are damaged, training changed nothing, or the merged model differs.
    """
    started = time.monotonic()
    with ExitStack() as opened:
        plan = plan_merge(config, base, checkpoint, opened)
        finished, n_resumed = write_shards(plan.shards, plan.inputs_identity, work_dir)
    seconds = time.monotonic() - started
    folder.mkdir(parents=True, exist_ok=True)
    publish_shards(plan.shards, work_dir, folder)
    write_configs(base.path, config.dtype, folder, plan.is_untied)
    parity = measure_parity(config, base.path, checkpoint, folder)
    log.info("merge: training changed logits by up to %.4g, merging by %.4g", parity.moved, parity.difference)
    check_trained(parity, label)
    tolerance = config.tolerance if checkpoint.arm == "lora" else 0.0
    check_merged(parity, tolerance, label, checkpoint.arm)
    return {
        "arm": checkpoint.arm,
        "moved": parity.moved,
        "difference": parity.difference,
        "noise": parity.noise,
        "of_peft": parity.of_peft,
        "tolerance": tolerance,
        **_weight_facts(plan.shards, finished),
        "n_base_copies": plan.n_base_copies,
        "untied": plan.is_untied,
        "left_behind": dict(plan.n_left_behind),
        "n_left_behind": sum(plan.n_left_behind.values()),
        "n_shards_resumed": n_resumed,
        "streaming_seconds": round(seconds, 3),
    }


def _weight_facts(shards: Sequence[Shard], finished: Sequence[FinishedFile]) -> dict[str, JsonValue]:
    """Tensors, bytes, number formats, casts and folds of the weight files."""
    tensors = [tensor for shard in shards for tensor in shard.tensors]
    counts: Counter[str] = Counter()
    for file in finished:
        counts.update(file.counts)
    return {
        "n_tensors": len(tensors),
        "n_bytes": sum(file.n_bytes for file in finished),
        "n_shards": len(shards),
        "dtypes": dict(sorted(Counter(tensor.dtype for tensor in tensors).items())),
        "casts": {what: n for what, n in sorted(counts.items()) if " to " in what},
        "n_bytes_read": sum(file.n_read for file in finished),
        "n_adapters": counts["adapters"],
        "n_zero_adapters": counts["zero adapters"],
        "n_tensors_moved": counts["moved"],
        "n_expert_tensors_moved": counts["moved experts"],
    }
