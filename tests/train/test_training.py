"""A real run of axolotl: every token seen, experts moved, nothing of the machine in the artifact."""

import json

import pytest
from safetensors import safe_open

from tasks.schemas.artifacts import TextShards
from tasks.train.errors import TokenizerMismatch, TokensMissed
from tasks.train.pipeline.input_checks import check_tokenizer
from tasks.train.pipeline.outputs import check_tokens
from tests.model_fixtures import SMALL_TRAINING, scratch_folder, small_corpus, tiny_base, trained

KERNELS = {"cut-cross-entropy", "flash-linear-attention", "nvidia-cutlass-dsl", "apache-tvm-ffi"}


@pytest.mark.trainer
def test_tokens_seen_are_the_budget_and_the_loss_falls() -> None:
    checkpoint, facts = trained()
    metrics = checkpoint.metrics()
    assert facts["tokens_seen"] == metrics[-1]["tokens_seen"] == SMALL_TRAINING.token_budget
    assert [line["step"] for line in metrics] == list(range(1, facts["n_steps"] + 1))
    assert facts["n_steps"] == -(-facts["n_rows"] // 4)
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
def test_the_record_tells_of_speed_memory_states_and_what_moved() -> None:
    _, facts = trained()
    (audited,) = facts["audit"]
    assert audited["step"] == facts["n_steps"]
    for group in ("attention", "delta_net", "shared_expert", "routed_experts"):
        assert audited["groups"][group]["changed"] == audited["groups"][group]["n_sampled"] > 0
    assert facts["tokens_per_second"] == pytest.approx(facts["tokens_seen"] / facts["training_seconds"], abs=0.1)
    assert facts["peak_memory_bytes"] > 100e6
    assert facts["n_states_published"] >= 1
    assert (facts["resumed_from_step"], facts["n_damaged_states"], facts["mfu"]) == (0, 0, None)
    assert facts["earlier_trainer_seconds"] == 0
    assert facts["trainer_seconds"] > facts["training_seconds"]


@pytest.mark.trainer
def test_the_artifact_tells_of_no_machine_and_no_clock() -> None:
    checkpoint, facts = trained()
    files = {path.relative_to(checkpoint.path).as_posix() for path in checkpoint.path.rglob("*") if path.is_file()}
    adapter = {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"}
    assert files == adapter | {"axolotl.yaml", "coverage.json", "metrics.jsonl"}
    texts = [(checkpoint.path / name).read_text() for name in files if not name.endswith(".safetensors")]
    of_the_machine = (str(tiny_base().path), "seconds", "memory")
    assert not any(word in text for text in texts for word in of_the_machine)
    assert json.loads((checkpoint.path / "coverage.json").read_text())["by_entry"] == facts["coverage"]
    # Kernels are named where they are installed.
    assert set(facts["trainer_versions"]) - KERNELS == {"axolotl", "torch", "transformers", "peft"}


def test_a_trainer_that_saw_fewer_tokens_is_not_believed() -> None:
    with pytest.raises(TokensMissed, match=r"saw 990 tokens in 5 steps, the rows hold 1,000 in 5 steps"):
        check_tokens([{"step": 5, "tokens_seen": 990}], n_tokens=1_000, n_steps=5)


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
    with pytest.raises(TokenizerMismatch, match="Build corpus or examples with the tokenizer of the base"):
        check_tokenizer(tiny_base(), TextShards(other))
