"""The merge stage: find every tensor, write the merged weight files, compare the merged model with the trained one."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import JsonValue

from tasks.checkpoints.dcp import read_metadata
from tasks.checkpoints.restricted_pickle import ForbiddenPickle
from tasks.merge.adapter import CONFIG, WEIGHTS, Adapter, open_adapter
from tasks.merge.architecture import Architecture, describe, empty_model, write_configs
from tasks.merge.casting import check_cast, wanted_dtype
from tasks.merge.config import MergeConfig
from tasks.merge.finished import FinishedFile
from tasks.merge.fold import FoldedTensor
from tasks.merge.logit_check import check_merged, check_trained, measure_parity
from tasks.merge.shards import Shard, plan_shards, publish_shards, write_shards
from tasks.merge.stored_tensors import StoredTensor, find_safetensors, find_sharded
from tasks.merge.stream import CopiedTensor, MergedTensor
from tasks.merge.tensor_names import base_tensors, model_tensors
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tasks.store.digests import sha256_of_file, sha256_of_json

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
        shards, identity, n_left_behind = plan_merge(config, base, checkpoint, opened)
        finished, n_resumed = write_shards(shards, identity, work_dir)
    seconds = time.monotonic() - started
    folder.mkdir(parents=True, exist_ok=True)
    publish_shards(shards, work_dir, folder)
    write_configs(base.path, config.dtype, folder)
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
        "tolerance": tolerance,
        **_weight_facts(shards, finished),
        "left_behind": dict(n_left_behind),
        "n_left_behind": sum(n_left_behind.values()),
        "n_shards_resumed": n_resumed,
        "streaming_seconds": round(seconds, 3),
    }


def plan_merge(
    config: MergeConfig, base: ModelFolder, checkpoint: Checkpoint, opened: ExitStack
) -> tuple[list[Shard], str, dict[str, int]]:
    """Find every tensor before any is copied; `opened` closes the adapter's file.

    Returns:
        The weight files; the digest of what decides their tensors besides the files they are read from; and the number
        of base tensors left behind, by part.
    """
    empty = empty_model(base.path)
    architecture = describe(empty)
    of_base, n_left_behind = base_tensors(find_safetensors(base.path), architecture)
    if checkpoint.arm == "lora":
        adapter = open_adapter(empty, architecture, checkpoint.adapter_dir, opened)
        tensors = _folded_tensors(config, of_base, adapter)
        identity = sha256_of_json([sha256_of_file(checkpoint.adapter_dir / name) for name in (CONFIG, WEIGHTS)])
    else:
        tensors = _sharded_tensors(config, of_base, checkpoint.sharded_dir, architecture)
        identity = "copied"
    return plan_shards(tensors, int(config.shard_gigabytes * 1e9)), identity, n_left_behind


def _sharded_tensors(
    config: MergeConfig, of_base: dict[str, StoredTensor], sharded_dir: Path, architecture: Architecture
) -> list[MergedTensor]:
    checkpoint = read_metadata(sharded_dir)
    if checkpoint.others:
        raise ForbiddenPickle(
            f"{checkpoint.others[0]} in {sharded_dir.name}, first of {len(checkpoint.others)} such entries, is not a "
            "tensor but a pickle, which could run code; nothing of it was loaded. Weights are saved as tensors only: "
            "use a checkpoint from a source you trust."
        )
    trained = model_tensors(find_sharded(checkpoint), architecture, "the checkpoint")
    return [_copied(config, name, tensor, of_base[name].dtype) for name, tensor in trained.items()]


def _copied(config: MergeConfig, name: str, tensor: StoredTensor, base_dtype: str) -> MergedTensor:
    dtype = wanted_dtype(config.dtype, base_dtype)
    check_cast(name, tensor.dtype, dtype)
    return CopiedTensor(name, dtype, tensor)


def _folded_tensors(config: MergeConfig, of_base: dict[str, StoredTensor], adapter: Adapter) -> list[MergedTensor]:
    copied = [_copied(config, name, tensor, tensor.dtype) for name, tensor in of_base.items()]
    return [
        FoldedTensor(tensor.name, tensor.dtype, tensor.source, adapter) if tensor.name in adapter.layers else tensor
        for tensor in copied
    ]


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
        "n_base_copies": counts["base copies"],
        "n_tensors_moved": counts["moved"],
        "n_expert_tensors_moved": counts["moved experts"],
    }
