"""A small model as the converter sees it, and its GGUF file; made once."""

from pathlib import Path

import pytest

from tests.gguf.small_chat_models import small_gguf, staged_chat_model


@pytest.fixture(scope="session")
def staged_model() -> Path:
    return staged_chat_model()


@pytest.fixture(scope="session")
def gguf() -> Path:
    return small_gguf()
