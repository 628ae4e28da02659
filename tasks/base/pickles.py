"""Pickled weights to safetensors, by torch's restricted reader in a process without network.

`main` runs in that process. Of ChronoGPT's `config.pt` a config.json is made, which `tasks.embed.chrono_gpt` reads.
"""

import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tasks.base.config import Pickles
from tasks.base.errors import NoModel
from tasks.base.hub import PICKLES
from tasks.common.isolation import run_isolated

log = logging.getLogger(__name__)

CHRONO_KEYS = ("vocab_size", "num_layers", "num_heads", "model_dim")
CHRONO_CONTEXT = 1_792
"""Tokens the models were trained on; their config does not say it. Source: arXiv 2502.21206."""
CHRONO_SMALL_LAYERS, CHRONO_SKIPPED_BLOCK = 12, 7
"""The small model's block 7 has no attention."""


def convert_pickles(folder: Path, allowed: Pickles) -> dict[str, JsonValue]:
    """Replace the pickles of a folder without safetensors by safetensors.

    Args:
        folder: A downloaded or copied model.
        allowed: Whether, and how isolated; nothing happens under `refuse`.

    Returns:
        Facts: how the process was isolated; empty where there was nothing to convert.

    Raises:
        NotIsolated: If the machine offers no isolation and the source does not do without.
        IsolatedFailed: If a file cannot be read, or holds something else than tensors.
    """
    pickles = sorted(file for pattern in PICKLES for file in folder.glob(pattern))
    if allowed == "refuse" or not pickles or any(folder.glob("*.safetensors")):
        return {}
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        arguments = {"pickles": [str(file) for file in pickles], "made": made}
        way_out = ", or set base.source.pickles to unisolated for a repository you trust"
        done = run_isolated(__name__, arguments, required=allowed == "isolated", way_out=way_out)
        for file in Path(made).iterdir():
            shutil.move(file, folder / file.name)
    for file in [*pickles, folder / "pytorch_model.bin.index.json"]:
        file.unlink(missing_ok=True)
    log.info("base: %d pickles converted, isolation: %s", len(pickles), done["isolation"])
    return {"converted_pickles": [file.name for file in pickles], "isolation": done["isolation"]}


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Read pickles and write safetensors.

    Args:
        arguments: `pickles`, their paths; `made`, an empty folder.
    """
    import torch
    from huggingface_hub import save_torch_state_dict

    tensors: dict[str, torch.Tensor] = {}
    for file in map(Path, arguments["pickles"]):
        content = torch.load(file, map_location="cpu", weights_only=True)
        if file.name == "config.pt":
            (Path(arguments["made"]) / "config.json").write_text(json.dumps(chrono_config(content), indent=1))
        else:
            tensors |= content
    if others := [name for name, value in tensors.items() if not isinstance(value, torch.Tensor)]:
        raise NoModel(f"the pickled weights hold {len(others)} entries that are no tensors, {others[0]} first.")
    # It keeps one of several names of the same memory, as of a tied head; transformers ties them again.
    save_torch_state_dict(tensors, arguments["made"], filename_pattern="model{suffix}.safetensors")
    return {"n_tensors": len(tensors)}


def chrono_config(content: Any) -> dict[str, JsonValue]:
    """ChronoGPT's config as transformers keeps one.

    Raises:
        NoModel: If it lacks a size, or has one that no such model has.
    """
    if not isinstance(content, dict) or any(not isinstance(content.get(name), int) for name in CHRONO_KEYS):
        raise NoModel(f"config.pt is not ChronoGPT's: it needs {', '.join(CHRONO_KEYS)} as whole numbers.")
    vocabulary, layers, heads, width = (int(content[name]) for name in CHRONO_KEYS)
    # Three layers at each end have embeddings of their own, and a head's width is rotated in quarters.
    if layers < 6 or layers % 2 or heads < 1 or width % (4 * heads) or vocabulary < 1:
        raise NoModel(
            f"config.pt has {layers} layers, {heads} heads and width {width}; ChronoGPT has an even number of layers, "
            "6 or more, and a width that 4 times the heads divides."
        )
    return {
        "model_type": "chrono_gpt",
        "vocab_size": vocabulary,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "hidden_size": width,
        "max_position_embeddings": CHRONO_CONTEXT,
        "blocks_without_attention": [CHRONO_SKIPPED_BLOCK] if layers == CHRONO_SMALL_LAYERS else [],
        "dtype": "bfloat16",
    }
