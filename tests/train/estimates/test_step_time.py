"""The time of a step from arithmetic and bytes, on numbers worked by hand."""

from typing import Any

import pytest

from tasks.costs.hardware import H100
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.estimates.sizes import Sizes, sizes_of
from tasks.train.estimates.step_time import StepTime, predict_step_time
from tests.architectures import qwen_35b

P, ACTIVE, VOCABULARY, A = 34_660_610_688, 2_946_429_568, 1_017_118_720, 949_927_936


@pytest.fixture(scope="module")
def sizes() -> Sizes:
    return sizes_of(qwen_35b())


def full_weight(sizes: Sizes, n_trainable: int = P, **changed: Any) -> dict[str, float]:
    arm = FullWeightArm(master_weights="stochastic_rounding", reshard_after_forward=changed.pop("reshard", True))
    config = TrainConfig(**({"arm": arm, "gradient_accumulation_steps": 1} | changed))
    return dict(predict_step_time(sizes, config, {}, n_trainable, H100).parts)


def test_one_row_per_gpu_is_bound_by_the_exchange_and_four_take_as_long_in_arithmetic(sizes: Sizes) -> None:
    one, four = full_weight(sizes), full_weight(sizes, micro_batch_size=4)
    assert one["arithmetic"] == pytest.approx(8 * ACTIVE * 2_048 / (0.4 * 989.4e12))
    assert one["arithmetic"] == pytest.approx(0.122, abs=5e-4)
    assert one["exchange between GPUs"] == pytest.approx(2 * 7 / 8 * (3 * (P - VOCABULARY) + 2 * VOCABULARY) / 315e9)
    assert one["exchange between GPUs"] == pytest.approx(0.572, abs=5e-4)
    assert (StepTime(one).binds, StepTime(four).binds) == ("exchange between GPUs", "exchange between GPUs")
    assert four["exchange between GPUs"] == one["exchange between GPUs"]
    assert four["arithmetic"] == pytest.approx(0.488, abs=5e-4)
    assert StepTime(full_weight(sizes, micro_batch_size=8)).binds == "arithmetic"


def test_gpu_memory_moves_the_weights_four_times_and_the_optimizers_numbers_once(sizes: Sizes) -> None:
    # 2 bytes a weight and a gradient, 8 of moments; weights and moments are read and written.
    moved = 2 * P * (3 + 1) + (2 * (2 + 8) + 2) * P / 8
    assert full_weight(sizes)["GPU memory"] == pytest.approx(moved / (0.8 * 3.35e12))


def test_layers_that_stay_gathered_are_exchanged_twice(sizes: Sizes) -> None:
    assert full_weight(sizes, reshard=False)["exchange between GPUs"] == pytest.approx(2 * 7 / 8 * 2 * P / 315e9)


def test_passes_of_a_step_repeat_the_exchange_and_not_the_optimizer(sizes: Sizes) -> None:
    once, four = full_weight(sizes), full_weight(sizes, gradient_accumulation_steps=4)
    assert four["exchange between GPUs"] == pytest.approx(4 * once["exchange between GPUs"])
    assert four["GPU memory"] < 4 * once["GPU memory"]


def test_without_checkpointing_nothing_is_computed_or_read_a_second_time(sizes: Sizes) -> None:
    once, again = full_weight(sizes, activation_checkpointing=False), full_weight(sizes)
    assert again["arithmetic"] == pytest.approx(8 / 6 * once["arithmetic"])
    assert once["GPU memory"] < again["GPU memory"]


def test_one_gpu_exchanges_nothing_and_reads_only_the_experts_that_tokens_are_sent_to(sizes: Sizes) -> None:
    config = TrainConfig(arm=LoraArm(), gradient_accumulation_steps=1)
    time = predict_step_time(sizes, config, {}, A, H100)
    assert time.parts["exchange between GPUs"] == 0
    assert time.parts["arithmetic"] == pytest.approx(6 * ACTIVE * 2_048 / (0.4 * 989.4e12))
    assert "exchange" not in str(time)
    sixteen_tokens = predict_step_time(sizes, config.model_copy(update={"sequence_length": 16}), {}, A, H100)
    # 16 tokens of 8 experts reach half of the 256 at most.
    saved = 2 * 3 * 32_212_254_720 / 2
    assert time.parts["GPU memory"] - sixteen_tokens.parts["GPU memory"] == pytest.approx(saved / (0.8 * 3.35e12))


def test_ranks_of_adapters_average_gradients_once_a_step_and_each_steps_all_of_them(sizes: Sizes) -> None:
    def parts(n_passes: int, n_ranks: int) -> dict[str, float]:
        config = TrainConfig(arm=LoraArm(n_ranks=n_ranks), gradient_accumulation_steps=n_passes)
        return dict(predict_step_time(sizes, config, {}, A, H100).parts)

    # fp32 gradients, scattered and gathered.
    assert parts(1, 8)["exchange between GPUs"] == pytest.approx(2 * 7 / 8 * 4 * A / 315e9)
    assert parts(4, 8)["exchange between GPUs"] == parts(1, 8)["exchange between GPUs"]
    assert parts(4, 8) | {"exchange between GPUs": 0} == parts(4, 1)


def test_a_step_takes_between_its_longest_part_and_their_sum_and_says_that_it_was_not_measured() -> None:
    time = StepTime({"arithmetic": 0.5, "exchange between GPUs": 0.75, "GPU memory": 0.25})
    assert (time.low, time.high) == (0.75, 1.5)
    assert str(time) == (
        "0.75 to 1.50 s a step predicted, not measured (arithmetic 0.50, exchange between GPUs 0.75, GPU memory 0.25): "
        "exchange between GPUs binds"
    )
