"""Logits of the base, the trained and the merged model; one of them is in memory at a time."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.merge.adapter import attach_adapter
from tasks.merge.casting import DTYPE_NAMES, MERGED
from tasks.merge.config import MergeConfig
from tasks.merge.errors import CheckpointMismatch, MergeDiffers
from tasks.merge.verify import Parity, compare
from tasks.schemas.artifacts import Checkpoint

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def measure_parity(config: MergeConfig, base_dir: Path, checkpoint: Checkpoint, merged_dir: Path) -> Parity:
    """Hold a merged model against what it was merged from, all computed in the merged number format.

    The trained model comes by another way than the merge's: PEFT's adapter on the base, or torch's own reader of
    sharded checkpoints.

    Args:
        config: Number format and prompts.
        base_dir: The base.
        checkpoint: What was trained.
        merged_dir: The merged model, read back from its folder.

    Raises:
        MergeDiffers: If transformers misses a tensor of the merged model, or finds one too many.
    """
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base_dir, trust_remote_code=False)
    # A function of its own: its model is freed before the merged one is loaded, for two do not fit on one GPU.
    base, trained = _before_the_merge(config, base_dir, checkpoint, tokenizer)
    model, report = load_model(merged_dir, "base", with_report=True)
    if problems := {what: sorted(names) for what, names in report.items() if names}:
        raise MergeDiffers(f"transformers does not load the merged model as it is: {str(problems)[:300]}.")
    merged = probe_logits(model, tokenizer, config.prompts)
    return compare(base, trained, merged, torch.finfo(model.dtype).eps)


def load_model(folder: Path, dtype: str = "base", with_report: bool = False) -> Any:
    """Load a causal language model, on a GPU if there is one.

    Args:
        folder: A ModelFolder.
        dtype: As `merge.dtype`; `base` takes what the folder's config says.
        with_report: Also give the names that were missing, unexpected or of another shape.
    """
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, report = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype="auto" if dtype == "base" else getattr(torch, DTYPE_NAMES[MERGED[dtype]]),
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
    )
    for tensor in (*model.parameters(), *model.buffers()):
        # Copied, for mapped files start anywhere in memory, and by its alignment a kernel rounds differently.
        tensor.data = tensor.data.clone() if device == "cpu" else tensor.data.to(device)
    return (model, report) if with_report else model


def load_sharded(model: "PreTrainedModel", sharded_dir: Path) -> None:
    """Put a sharded checkpoint's weights in the place of a model's, by torch's own reader, without a process group.

    Its metadata must have passed `tasks.checkpoints.dcp.read_metadata` before, for torch runs its pickle.

    Raises:
        CheckpointMismatch: If a weight is missing, has another shape, or is stored as a pickle.
    """
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.filesystem import FileSystemReader
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata
    from torch.distributed.checkpoint.state_dict_loader import load

    state = model.state_dict()
    entries = FileSystemReader(sharded_dir).read_metadata().state_dict_metadata
    # Of anything else that is asked for, torch's planner runs the pickle.
    wanted = {name: tensor for name, tensor in state.items() if isinstance(entries.get(name), TensorStorageMetadata)}
    if missing := sorted(state.keys() - wanted.keys() - set(getattr(model, "all_tied_weights_keys", {}))):
        raise CheckpointMismatch(
            f"the checkpoint holds no tensor for {len(missing)} of the model's {len(state)} weights, {missing[0]} "
            "first. Merge a checkpoint with the base it was trained from."
        )
    try:
        with warnings.catch_warnings():
            # It warns of what was asked for: to load in a single process.
            warnings.filterwarnings("ignore", message="torch.distributed is disabled")
            load(wanted, storage_reader=FileSystemReader(sharded_dir), no_dist=True)
    except (RuntimeError, ValueError, CheckpointException) as error:
        raise CheckpointMismatch(f"torch's reader refuses the checkpoint: {str(error)[:300]}.") from error


def probe_logits(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", prompts: Sequence[str]
) -> list[np.ndarray]:
    """(n_tokens, vocabulary) float32 logits of each prompt, one at a time, so that no padding takes part."""
    import torch

    def logits(prompt: str) -> np.ndarray:
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"].to(model.device)
        answer: np.ndarray = model(input_ids=ids, use_cache=False).logits[0].float().cpu().numpy()
        return answer

    model.eval()
    with torch.inference_mode():
        return [logits(prompt) for prompt in prompts]


def _before_the_merge(
    config: MergeConfig, base_dir: Path, checkpoint: Checkpoint, tokenizer: "PreTrainedTokenizerBase"
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    model = load_model(base_dir, config.dtype)
    base = probe_logits(model, tokenizer, config.prompts)
    if checkpoint.arm == "lora":
        model = attach_adapter(model, checkpoint.adapter_dir)
    else:
        load_sharded(model, checkpoint.sharded_dir)
    return base, probe_logits(model, tokenizer, config.prompts)
