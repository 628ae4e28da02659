"""Head and embedding: one weight where they are equal, two where they differ, as in the model that was trained."""

from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tasks.merge.config import MergeConfig
from tasks.merge.errors import CheckpointMismatch
from tasks.merge.logit_check import load_sharded
from tasks.merge.write import write_merge
from tasks.schemas.artifacts import Checkpoint, ModelFolder
from tests.merge.small_models import PROMPTS, change_files, full_weights, small_base

HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
CONFIG = MergeConfig(prompts=PROMPTS)
IDS = torch.tensor([[1, 2, 3, 4, 5]])


def saved_tensors(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """All tensors of a sharded checkpoint, by torch's own converter and not by a model."""
    from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

    file = checkpoint.path / "all.pt"
    dcp_to_torch_save(checkpoint.sharded_dir, file)
    tensors: dict[str, torch.Tensor] = torch.load(file, weights_only=True)
    return tensors


def logits_of(base: ModelFolder, tensors: dict[str, torch.Tensor]) -> torch.Tensor:
    """Logits of a base with these weights, each name with its own."""
    model = AutoModelForCausalLM.from_pretrained(base.path, tie_word_embeddings=False)
    model.load_state_dict(tensors)
    with torch.no_grad():
        return model(input_ids=IDS).logits


def loaded_logits(folder: Path) -> torch.Tensor:
    model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values())
    with torch.no_grad():
        return model(input_ids=IDS).logits


@pytest.mark.parametrize("differ", [True, False])
def test_a_checkpoint_of_a_tied_base_keeps_a_head_that_differs(differ: bool, tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base", tie_word_embeddings=True)
    checkpoint = full_weights(base, tmp_path / "trained", untied=differ)
    trained = saved_tensors(checkpoint)
    assert torch.equal(trained[HEAD], trained[EMBEDDING]) is not differ
    facts = write_merge(CONFIG, base, checkpoint, "probe", tmp_path / "merged", tmp_path / "work")
    assert (facts["untied"], facts["difference"]) == (differ, 0.0)
    written = load_file(tmp_path / "merged" / "model.safetensors")
    assert (HEAD in written) is differ
    assert all(torch.equal(tensor, trained[name]) for name, tensor in written.items())
    assert torch.equal(loaded_logits(tmp_path / "merged"), logits_of(base, trained))


def test_the_check_sees_a_merge_that_lost_the_head(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base", tie_word_embeddings=True)
    trained = saved_tensors(checkpoint := full_weights(base, tmp_path / "trained", untied=True))
    model = AutoModelForCausalLM.from_pretrained(base.path)
    load_sharded(model, checkpoint.sharded_dir)
    with torch.no_grad():
        assert torch.equal(model(input_ids=IDS).logits, logits_of(base, trained))
    assert not torch.equal(logits_of(base, trained), logits_of(base, trained | {HEAD: trained[EMBEDDING]}))


def test_a_base_that_says_tied_and_holds_two_weights_keeps_both(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base", tie_word_embeddings=True)
    embedding = load_file(base.path / "model.safetensors")[EMBEDDING]
    change_files(base, lm_head__weight=embedding + 0.5)
    model = AutoModelForCausalLM.from_pretrained(base.path)
    assert not torch.equal(model.get_parameter(HEAD), model.get_parameter(EMBEDDING))
    checkpoint = full_weights(base, tmp_path / "trained", untied=True)
    facts = write_merge(CONFIG, base, checkpoint, "probe", tmp_path / "merged", tmp_path / "work")
    assert facts["untied"]
    assert torch.equal(loaded_logits(tmp_path / "merged"), logits_of(base, saved_tensors(checkpoint)))


@pytest.mark.parametrize("name", [HEAD, EMBEDDING])
def test_one_name_of_a_tied_pair_stands_for_both(name: str, tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base", tie_word_embeddings=True)
    trained = saved_tensors(full_weights(base, tmp_path / "trained"))
    one = Checkpoint(tmp_path / "one")
    other = {HEAD: EMBEDDING, EMBEDDING: HEAD}[name]
    dcp.save({key: tensor for key, tensor in trained.items() if key != other}, checkpoint_id=one.sharded_dir)
    facts = write_merge(CONFIG, base, one, "probe", tmp_path / "merged", tmp_path / "work")
    assert not facts["untied"]
    assert torch.equal(loaded_logits(tmp_path / "merged"), logits_of(base, trained))


def test_one_name_is_not_enough_where_the_base_holds_two_weights(tmp_path: Path) -> None:
    base = small_base("llama", tmp_path / "base", tie_word_embeddings=False)
    trained = saved_tensors(full_weights(base, tmp_path / "trained"))
    one = Checkpoint(tmp_path / "one")
    dcp.save({key: tensor for key, tensor in trained.items() if key != HEAD}, checkpoint_id=one.sharded_dir)
    with pytest.raises(CheckpointMismatch, match=r"the checkpoint lacks 1 .* lm_head\.weight first"):
        write_merge(CONFIG, base, one, "probe", tmp_path / "merged", tmp_path / "work")
