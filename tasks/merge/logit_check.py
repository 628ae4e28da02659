"""Logits of the base, the trained and the merged model on a few prompts; only one model is in memory at a time.

The trained model is loaded in another way than the merge reads it: by PEFT, or by torch's own reader.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.checkpoints.dcp import WRAPPERS
from tasks.merge.adapter import attach_adapter
from tasks.merge.casting import CONFIG_DTYPES, DTYPE_NAMES
from tasks.merge.config import MergeConfig
from tasks.merge.errors import CheckpointMismatch, MergeDiffers, NothingChanged
from tasks.schemas.artifacts import Checkpoint

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NOISE = 8
"""Noise in roundings of the largest logit; 1 to 4 were measured between equal models."""

PEFT_FACTOR = 2
"""Beyond the noise of one rounding, a fold in fp32 may differ by so many times what PEFT's own does: SmolLM2-135M
amplifies the rounding of a fold to 5e-4 of a logit. In bf16 both folds would lose a small change alike. No noise
excuses more than half of what training moved: a merge that left the adapter out differs by all of it."""


@dataclass(frozen=True)
class Parity:
    """How far training moved the logits, and how far the merged model is from the trained one.

    Args:
        moved: max |trained - base|.
        difference: max |merged - trained|.
        noise: Rounding noise; smaller values of either mean nothing.
        dtype: torch's name of the merged number format.
        of_peft: max |folded by PEFT - trained|, measured for adapters in fp32 where the difference is beyond the noise.
    """

    moved: float
    difference: float
    noise: float
    dtype: str = "float32"
    of_peft: float = 0.0


def measure_parity(config: MergeConfig, base_dir: Path, checkpoint: Checkpoint, merged_dir: Path) -> Parity:
    """Compare a merged model, read back from its folder, with the trained one, both in the merged number format.

    Raises:
        MergeDiffers: If transformers reports a missing or unexpected tensor in the merged model.
    """
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base_dir, trust_remote_code=False)
    # In a function of its own, which frees its model: two models do not fit on one GPU.
    base, trained = _logits_before_merge(config, base_dir, checkpoint, tokenizer)
    model, report = load_with_report(merged_dir, "base")
    if problems := {what: sorted(names) for what, names in report.items() if names}:
        raise MergeDiffers(f"transformers does not load the merged model as it is: {str(problems)[:300]}.")
    merged = _logits(model, tokenizer, config.prompts)
    parity = compare(base, trained, merged, torch.finfo(model.dtype).eps)
    parity = replace(parity, dtype=str(model.dtype).removeprefix("torch."))
    del model
    beyond = parity.difference > max(parity.noise, config.tolerance * parity.moved)
    if beyond and checkpoint.arm == "lora" and parity.dtype == "float32":
        folded = _logits_folded_by_peft(config, base_dir, checkpoint, tokenizer)
        parity = replace(parity, of_peft=_max_difference(folded, trained))
    return parity


def compare(base: list[np.ndarray], trained: list[np.ndarray], merged: list[np.ndarray], epsilon: float) -> Parity:
    """Largest differences between three models' logits, an array per prompt.

    `epsilon` is the relative rounding of the weights' number format.
    """
    # numpy's maximum keeps NaN, Python's loses it.
    largest = float(np.max([np.abs(logits).max() for logits in (*base, *trained, *merged)]))
    return Parity(_max_difference(trained, base), _max_difference(merged, trained), NOISE * epsilon * largest)


def check_trained(parity: Parity, label: str) -> None:
    """Check that training changed the model.

    Raises:
        NothingChanged: If no logit changed by more than rounding noise.
    """
    if not parity.moved > parity.noise:
        raise NothingChanged(
            f"training of {label} changes no logit of the prompts by more than {parity.moved:.3g}, rounding alone "
            f"gives {parity.noise:.3g}; a merge would publish the base unchanged. {_finer(parity)}Train on more tokens "
            "or with a higher learning rate."
        )


def _finer(parity: Parity) -> str:
    """The way out where a coarse number format hides a small change."""
    return "" if parity.dtype == "float32" else "Set merge.dtype to fp32, which shows smaller changes. "


def check_merged(parity: Parity, tolerance: float, label: str, arm: str) -> None:
    """Check that the merged model is the trained one.

    `tolerance` is the allowed fraction of the largest change by training: 0 for weights that are only copied.

    Raises:
        MergeDiffers: If the difference is larger than allowed.
    """
    way_out = "Set merge.dtype to fp32: the base's number format rounds small changes away."
    if parity.dtype == "float32":
        way_out = "Run the merge again, and check the disk if it recurs; PEFT's merge_and_unload folds it too."
    if arm == "full-weight":
        way_out = "Copied weights must give equal logits; run the merge again, and check the disk if it recurs."
    # Folding may add rounding noise, which some models amplify; copying computes nothing.
    noise = min(max(parity.noise, PEFT_FACTOR * parity.of_peft), parity.moved / 2)
    allowed = max(tolerance * parity.moved, noise) if arm == "lora" else tolerance * parity.moved
    # An infinite logit makes the noise infinite too.
    if not (np.isfinite(parity.difference) and parity.difference <= allowed):
        raise MergeDiffers(
            f"merged model of {label} differs from the trained one by {parity.difference:.3g} in a logit, more than "
            f"the {allowed:.3g} allowed for a change of {parity.moved:.3g} by training; it is not published. {way_out}"
        )


def load_model(folder: Path, dtype: str = "base") -> Any:
    """Load a causal language model, on a GPU if there is one; `dtype` as `merge.dtype`."""
    return load_with_report(folder, dtype)[0]


def load_with_report(folder: Path, dtype: str) -> tuple[Any, dict[str, set[str]]]:
    """Load a model as `load_model` does; also return the names of missing, unexpected and mismatched tensors."""
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, report = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype="auto" if dtype == "base" else getattr(torch, DTYPE_NAMES[CONFIG_DTYPES[dtype]]),
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
    )
    for tensor in (*model.parameters(), *model.buffers()):
        # Copied: tensors of a mapped file may be unaligned, and kernels round differently by alignment.
        tensor.data = tensor.data.clone() if device == "cpu" else tensor.data.to(device)
    return model, report


def load_sharded(model: "PreTrainedModel", sharded_dir: Path) -> None:
    """Load a sharded checkpoint into a model with torch's own reader, without a process group.

    The model's ties are broken, so that each name has the checkpoint's own numbers.

    `tasks.checkpoints.dcp.read_metadata` must have accepted its metadata before: torch runs that pickle.

    Raises:
        CheckpointMismatch: If a weight is missing, has another shape, or is stored as a pickle.
    """
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.filesystem import FileSystemReader
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata
    from torch.distributed.checkpoint.state_dict_loader import load

    ties = _break_ties(model)
    state = model.state_dict()
    entries = FileSystemReader(sharded_dir).read_metadata().state_dict_metadata
    # Only tensors are requested: torch's planner runs the pickle of any other requested entry.
    tensors = [name for name, entry in entries.items() if isinstance(entry, TensorStorageMetadata)]
    saved = {reduce(lambda text, wrapper: text.replace(wrapper, ""), WRAPPERS, name): name for name in tensors}
    # accelerate saves a dictionary with the key "model".
    saved = {name: found for name in state if (found := saved.get(name) or saved.get(f"model.{name}"))}
    absent = {name: ties[name] for name in ties.keys() - saved.keys() if ties[name] in saved}
    if missing := sorted(state.keys() - saved.keys() - absent.keys()):
        raise CheckpointMismatch(
            f"the checkpoint holds no tensor for {len(missing)} of the model's {len(state)} weights, {missing[0]} "
            "first. Merge a checkpoint with the base it was trained from."
        )
    try:
        with warnings.catch_warnings():
            # Loading in a single process is intended.
            warnings.filterwarnings("ignore", message="torch.distributed is disabled")
            wanted = {saved[name]: state[name] for name in saved}
            load(wanted, storage_reader=FileSystemReader(sharded_dir), no_dist=True)
    except (RuntimeError, ValueError, CheckpointException) as error:
        raise CheckpointMismatch(f"torch's reader refuses the checkpoint: {str(error)[:300]}.") from error
    for name, partner in absent.items():
        state[name].copy_(state[partner])


def _break_ties(model: "PreTrainedModel") -> dict[str, str]:
    """Give every tied name a weight of its own, so that the checkpoint decides whether they are equal.

    Returns:
        For each name of a tied pair, the other one.
    """
    import torch

    ties = dict(model.all_tied_weights_keys)
    for name in ties:
        holder, _, leaf = name.rpartition(".")
        own = torch.nn.Parameter(model.get_parameter(name).detach().clone(), requires_grad=False)
        setattr(model.get_submodule(holder), leaf, own)
    return ties | {source: name for name, source in ties.items()}


def _logits_before_merge(
    config: MergeConfig, base_dir: Path, checkpoint: Checkpoint, tokenizer: "PreTrainedTokenizerBase"
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    model = load_model(base_dir, config.dtype)
    base = _logits(model, tokenizer, config.prompts)
    if checkpoint.arm == "lora":
        model = attach_adapter(model, checkpoint.adapter_dir)
    else:
        load_sharded(model, checkpoint.sharded_dir)
    return base, _logits(model, tokenizer, config.prompts)


def _logits_folded_by_peft(
    config: MergeConfig, base_dir: Path, checkpoint: Checkpoint, tokenizer: "PreTrainedTokenizerBase"
) -> list[np.ndarray]:
    model = attach_adapter(load_model(base_dir, config.dtype), checkpoint.adapter_dir)
    return _logits(model.merge_and_unload(), tokenizer, config.prompts)


def _logits(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", prompts: Sequence[str]) -> list[np.ndarray]:
    """(n_tokens, vocabulary) float32 logits of each prompt, one prompt at a time and thus without padding."""
    import torch

    found: list[np.ndarray] = []
    model.eval()
    with torch.inference_mode():
        for prompt in prompts:
            ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"].to(model.device)
            found.append(model(input_ids=ids, use_cache=False).logits[0].float().cpu().numpy())
    return found


def _max_difference(left: list[np.ndarray], right: list[np.ndarray]) -> float:
    return float(np.max([np.abs(a - b).max() for a, b in zip(left, right, strict=True)]))
