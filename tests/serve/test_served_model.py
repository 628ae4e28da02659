"""An exchanged adapter computes what a fresh load computes, and one that does not fit is refused by name."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tasks.forward.errors import UnusableAdapter
from tasks.serve.errors import WrongAnswers
from tasks.serve.served_model import Sampling, ServedModel, load_served
from tests.chat_fixtures import dense_base
from tests.serve.small_line import N_NEW, PROMPT, adapter_folder, exchange_at_once, expected_answer

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def served() -> ServedModel:
    return load_served(dense_base().path, "v1", "1" * 64, adapter_folder(1))


def answer(model: ServedModel) -> list[int]:
    tokens: list[int] = []
    model.generate(model.tokenizer(PROMPT)["input_ids"], Sampling(N_NEW), lambda token: tokens.append(token) or True)
    return tokens


def test_an_exchanged_adapter_answers_as_a_fresh_load_does_and_the_first_comes_back_to_the_bit(
    served: ServedModel,
) -> None:
    first = served.version
    assert answer(served) == expected_answer(1)
    second = exchange_at_once(served, "v2", "2" * 64, adapter_folder(2))
    assert answer(served) == expected_answer(2) != expected_answer(1)
    assert load_served(dense_base().path, "v2", "2" * 64, adapter_folder(2)).version.fingerprint == second.fingerprint
    assert exchange_at_once(served, "v1", "1" * 64, adapter_folder(1)) == first
    assert answer(served) == expected_answer(1)


def test_adapters_of_other_ranks_are_exchanged_too(served: ServedModel) -> None:
    exchange_at_once(served, "v2", "2" * 64, adapter_folder(3, rank=9))
    fresh = load_served(dense_base().path, "v2", "2" * 64, adapter_folder(3, rank=9))
    assert answer(served) == answer(fresh)


def test_after_many_exchanges_there_is_one_adapter_in_memory(served: ServedModel) -> None:
    def n_parameters() -> int:
        return sum(parameter.numel() for parameter in served.model.parameters())

    before = n_parameters()
    for number in range(20):
        exchange_at_once(served, f"v{number}", f"{number:064}", adapter_folder(1 + number % 2))
    assert n_parameters() == before
    assert len(served.model.peft_config) == 1


def damaged(folder: Path, harm: str) -> Path:
    """A copy of an adapter with one tensor changed."""
    shutil.copytree(adapter_folder(2), folder)
    tensors = load_file(folder / WEIGHTS)
    name = sorted(tensors)[0]
    if harm == "missing":
        del tensors[name]
    elif harm == "extra":
        tensors["base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight"] = tensors[name].clone()
    elif harm == "shape":
        tensors[name] = torch.zeros(tensors[name].shape[0] + 1, *tensors[name].shape[1:])
    else:
        tensors[name].view(-1)[0] = torch.nan
    save_file(tensors, folder / WEIGHTS)
    return folder


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("missing", r"v2 lacks 1 tensors, base_model\.\S+lora_A\.weight first"),
        ("extra", r"v2 has 1 that this base has no place for, base_model\.model\.model\.layers\.9"),
        ("shape", r"has shape \(5, 32\), and rank 4 on this base needs \(4, 32\)"),
        ("nan", "has NaN or infinite values"),
    ],
)
def test_a_damaged_adapter_is_refused_and_the_earlier_one_answers_on(
    served: ServedModel, tmp_path: Path, harm: str, message: str
) -> None:
    with pytest.raises(UnusableAdapter, match=message):
        exchange_at_once(served, "v2", "2" * 64, damaged(tmp_path / "adapter", harm))
    assert served.version.name == "v1"
    assert answer(served) == expected_answer(1)


def test_a_pickle_is_not_loaded(served: ServedModel, tmp_path: Path) -> None:
    shutil.copytree(adapter_folder(2), tmp_path / "adapter")
    weights = load_file(tmp_path / "adapter" / WEIGHTS)
    (tmp_path / "adapter" / WEIGHTS).unlink()
    torch.save(weights, tmp_path / "adapter" / "adapter_model.bin")
    with pytest.raises(UnusableAdapter, match="only safetensors are loaded"):
        exchange_at_once(served, "v2", "2" * 64, tmp_path / "adapter")


def test_a_base_that_has_changed_in_memory_is_found_and_the_earlier_adapter_is_active_again(
    served: ServedModel,
) -> None:
    with torch.no_grad():
        served.model.get_base_model().model.embed_tokens.weight += 1.0
    with pytest.raises(WrongAnswers, match=r"the base computes other logits than at the start.*Restart the server"):
        exchange_at_once(served, "v2", "2" * 64, adapter_folder(2))
    assert served.model.active_adapter == f"v1-{'1' * 12}"
    assert len(served.model.peft_config) == 1


def test_a_version_that_computes_something_else_than_before_is_found(served: ServedModel) -> None:
    exchange_at_once(served, "v2", "2" * 64, adapter_folder(2))
    with pytest.raises(WrongAnswers, match="v1 computes other logits than when it was active before"):
        exchange_at_once(served, "v1", "1" * 64, adapter_folder(3))
    assert answer(served) == expected_answer(2)
