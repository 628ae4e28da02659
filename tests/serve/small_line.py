"""A line of versions of a small chat model: one base, and adapters of random weights that answer differently."""

import shutil
from functools import cache
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from tasks.serve.engine import LoadedVersion
from tasks.serve.served_model import ServedModel
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import Store
from tasks.versions import moves
from tests.chat_fixtures import dense_base
from tests.model_fixtures import scratch_folder
from tests.store.small_artifact import SmallConfig

LINE = "small"
WHY = {"why": "for the test", "by": "someone"}
PROMPT = "the euro rose against the dollar"
N_NEW = 8


@cache
def adapter_folder(seed: int, rank: int = 4) -> Path:
    """An adapter as PEFT saves it; large weights, so that answers differ."""
    folder = scratch_folder(f"adapter-{seed}-{rank}")
    model = AutoModelForCausalLM.from_pretrained(dense_base().path)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=["q_proj", "v_proj", "up_proj", "lm_head"])
    wrapped = get_peft_model(model, config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name:
                parameter.normal_(0.0, 0.5, generator=generator)
    wrapped.save_pretrained(folder, save_embedding_layers=False)
    return folder


@cache
def expected_answer(seed: int) -> list[int]:
    """Greedy tokens of a fresh load by PEFT: another way than the server's exchange."""
    base = AutoModelForCausalLM.from_pretrained(dense_base().path)
    model = PeftModel.from_pretrained(base, adapter_folder(seed)).eval()
    tokenizer = AutoTokenizer.from_pretrained(dense_base().path)
    ids = torch.tensor([tokenizer(PROMPT)["input_ids"]])
    with torch.inference_mode():
        found = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=N_NEW, do_sample=False
        )
    return found[0, ids.shape[1] :].tolist()


def exchange_at_once(model: ServedModel, name: str, digest: str, folder: Path) -> LoadedVersion:
    """All steps of an exchange, without answers between them."""
    steps = model.exchange(name, digest, model.read(name, folder))
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            return ended.value


def publish(
    store: Store, kind: str, number: int, content: dict[str, Path], inputs: dict[str, ArtifactRef]
) -> ArtifactRef:
    """An artifact of folders, by name; an empty name is the artifact's own folder."""
    folder = scratch_folder(kind)
    for name, source in content.items():
        shutil.copytree(source, folder / name, dirs_exist_ok=True)
    artifact_type = ArtifactType[SmallConfig](kind, 1, lambda config, inputs: kind)
    return store.publish(artifact_type.spec(SmallConfig(size=number), inputs), folder, {}, 1.0)


def publish_base(store: Store, number: int = 0) -> ArtifactRef:
    """The base; another number is another artifact."""
    return publish(store, "base", number, {"": dense_base().path}, {})


def add_version(store: Store, number: int, folder: Path, base: ArtifactRef | None = None) -> str:
    """Publish an adapter and register it; returns the version's name."""
    ref = publish(store, "train", number, {"adapter": folder}, {"base": base or publish_base(store)})
    return moves.register(store, LINE, ref, **WHY).name
