"""Planning: every tensor of the merged model and where its bytes are, found before any is copied."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.checkpoints.dcp import read_metadata
from tasks.checkpoints.restricted_pickle import ForbiddenPickle
from tasks.merge.adapter import CONFIG, WEIGHTS, Adapter, layers_of, open_adapter, wrap_empty
from tasks.merge.architecture import Architecture, describe, empty_model
from tasks.merge.casting import check_cast, check_format, wanted_dtype
from tasks.merge.config import MergeConfig
from tasks.merge.errors import CastNotHandled
from tasks.merge.fold import FoldedTensor
from tasks.merge.shards import Shard, plan_shards
from tasks.merge.stored_tensors import StoredTensor, find_safetensors, find_sharded
from tasks.merge.stream import CopiedTensor, MergedTensor, equal_numbers
from tasks.merge.tensor_names import base_tensors, model_tensors
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tasks.store.digests import sha256_of_file, sha256_of_json

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class PlannedBase:
    """A base as transformers would load it.

    Args:
        empty: The model on the meta device.
        architecture: Its weights; tied only where the files hold one weight, or the same one twice.
        tensors: By the model's names, tied names included.
        n_left_behind: Tensors that the model lacks, by part.
        is_untied: Whether the config ties weights that differ in the files.
    """

    empty: "PreTrainedModel"
    architecture: Architecture
    tensors: dict[str, StoredTensor]
    n_left_behind: dict[str, int]
    is_untied: bool


@dataclass(frozen=True)
class MergePlan:
    """What a merge writes.

    Args:
        shards: The weight files.
        inputs_identity: Digest of what decides their tensors besides the files they are read from.
        n_left_behind: Base tensors that are not written, by part.
        is_untied: Whether head and embedding are written as two weights; the config then says so.
        n_base_copies: Weights of the base in an adapter's file, which equal the base's.
    """

    shards: list[Shard]
    inputs_identity: str
    n_left_behind: dict[str, int]
    is_untied: bool
    n_base_copies: int


def plan_base(base_dir: Path) -> PlannedBase:
    """Find a base's tensors; reads headers, and embedding and head where the files hold both of a tied pair.

    Raises:
        CheckpointMismatch: If a tensor is missing, unexpected or has another shape.
        CastNotHandled: If the base is quantized.
        SourceDamaged: If a file is missing, truncated or not safetensors.
    """
    _check_not_quantized(base_dir)
    empty = empty_model(base_dir)
    tensors, n_left_behind = base_tensors(find_safetensors(base_dir), empty)
    for name, tensor in tensors.items():
        check_format(name, tensor.dtype)
    architecture = describe(empty)
    ties = equal_ties(tensors, architecture.tied)
    if is_untied := ties != architecture.tied:
        # transformers does not tie then, whatever the config says.
        empty, architecture = empty_model(base_dir, untied=True), replace(architecture, tied=ties)
    return PlannedBase(empty, architecture, tensors, n_left_behind, is_untied)


def _check_not_quantized(base_dir: Path) -> None:
    from transformers import AutoConfig

    # A multimodal base has it beside its language model's config.
    config = AutoConfig.from_pretrained(base_dir, trust_remote_code=False)
    if quantization := getattr(config, "quantization_config", None):
        raise CastNotHandled(
            f"the base's config has a quantization_config ({str(quantization)[:100]}); the merge needs weights as "
            "they were trained. Use the base in bf16 or fp32."
        )


def plan_merge(config: MergeConfig, base: ModelFolder, checkpoint: Checkpoint, opened: ExitStack) -> MergePlan:
    """Find every tensor before any is copied; `opened` closes the adapter's file."""
    planned = plan_base(base.path)
    if checkpoint.arm == "lora":
        adapter = open_adapter(planned.empty, planned.architecture, planned.tensors, checkpoint.adapter_dir, opened)
        ties = planned.architecture.tied
        tensors = _folded_tensors(config, planned.tensors, adapter)
        n_copies = adapter.n_copies
        identity = sha256_of_json([sha256_of_file(checkpoint.adapter_dir / name) for name in (CONFIG, WEIGHTS)])
    else:
        trained = _trained_tensors(checkpoint.sharded_dir, planned.architecture)
        ties = equal_ties(trained, planned.architecture.tied)
        tensors = [_copied(config, name, tensor, planned.tensors[name].dtype) for name, tensor in trained.items()]
        identity, n_copies = "copied", 0
    written = [tensor for tensor in tensors if tensor.name not in ties]
    shards = plan_shards(written, int(config.shard_gigabytes * 1e9))
    is_untied = planned.is_untied or planned.architecture.tied != ties
    return MergePlan(shards, identity, planned.n_left_behind, is_untied, n_copies)


def check_untrained(config: MergeConfig, base: ModelFolder, lora: "LoraConfig | None") -> dict[str, str]:
    """Plan the merge of a training that has not run: all that follows from the recipe and the base alone.

    Args:
        config: Number format.
        base: Model that will be trained.
        lora: The adapters; None if every weight is trained, in fp32 or bf16.

    Returns:
        Number format of each merged weight.

    Raises:
        HindsightError: If the merge would refuse it.
    """
    planned = plan_base(base.path)
    layers = layers_of(wrap_empty(planned.empty, lora, planned.architecture)) if lora else planned.tensors
    for name in layers:
        check_cast(name, "F32", wanted_dtype(config.dtype, planned.tensors[name].dtype))
    return {name: wanted_dtype(config.dtype, tensor.dtype) for name, tensor in planned.tensors.items()}


def equal_ties(tensors: Mapping[str, StoredTensor], tied: dict[str, str]) -> dict[str, str]:
    """The ties, or none if one of them joins tensors that differ: a model's config ties all or none."""
    pairs = [(tensors[name], tensors[source]) for name, source in tied.items()]
    return tied if all(one.dtype == other.dtype and equal_numbers(one, other) for one, other in pairs) else {}


def _trained_tensors(sharded_dir: Path, architecture: Architecture) -> dict[str, StoredTensor]:
    checkpoint = read_metadata(sharded_dir)
    if checkpoint.others:
        raise ForbiddenPickle(
            f"{checkpoint.others[0]} in {sharded_dir.name}, first of {len(checkpoint.others)} such entries, is not a "
            "tensor but a pickle, which could run code; nothing of it was loaded. Weights are saved as tensors only: "
            "use a checkpoint from a source you trust."
        )
    return model_tensors(find_sharded(checkpoint), architecture, "the checkpoint")


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
