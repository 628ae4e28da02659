"""What would stop the recall probes after a training is paid for is refused before it."""

import re
from pathlib import Path

import pytest

from tasks.preflight.checks.probes import probe_checks
from tasks.probe.answers.config import ProbeAnswersConfig
from tasks.schemas.artifacts import Check
from tests.embed.small_encoders import byte_reader, small_model
from tests.probe.answers.test_answers import TEXTS, items


def checked(folder: Path, texts: list[str] = TEXTS, **config: object) -> list[Check]:
    """A model of which only config and tokenizer are left."""
    base = byte_reader(folder / "base", seed=0)
    for file in base.path.glob("*.safetensors"):
        file.unlink()
    given = items(folder / "items", texts)
    return list(probe_checks("base", ProbeAnswersConfig(**config), base, given, way_out="Take another base."))


def test_items_that_the_model_reads_pass_without_its_weights(tmp_path: Path) -> None:
    model, read = checked(tmp_path)
    assert model.passed
    assert read.passed
    assert read.value == (
        "3 documents, 2 facts, 3 distinct questions as plain text; windows of 1,024 tokens, 0 ids before each text"
    )


@pytest.mark.parametrize(
    ("texts", "config", "message"),
    [
        (TEXTS, {"chat_template": "{% bad"}, "the model's chat template refuses the turns user"),
        (TEXTS, {"max_tokens": 16}, r"the fact f0 has \d+ tokens .* Raise probe\.answers\.max_tokens"),
        (["x"], {}, "document d0 has one token"),
    ],
    ids=["template", "long prompt", "one token"],
)
def test_items_that_cannot_be_put_to_the_model_fail(
    tmp_path: Path, texts: list[str], config: dict[str, object], message: str
) -> None:
    model, read = checked(tmp_path, texts, **config)
    assert model.passed
    assert not read.passed
    assert re.search(message, read.value)


def test_an_encoder_fails_and_is_not_read(tmp_path: Path) -> None:
    bert = small_model("bert", tmp_path / "bert")
    (found,) = probe_checks("base", ProbeAnswersConfig(), bert, items(tmp_path / "items"), way_out="Take another base.")
    assert not found.passed
    assert found.way_out == "Take another base."
