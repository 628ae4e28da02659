"""The language model of a base that has eyes as well.

Qwen3.5-35B-A3B's config.json is that of a model of images and text. Axolotl 0.19 loads such a base whole, vision tower
and all, under other names than the causal model's, whatever is asked for. Its language model has a config of its own
inside; with that one as config.json, the same files load as the causal model, as transformers loads them elsewhere.
Source: `normalize_config` in axolotl/utils/config/__init__.py, `_set_auto_model_loader` in axolotl/loaders/model.py.
"""

from pathlib import Path

PROCESSORS = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")


def link_text_model(base: Path, folder: Path) -> None:
    """Lay a base out for the trainer: its files linked, its language model's config in the place of the whole one.

    Args:
        base: Folder of the base model.
        folder: To be made; a link to `base` where it is a language model and nothing else.
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
