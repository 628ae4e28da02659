"""Whether axolotl's last save merges shards."""

from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

from tasks.train.trainer.in_job_merge import prevent_merge


def in_job_merges(settings: dict[str, Any]) -> dict[str, bool]:
    """Whether axolotl's last save merges, by what lies in output_dir."""
    layouts = {
        "checkpoint folder": ("checkpoint-7",),
        "checkpoint folder and marker": ("checkpoint-7", "marker"),
        "marker": ("marker",),
        "neither": (),
    }
    return {name: _merges(settings, layout) for name, layout in layouts.items()}


def _merges(settings: dict[str, Any], layout: tuple[str, ...]) -> bool:
    from axolotl.cli import merge_sharded_fsdp_weights
    from axolotl.train import save_trained_model
    from axolotl.utils.dict import DictDefault

    output = Path(mkdtemp())
    (output / "config.json").write_text('{"architectures": ["FSDPQwen3_5MoeForCausalLM"]}')
    (output / "pytorch_model_fsdp_0").mkdir()
    if "checkpoint-7" in layout:
        (output / "checkpoint-7").mkdir()
    if "marker" in layout:
        prevent_merge(output)
    merged = []

    def record(checkpoint_dir: str, output_path: str) -> None:
        merged.append(checkpoint_dir)
        Path(output_path).mkdir()

    merge_sharded_fsdp_weights.merge_fsdp_weights = record
    plugin = SimpleNamespace(set_state_dict_type=lambda _: None)
    state = SimpleNamespace(fsdp_plugin=plugin)
    accelerator = SimpleNamespace(state=state, wait_for_everyone=lambda: None, is_main_process=True)
    trainer = SimpleNamespace(is_fsdp_enabled=True, save_model=lambda _: None, accelerator=accelerator)
    model = SimpleNamespace(named_modules=lambda: [])
    save_trained_model(DictDefault(settings | {"output_dir": str(output)}), trainer, model)
    return merged == [str(output / "checkpoint-7" / "pytorch_model_fsdp_0")]
