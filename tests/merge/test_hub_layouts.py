"""Bases in the layouts of the hub: each tensor is the one that transformers loads under that name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from tasks.merge.casting import DTYPE_NAMES
from tasks.merge.config import MergeConfig
from tasks.merge.plan import plan_base
from tasks.merge.stored_tensors import StoredTensor
from tasks.merge.stream import CopiedTensor, Reader
from tasks.merge.write import write_merge
from tasks.schemas.artifacts import ModelFolder
from tests.merge.small_models import PROMPTS, full_weights, rename_files, small_base

BUFFER = torch.ones(1)


def gpt2(folder: Path) -> ModelFolder:
    """openai-community/gpt2: no prefix, and the causal mask of each layer."""
    base = small_base("gpt2", folder)
    rename_files(base, {"transformer.": ""}, {f"h.{i}.attn.bias": torch.ones(1, 1, 32, 32) for i in range(2)})
    return base


def pythia(folder: Path) -> ModelFolder:
    """EleutherAI/pythia: the head's former name, and buffers that were once saved."""
    base = small_base("pythia", folder)
    former = ("attention.bias", "attention.masked_bias", "attention.rotary_emb.inv_freq")
    buffers = {f"gpt_neox.layers.{i}.{name}": BUFFER.clone() for i in range(2) for name in former}
    rename_files(base, {"lm_head.": "embed_out."}, buffers)
    return base


def llama(folder: Path) -> ModelFolder:
    """meta-llama/Llama-2: the rotary frequencies of each layer."""
    base = small_base("llama", folder)
    rename_files(base, {}, {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": BUFFER.clone() for i in range(2)})
    return base


def mixtral(folder: Path) -> ModelFolder:
    """mistralai/Mixtral: experts one by one, as transformers saves them too."""
    return small_base("mixtral", folder)


LAYOUTS = [
    (gpt2, {"h.*.attn.bias": 2}),
    (pythia, dict.fromkeys(("bias", "masked_bias", "rotary_emb"), 2)),
    (llama, {"model.layers.*.self_attn.rotary_emb": 2}),
    (mixtral, {}),
]


def read(tensor: StoredTensor) -> torch.Tensor:
    with Reader() as reader:
        blocks = [block.copy() for block in CopiedTensor("", tensor.dtype, tensor).blocks(reader)]
    return torch.from_numpy(np.concatenate(blocks)).view(getattr(torch, DTYPE_NAMES[tensor.dtype])).view(tensor.shape)


@pytest.mark.parametrize(("layout", "left"), LAYOUTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_base_is_read_as_transformers_reads_it(
    layout: Callable[[Path], ModelFolder], left: dict[str, int], tmp_path: Path
) -> None:
    base = layout(tmp_path / "base")
    wanted = AutoModelForCausalLM.from_pretrained(base.path).state_dict()
    planned = plan_base(base.path)
    assert planned.tensors.keys() == wanted.keys()
    assert all(torch.equal(read(planned.tensors[name]), tensor) for name, tensor in wanted.items())
    assert {part.removeprefix("gpt_neox.layers.*.attention."): n for part, n in planned.n_left_behind.items()} == left


@pytest.mark.parametrize("layout", [layout for layout, _ in LAYOUTS])
def test_full_weights_of_such_a_base_merge(layout: Callable[[Path], ModelFolder], tmp_path: Path) -> None:
    base = layout(tmp_path / "base")
    checkpoint = full_weights(base, tmp_path / "trained")
    config = MergeConfig(prompts=PROMPTS)
    facts = write_merge(config, base, checkpoint, "probe", tmp_path / "merged", tmp_path / "work")
    assert facts["difference"] == 0.0
    report = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", output_loading_info=True)[1]
    assert not any(report.values())
