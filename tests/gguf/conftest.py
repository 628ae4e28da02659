"""A small model as the converter sees it, and its GGUF file; made once."""

from pathlib import Path

import pytest

from tasks.gguf.convert import convert
from tasks.gguf.source import stage_model
from tests.gguf.small_chat_models import chat_model


@pytest.fixture(scope="session")
def staged_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("staged") / "model"
    folder.mkdir()
    stage_model(chat_model(tmp_path_factory.mktemp("model")), folder)
    return folder


@pytest.fixture(scope="session")
def gguf(staged_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("gguf") / "q8_0.gguf"
    convert(staged_model, file, "q8_0", "small")
    return file
