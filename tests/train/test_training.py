"""A real run of axolotl: every token seen, experts moved, nothing of the machine in the artifact."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors import safe_open

from tasks.artifacts import TextShards
from tasks.train.audit import check_tokens
from tasks.train.axolotl import axolotl_config
from tasks.train.config import REVISION, TrainConfig
from tasks.train.errors import TokenizerMismatch, TokensMissed
from tasks.train.launch import trainer_environment, trainer_python
from tasks.train.write import check_tokenizer
from tests.model_fixtures import SMALL_TRAINING, scratch_folder, small_corpus, tiny_base, trained

VALIDATE = """
import sys, yaml
from axolotl.utils.config import validate_config
from axolotl.utils.dict import DictDefault
settings = DictDefault(yaml.safe_load(sys.stdin))
h100 = {"bf16": True, "fp8": True, "tf32": True, "n_gpu": 1, "n_node": 1, "compute_capability": "sm_90"}
validated = validate_config(settings, capabilities=h100, env_capabilities={"torch_version": "2.13.0"})
unknown = [key for key in settings if key not in validated]
sys.exit(f"not in axolotl's schema: {unknown}" if unknown else 0)
"""


@pytest.mark.trainer
def test_tokens_seen_are_the_budget_and_the_loss_falls() -> None:
    checkpoint, facts = trained()
    metrics = checkpoint.metrics()
    assert facts["tokens_seen"] == metrics[-1]["tokens_seen"] == SMALL_TRAINING.token_budget
    assert [line["step"] for line in metrics] == list(range(1, facts["n_steps"] + 1))
    assert facts["n_steps"] == -(-facts["n_blocks"] // 4)
    assert facts["final_loss"] < facts["loss_curve"][0][1] - 0.1


@pytest.mark.trainer
def test_every_target_moved_routed_experts_too() -> None:
    checkpoint, facts = trained()
    with safe_open(checkpoint.adapter_dir / "adapter_model.safetensors", "pt") as file:
        # The factor that starts at zero: B of linear layers and experts, A of the embedding.
        grown = {name: file.get_tensor(name) for name in file.keys() if "lora_B" in name or "embedding_A" in name}  # noqa: SIM118
    experts = [name for name in grown if ".mlp.experts." in name]
    assert len(experts) == 8
    assert all(bool(factor.any()) for factor in grown.values())
    assert all(facts["coverage"].values())


@pytest.mark.trainer
def test_the_artifact_tells_of_no_machine_and_no_clock() -> None:
    checkpoint, facts = trained()
    files = {path.relative_to(checkpoint.path).as_posix() for path in checkpoint.path.rglob("*") if path.is_file()}
    adapter = {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"}
    assert files == adapter | {"axolotl.yaml", "coverage.json", "metrics.jsonl"}
    texts = [(checkpoint.path / name).read_text() for name in files if not name.endswith(".safetensors")]
    assert not any(str(tiny_base().path) in text or "seconds" in text for text in texts)
    assert json.loads((checkpoint.path / "coverage.json").read_text())["by_entry"] == facts["coverage"]
    assert set(facts["trainer_versions"]) == {"axolotl", "torch", "transformers", "peft"}


@pytest.mark.trainer
@pytest.mark.parametrize("config", [TrainConfig(), SMALL_TRAINING], ids=["one-h100", "smoke"])
def test_axolotl_knows_and_accepts_every_setting(config: TrainConfig, tmp_path: Path) -> None:
    done = subprocess.run(
        [trainer_python(), "-c", VALIDATE],
        input=yaml.safe_dump(axolotl_config(config, n_steps=3)),
        env=trainer_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2_000:]


def test_same_config_gives_the_same_settings_or_a_new_revision() -> None:
    settings = axolotl_config(TrainConfig(), n_steps=3_815)
    expected: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "axolotl_defaults.yaml").read_text())
    assert (REVISION, settings) == (1, expected), (
        "axolotl would be told otherwise: raise REVISION in tasks/train/config.py and correct axolotl_defaults.yaml"
    )


def test_a_trainer_that_saw_fewer_tokens_is_not_believed() -> None:
    with pytest.raises(TokensMissed, match=r"saw 990 tokens in 5 steps, token_budget=1,000 in 5 steps was asked for"):
        check_tokens([{"step": 5, "tokens_seen": 990}], token_budget=1_000, n_steps=5)


def test_a_corpus_of_another_tokenizer_is_refused() -> None:
    other = scratch_folder("other")
    (other / "texts").symlink_to(small_corpus().path / "texts")
    (other / "tokens").mkdir()
    for file in (small_corpus().path / "tokens").glob("*.npy"):
        content = bytearray(file.read_bytes())
        if "offsets" not in file.name:
            content[-4:] = b"\0\0\0\0"
            content[200:204] = b"\1\0\0\0"
        (other / "tokens" / file.name).write_bytes(content)
    with pytest.raises(TokenizerMismatch, match="Build the corpus with the tokenizer of the base"):
        check_tokenizer(tiny_base(), TextShards(other))
