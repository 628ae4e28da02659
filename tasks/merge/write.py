"""Merge: find every tensor, stream it into the merged model, hold that against what was trained."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import JsonValue

from tasks.checkpoints.dcp import ForbiddenPickle, read_metadata
from tasks.merge.adapter import CONFIG, WEIGHTS, Adapter, open_adapter
from tasks.merge.architecture import Architecture, describe, empty_model, keep_configs
from tasks.merge.casting import check_cast, wanted_dtype
from tasks.merge.config import MergeConfig
from tasks.merge.fold import Folded
from tasks.merge.names import base_tensors, model_tensors
from tasks.merge.probe import measure_parity
from tasks.merge.proofs import Proof
from tasks.merge.shards import Shard, plan_shards, publish_shards, write_shards
from tasks.merge.sources import Source, safetensors_sources, sharded_sources
from tasks.merge.stream import Copied, Output
from tasks.merge.verify import refuse_difference, refuse_unmoved
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tasks.store.digests import sha256_of_file, sha256_of_json

log = logging.getLogger(__name__)


def write_merge(
    config: MergeConfig, base: ModelFolder, checkpoint: Checkpoint, label: str, folder: Path, work_dir: Path
) -> dict[str, JsonValue]:
    """Leave a ModelFolder's files in `folder`.

    Args:
        config: Number format, tolerance and probe prompts.
        base: Model that was trained.
        checkpoint: The adapter, or the sharded weights.
        label: What the merged model is called in messages.
        folder: Empty folder.
        work_dir: Where finished files stay until all are there; one merge's own, and what an earlier try left in it
            is gone on with.

    Returns:
        Facts for the record.

    Raises:
        HindsightError: If anything does not fit, is damaged, moved nothing, or is not what the merged model answers.
    """
    started = time.monotonic()
    with ExitStack() as opened:
        shards, identity, n_left_behind = plan_merge(config, base, checkpoint, opened)
        proofs, n_earlier = write_shards(shards, identity, work_dir)
    seconds = time.monotonic() - started
    folder.mkdir(parents=True, exist_ok=True)
    publish_shards(shards, work_dir, folder)
    keep_configs(empty_model(base.path), base.path, config.dtype, folder)
    parity = measure_parity(config, base.path, checkpoint, folder)
    log.info("merge: training moved logits by up to %.4g, merging by %.4g", parity.moved, parity.difference)
    refuse_unmoved(parity, label)
    tolerance = config.tolerance if checkpoint.arm == "lora" else 0.0
    refuse_difference(parity, tolerance, label, checkpoint.arm)
    return {
        "arm": checkpoint.arm,
        "moved": parity.moved,
        "difference": parity.difference,
        "noise": parity.noise,
        "tolerance": tolerance,
        **weight_facts(shards, proofs),
        "left_behind": dict(n_left_behind),
        "n_left_behind": sum(n_left_behind.values()),
        "n_shards_gone_on_with": n_earlier,
        "streaming_seconds": round(seconds, 3),
    }


def plan_merge(
    config: MergeConfig, base: ModelFolder, checkpoint: Checkpoint, opened: ExitStack
) -> tuple[list[Shard], str, dict[str, int]]:
    """Find every tensor before one is copied.

    Args:
        config: Number format and file size.
        base: Model that was trained.
        checkpoint: The adapter, or the sharded weights.
        opened: Closes what the plan reads from.

    Returns:
        The files, the digest of what decides their tensors besides the files these lie in, and the tensors of the
        base that the model does not have.
    """
    empty = empty_model(base.path)
    architecture = describe(empty)
    of_base, n_left_behind = base_tensors(safetensors_sources(base.path), architecture)
    if checkpoint.arm == "lora":
        adapter = open_adapter(empty, architecture, checkpoint.adapter_dir, opened)
        outputs = _folded(config, of_base, adapter)
        identity = sha256_of_json([sha256_of_file(checkpoint.adapter_dir / name) for name in (CONFIG, WEIGHTS)])
    else:
        outputs = sharded_outputs(config, of_base, checkpoint.sharded_dir, architecture)
        identity = "copied"
    return plan_shards(outputs, int(config.shard_gigabytes * 1e9)), identity, n_left_behind


def sharded_outputs(
    config: MergeConfig, of_base: dict[str, Source], sharded_dir: Path, architecture: Architecture
) -> list[Output]:
    """The architecture's tensors from a sharded checkpoint, in the wanted number formats. No torch is loaded.

    Raises:
        ForbiddenPickle: If it holds more than tensors, for that is a pickle each.
        CheckpointUnreadable: If a file is missing, cut off, hostile or laid out in a way that is not handled.
        CheckpointMismatch: If a tensor is missing, has no place or another shape.
        CastNotHandled: If a number format is not turned into the wanted one.
    """
    checkpoint = read_metadata(sharded_dir)
    if checkpoint.others:
        raise ForbiddenPickle(
            f"{checkpoint.others[0]} in {sharded_dir.name}, first of {len(checkpoint.others)} such entries, is no "
            "tensor but a pickle, which could run code; nothing of it was loaded. Weights are saved as tensors alone: "
            "take a checkpoint whose origin you know."
        )
    trained = model_tensors(sharded_sources(checkpoint), architecture, "the checkpoint")
    dtypes = {name: wanted_dtype(config.dtype, source.dtype) for name, source in of_base.items()}
    for name, source in trained.items():
        check_cast(name, source.dtype, dtypes[name])
    return [Copied(name, dtypes[name], source) for name, source in trained.items()]


def _folded(config: MergeConfig, of_base: dict[str, Source], adapter: Adapter) -> list[Output]:
    outputs: list[Output] = []
    for name, source in of_base.items():
        dtype = wanted_dtype(config.dtype, source.dtype)
        check_cast(name, source.dtype, dtype)
        is_target = name in adapter.layers
        outputs.append(Folded(name, dtype, source, adapter) if is_target else Copied(name, dtype, source))
    return outputs


def weight_facts(shards: Sequence[Shard], proofs: Sequence[Proof]) -> dict[str, JsonValue]:
    """Tensors, bytes, number formats, casts and folds of the written files."""
    outputs = [output for shard in shards for output in shard.outputs]
    counts: Counter[str] = Counter()
    for proof in proofs:
        counts.update(proof.counts)
    casts = {what: n for what, n in sorted(counts.items()) if " to " in what}
    return {
        "n_tensors": len(outputs),
        "n_bytes": sum(proof.n_bytes for proof in proofs),
        "n_shards": len(shards),
        "dtypes": dict(sorted(Counter(output.dtype for output in outputs).items())),
        "casts": dict(casts),
        "n_bytes_read": sum(proof.n_read for proof in proofs),
        "n_adapters": counts["adapters"],
        "n_zero_adapters": counts["zero adapters"],
        "n_base_copies": counts["base copies"],
        "n_tensors_moved": counts["moved"],
        "n_expert_tensors_moved": counts["moved experts"],
    }
