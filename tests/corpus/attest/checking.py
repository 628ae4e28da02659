"""What every test of a statement does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.corpus.attest import Verdict, verify
from tests.model_fixtures import qwen


def public(key: Path) -> Path:
    return key.with_name(f"{key.name}.pub")


def check(folder: Path, **more: Any) -> Verdict:
    return verify(folder, tokenizer=qwen(), **more)


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content, indent=1))
