"""What a model makes of a panel before its weights are loaded: the width of its states, and its sentences' lengths.

Where a repository's own code reads config and tokenizer, it does so in a process without network, as when embedding.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.common.isolation import run_isolated
from tasks.embed.architecture import read_architecture
from tasks.embed.config import EmbedConfig
from tasks.embed.sentences import read_sentences
from tasks.schemas.artifacts import ModelFolder, Panel

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class Outline:
    """A model and a panel's sentences.

    Args:
        width: Of a state.
        n_sentences: Distinct ones.
        longest: Tokens of the longest.
    """

    width: int
    n_sentences: int
    longest: int


def outline(config: EmbedConfig, panel: Panel, model: ModelFolder, *, runs_code: bool = False) -> Outline:
    """Read config and tokenizer, and tokenize every sentence.

    Raises:
        NoSentences, NoUndatedSentences, UnusablePrompt, UnusableModel: As `read_sentences` and `read_architecture`.
        IsolatedFailed: If this happens in the isolated process.
    """
    if model.allowed_code() is not None and not runs_code:
        paths = {"panel": str(panel.path), "model": str(model.path)}
        found = run_isolated(__name__, {"config": config.model_dump(mode="json"), **paths})
        return Outline(found["width"], found["n_sentences"], found["longest"])
    columns = read_sentences(config, panel, model, runs_code=runs_code)
    lengths = [len(ids) for sentences in columns.values() for ids in sentences.ids]
    return Outline(width_of(read_architecture(config, model, runs_code=runs_code).config), len(lengths), max(lengths))


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """What the isolated process does."""
    config = EmbedConfig.model_validate(arguments["config"])
    with own_modules():
        found = outline(config, Panel(Path(arguments["panel"])), ModelFolder(Path(arguments["model"])), runs_code=True)
    return asdict(found)


@contextmanager
def own_modules() -> Iterator[None]:
    """Transformers copies the code that it imports into a folder of this process, and not into the user's cache."""
    with tempfile.TemporaryDirectory() as modules:
        os.environ["HF_MODULES_CACHE"] = modules
        yield


def width_of(architecture: "PretrainedConfig") -> int:
    """Width of a state; OPT projects its states to the embedding's."""
    text = architecture.get_text_config()
    return int(getattr(text, "word_embed_proj_dim", None) or text.hidden_size)
