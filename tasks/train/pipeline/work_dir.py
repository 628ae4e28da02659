"""The work directory the trainer runs in: base, rows, axolotl's YAML, settings, and the state to resume from."""

import math
import shutil
from pathlib import Path

import yaml

from tasks.schemas.artifacts import ModelFolder, TextShards
from tasks.schemas.examples import TokenizedExamples
from tasks.train.config import TrainConfig
from tasks.train.estimates.targets import decoder_layer
from tasks.train.pipeline.axolotl_yaml import DECODER_LAYER, axolotl_config
from tasks.train.pipeline.example_rows import write_example_rows
from tasks.train.pipeline.rows import Rows, write_rows
from tasks.train.pipeline.state_store import States
from tasks.train.trainer import work_files
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.state_files import StateInfo

PROCESSORS = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")


def prepare_work_dir(
    config: TrainConfig, base: ModelFolder, corpus: TextShards | TokenizedExamples, work: Path, keeps_states: bool
) -> Rows:
    """Write all that the trainer reads at a first start."""
    is_full_weight = config.arm.kind == "full-weight"
    link_text_model(base.path, work / work_files.BASE)
    blocks = work / work_files.BLOCKS
    if isinstance(corpus, TextShards):
        rows = write_rows(corpus.token_ids(), config, blocks)
    else:
        rows = write_example_rows(corpus, config, blocks)
    settings = axolotl_config(config, rows.n_steps, decoder_layer(base.path) if is_full_weight else DECODER_LAYER)
    (work / work_files.YAML).write_text(yaml.safe_dump(settings, sort_keys=False))
    Settings(
        objective=config.objective.kind,
        arm=config.arm.kind,
        master_weights=config.arm.master_weights if config.arm.kind == "full-weight" else "none",
        n_steps=rows.n_steps,
        n_filler_rows=rows.n_filler_rows,
        n_filler_tokens=rows.n_filler_tokens,
        checkpoint_seconds=config.checkpoint_minutes * 60 if keeps_states else math.inf,
        audit_after_steps=config.audit_after_steps,
        min_share_changed=config.min_share_changed,
    ).write(work)
    return rows


def link_newest_state(states: States | None, work: Path) -> int:
    """Link the newest training state where the trainer looks for it, and return its step, or 0 without a state."""
    state = states.latest() if states else None
    if state is None:
        return 0
    (work / work_files.RESUME).symlink_to(state.absolute(), target_is_directory=True)
    for name in (work_files.METRICS, work_files.AUDIT):
        if (state / name).exists():
            shutil.copyfile(state / name, work / name)
    return StateInfo.read(state).step


def link_text_model(base: Path, folder: Path) -> None:
    """Link a base's files; if it is a model of images and text, put its language model's config in place of its own.

    Qwen3.5-35B-A3B's config.json is that of a model of images and text. Axolotl 0.19 always loads such a base with its
    vision tower, under other names than the causal model's. With the inner text config as config.json, the same files
    load as the causal model.

    Args:
        base: Folder of the base model.
        folder: To be made; a link to `base` if that is a language model only.
    Source: `normalize_config` in axolotl/utils/config/__init__.py, `_set_auto_model_loader` in
        axolotl/loaders/model.py.
    """
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    config = AutoConfig.from_pretrained(base, trust_remote_code=False)
    text = config.get_text_config()
    if text.model_type == config.model_type:
        folder.symlink_to(base.absolute(), target_is_directory=True)
        return
    folder.mkdir()
    for file in base.iterdir():
        if file.name != "config.json" and file.name not in PROCESSORS:
            (folder / file.name).symlink_to(file.absolute())
    text.architectures = [MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[text.model_type]]
    text.save_pretrained(folder)
