"""Weights are sharded over all ranks and kept in the format asked for, or the run ends before its first step."""

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import distribute_tensor

from tasks.train.trainer.master_weights import WrongMasterWeights, check_master_weights, set_master_weights
from tests.train.trainer.sharded.one_rank import one_rank, small_model


def test_a_model_without_fsdp_is_refused() -> None:
    with pytest.raises(WrongMasterWeights, match=r"weight is whole on every rank: FSDP2 is not at work"):
        check_master_weights(nn.Linear(2, 2).named_parameters(), "fp32", bf16=False)


def test_weights_that_are_copied_to_the_ranks_and_not_split_are_refused() -> None:
    with one_rank():
        check_master_weights(small_model().named_parameters(), "fp32", bf16=False)
        copied = distribute_tensor(torch.zeros(4, 2), init_device_mesh("cpu", (1,)))
        with pytest.raises(
            WrongMasterWeights, match=r"weight has placements \(Replicate\(\),\) on 1 ranks, not one split over all 1"
        ):
            check_master_weights([("weight", copied)], "fp32", bf16=False)


def test_weights_in_another_format_are_refused() -> None:
    with one_rank(), pytest.raises(WrongMasterWeights, match=r"is kept in torch\.bfloat16, master_weights='fp32' asks"):
        check_master_weights(small_model(dtype=torch.bfloat16).named_parameters(), "fp32", bf16=True)


def test_weights_are_kept_in_fp32_unless_bf16_is_asked_for_without_master_weights() -> None:
    for master_weights, kept in (
        ("fp32", torch.float32),
        ("none", torch.bfloat16),
        ("stochastic_rounding", torch.bfloat16),
    ):
        model = nn.Linear(2, 2).to(torch.bfloat16)
        set_master_weights(model, master_weights, bf16=True)
        assert model.weight.dtype == kept
    with pytest.raises(
        WrongMasterWeights, match=r"rounds to bf16, but precision is fp32; set arm\.master_weights to fp32"
    ):
        set_master_weights(nn.Linear(2, 2), "stochastic_rounding", bf16=False)
