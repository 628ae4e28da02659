"""A preference loss whose first value is not ln 2, or that has other terms or adapters, ends the run by name."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import logsigmoid

from tasks.train.errors import WrongReference
from tasks.train.trainer.preference import FirstLoss, check_loss, mean_of_real_pairs, pairs_weight


def step(number: int, loss: float, bf16: bool = False) -> None:
    FirstLoss(bf16).on_step(SimpleNamespace(global_step=number), {"loss": loss})


def test_the_first_loss_must_be_ln_2_to_the_arithmetics_precision() -> None:
    step(1, math.log(2) + 9e-7)
    # The float32 nearest to ln 2, and the bf16 below it.
    step(1, 0.6931471824645996)
    step(1, 0.69140625, bf16=True)
    with pytest.raises(WrongReference, match=r"loss is 0\.69140625, not ln 2 = 0\.69314718 within 1e-06"):
        step(1, 0.69140625)
    with pytest.raises(WrongReference, match=r"within 0\.01"):
        step(1, 0.71, bf16=True)


def test_a_router_loss_left_on_is_seen_in_the_first_loss_too() -> None:
    with pytest.raises(WrongReference, match=r"loss is 0\.69515000"):
        step(1, 0.69515)


def test_a_loss_that_is_not_a_number_is_not_ln_2() -> None:
    with pytest.raises(WrongReference):
        step(1, math.nan)


def test_later_steps_may_have_any_loss() -> None:
    step(2, 0.3)


def trainer(router: float = 0.0, reference: object = None, adapters: tuple[str, ...] = ("default",)) -> SimpleNamespace:
    model = SimpleNamespace(peft_config=dict.fromkeys(adapters))
    return SimpleNamespace(router_aux_loss_coef=router, ref_model=reference, model=model)


def test_a_loss_with_other_terms_or_another_reference_is_refused_before_the_first_step() -> None:
    check_loss(trainer())
    with pytest.raises(WrongReference, match=r"router_aux_loss_coef=0\.001 adds the experts' balancing loss"):
        check_loss(trainer(router=0.001))
    with pytest.raises(WrongReference, match="a model of its own"):
        check_loss(trainer(reference=object()))
    with pytest.raises(WrongReference, match="the adapters default, ref, but only the one to be trained"):
        check_loss(trainer(adapters=("default", "ref")))


def test_filler_pairs_leave_the_mean_of_the_real_ones_in_loss_and_gradient() -> None:
    # Two ranks of two pairs each: three pairs and a filler, whose answers have no token and no log-probability.
    scores = torch.tensor([[0.3, -0.2], [1.1, 0.0]], requires_grad=True)
    masks = torch.tensor([[[0, 1], [0, 1], [0, 1], [1, 1]], [[0, 1], [0, 0], [0, 1], [0, 0]]])
    is_real = torch.tensor([[1, 1], [1, 0]])
    weight = 4 / 3
    passes = [-logsigmoid(own * real).mean() for own, real in zip(scores, is_real, strict=True)]
    found = [mean_of_real_pairs(loss, mask, weight) for loss, mask in zip(passes, masks, strict=True)]
    mean = sum(found) / 2
    expected = -logsigmoid(scores[is_real.bool()]).mean()
    torch.testing.assert_close(mean, expected)
    (by_ranks,), (alone,) = torch.autograd.grad(mean, scores), torch.autograd.grad(expected, scores)
    torch.testing.assert_close(by_ranks, alone)


def test_a_pair_of_the_last_step_weighs_more_by_the_fillers_beside_it() -> None:
    assert pairs_weight(4, SimpleNamespace(n_filler_rows=1)) == 4 / 3  # type: ignore[arg-type]
    assert pairs_weight(4, SimpleNamespace(n_filler_rows=0)) == 1  # type: ignore[arg-type]
