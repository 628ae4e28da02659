"""Goes on from an adapter that was trained before: all of its tensors, or the run ends."""

from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file

from tasks.train.errors import WrongStart

WEIGHTS = "adapter_model.safetensors"


def load_start(model: Any, folder: Path) -> None:
    """Set the adapters to those of a file. PEFT skips a tensor that the file lacks, so what it set is compared.

    Args:
        model: With new adapters, by PEFT.
        folder: The adapter as PEFT saves it.

    Raises:
        WrongStart: If a tensor is missing, unknown, or has another shape or value than the file's.
    """
    wanted = load_file(folder / WEIGHTS)
    try:
        set_peft_model_state_dict(model, wanted)
    except RuntimeError as error:
        raise WrongStart(f"the adapter to go on from does not fit: {str(error).splitlines()[-1].strip()}") from error
    loaded = get_peft_model_state_dict(model, save_embedding_layers=False)
    different = sorted(
        name
        for name in loaded.keys() | wanted.keys()
        if name not in loaded
        or name not in wanted
        or not torch.equal(loaded[name].cpu(), wanted[name].to(loaded[name].dtype))
    )
    if different:
        raise WrongStart(
            f"{len(different)} tensors of the adapter to go on from are not those of its file, {different[0]} first; "
            "it is damaged, or of another base or rank."
        )
