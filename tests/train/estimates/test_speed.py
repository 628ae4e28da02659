"""Arithmetic, its share of a GPU's, and the hours that follow."""

from pathlib import Path

import pytest

from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.estimates.sizes import read_sizes, sizes_of
from tasks.train.estimates.speed import Span, flops_per_token, mfu, training_hours
from tests.architectures import qwen_35b

H100 = "NVIDIA H100 80GB HBM3"
N_ACTIVE = 2_946_429_568


def test_full_weight_takes_six_operations_per_active_parameter_and_adapters_four() -> None:
    sizes = sizes_of(qwen_35b())
    assert flops_per_token(sizes, "full-weight") == 6 * N_ACTIVE
    assert flops_per_token(sizes, "lora") == 4 * N_ACTIVE


def test_the_references_1726_tokens_per_second_and_gpu_are_3_percent() -> None:
    assert mfu(sizes_of(qwen_35b()), "full-weight", 8 * 1_726, 8, H100) == pytest.approx(0.0308, abs=5e-5)


def test_a_folder_and_an_architecture_give_the_same_sizes_and_share(tmp_path: Path) -> None:
    qwen_35b().save_pretrained(tmp_path)
    sizes = read_sizes(tmp_path), sizes_of(qwen_35b())
    assert sizes[0] == sizes[1]
    assert mfu(sizes[0], "lora", 742.5, 1, H100) == mfu(sizes[1], "lora", 742.5, 1, H100)


def test_without_a_known_gpu_there_is_no_share() -> None:
    sizes = sizes_of(qwen_35b())
    assert mfu(sizes, "lora", 100, 1, None) is None
    assert mfu(sizes, "lora", 100, 1, "AMD EPYC") is None
    assert mfu(sizes, "lora", 100, 0, H100) is None


@pytest.mark.parametrize(
    ("arm", "token_budget", "hours"),
    [
        # The reference's own walls: 23 h 23 min, and 18 h 36 min; and a billion tokens at its rate.
        ("lora", 62_504_960, 23 + 23 / 60),
        ("full-weight", 924_549_120, 18.6),
        ("full-weight", 1_000_000_000, 20.1),
    ],
)
def test_the_references_hours_come_out_at_its_own_rates(arm: str, token_budget: int, hours: float) -> None:
    config = TrainConfig(token_budget=token_budget)
    if arm == "full-weight":
        config = config.model_copy(update={"arm": FullWeightArm()})
    span = training_hours(sizes_of(qwen_35b()), config, -(-token_budget // 2_048))
    assert span is not None
    assert span.high == pytest.approx(hours, rel=0.005)
    assert span.low <= span.high


def test_eight_ranks_of_adapters_take_an_eighth_of_the_hours() -> None:
    one, eight = (training_hours(sizes_of(qwen_35b()), TrainConfig(arm=LoraArm(n_ranks=n)), 30_520) for n in (1, 8))
    assert one is not None
    assert eight == one.times(1 / 8)


def test_a_run_on_processors_is_not_forecast() -> None:
    assert training_hours(sizes_of(qwen_35b()), TrainConfig(kernels="plain"), 1) is None


def test_rows_that_are_not_full_take_longer_at_the_slow_end_alone() -> None:
    sizes, config = sizes_of(qwen_35b()), TrainConfig(token_budget=2_048_000)
    full, short = training_hours(sizes, config, 1_000), training_hours(sizes, config, 3_000)
    assert full is not None
    assert short is not None
    assert (short.low, short.high) == (full.low, pytest.approx(3 * full.high))


def test_a_span_is_shown_with_three_figures_and_no_exponent() -> None:
    assert str(Span(0.7063, 1.2574)) == "0.706 to 1.26"
    assert str(Span(23.38, 23.38)) == "23.4"
    assert str(Span(893.9, 12_345.6)) == "894 to 12,346"
