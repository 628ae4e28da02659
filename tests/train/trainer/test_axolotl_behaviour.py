"""What axolotl does by itself, and does once the plugin's hooks are in: asked of axolotl, on this machine's CPU."""

import subprocess

import pytest

from tasks.train.pipeline.launch import trainer_environment, trainer_path, trainer_python
from tests.train.trainer.axolotl_answers import facts

pytestmark = pytest.mark.trainer


def test_axolotl_alone_takes_the_mean_of_means_and_our_hook_the_mean_over_tokens() -> None:
    losses = facts()["losses"]
    assert losses["mean of means"] != pytest.approx(losses["mean over tokens"], rel=1e-3)
    assert losses["axolotl"] == pytest.approx(losses["mean of means"], rel=1e-6)
    assert losses["with our hook"] == pytest.approx(losses["mean over tokens"], rel=1e-6)


def test_packed_rows_go_through_axolotls_sampler_whole_and_in_order() -> None:
    packed = facts()["packed_batches"]
    assert packed["with lengths"]["columns"] == packed["rows"]
    assert packed["with lengths"]["shapes"] == [[1, 32], [1, 32], [1, 16]]


def test_without_the_column_of_lengths_axolotl_puts_more_rows_into_a_batch_than_asked() -> None:
    # The control: it takes a row's last position for its length.
    assert facts()["packed_batches"]["without"]["shapes"] != facts()["packed_batches"]["with lengths"]["shapes"]


def test_checkpointing_in_fsdp_config_would_run_attention_a_third_time() -> None:
    passes = facts()["checkpointed_passes"]
    assert passes == {"nowhere": 1, "gradient_checkpointing": 2, "fsdp_config": 3}


def test_gradients_are_reduced_after_every_forward_pass_by_the_key_we_set() -> None:
    assert facts()["gradients_synced"]


def test_master_weights_stay_fp32_under_axolotls_fsdp2_and_arithmetic_is_bf16() -> None:
    kept = facts()["kept_master_weights"]["fp32"]
    assert kept["weights"] == ["torch.float32"]
    assert (kept["gradient"], kept["activations"]) == ("torch.float32", "torch.bfloat16")
    assert kept["refusal"] == ""


def test_the_output_layers_weight_is_whole_and_bf16_where_cut_cross_entropy_reads_it() -> None:
    kept = facts()["kept_master_weights"]
    whole = ["Parameter", "torch.bfloat16", [64, 16]]
    assert all(kept[kind]["head"] == whole for kind in ("fp32", "stochastic_rounding"))


def test_every_parameter_holds_the_bases_values_once_it_is_split() -> None:
    assert all(facts()["kept_master_weights"][kind]["values kept"] for kind in ("fp32", "none", "stochastic_rounding"))


def test_a_layer_class_that_is_not_there_is_refused() -> None:
    refusal = facts()["kept_master_weights"]["layer that is not there"]
    assert refusal == "Could not find the transformer layer class LlamaDecoderLayer in the model."


def test_weights_rounded_at_random_are_kept_in_bf16() -> None:
    kept = facts()["kept_master_weights"]["stochastic_rounding"]
    assert (kept["weights"], kept["refusal"]) == (["torch.bfloat16"], "")


def test_without_master_weights_axolotl_keeps_bf16_weights_and_the_check_says_so() -> None:
    kept = facts()["kept_master_weights"]["none"]
    assert (kept["weights"], kept["refusal"]) == (["torch.bfloat16"], "")
    assert "is kept in torch.bfloat16, master_weights='fp32' asks for torch.float32" in kept["as fp32"]


def test_weights_that_are_whole_on_every_rank_are_refused_by_name() -> None:
    refusal = facts()["kept_master_weights"]["whole"]
    assert refusal.startswith("model.embed_tokens.weight is whole on every rank")


def test_steps_rounded_at_random_arrive_where_rounding_to_nearest_loses_all_of_them() -> None:
    rounded = facts()["rounded_steps"]
    assert rounded["nearest"] == 1.0
    # Ten steps of 1e-4 from 1; with 20,000 weights one standard deviation of the mean is about 2e-5.
    assert rounded["rounded"] == pytest.approx(1 - 10e-4, abs=1e-4)
    assert rounded["moments"] == "torch.float32"


def test_axolotls_trainer_builds_the_rounding_optimizer_with_its_own_rates_by_group() -> None:
    rounded = facts()["rounded_steps"]
    assert rounded["class"] == "RoundedAdamW"
    assert sorted(set(rounded["rates"])) == pytest.approx([1e-5, 1e-4])


def test_a_state_with_8_bit_moments_is_gone_on_from_to_the_bit() -> None:
    moments = facts()["eight_bit_moments"]
    assert moments["moments"] == "torch.uint8"
    assert moments["resumed"] == moments["whole"]
    assert moments["same weights"]


def test_hidden_gpus_reach_none_of_their_peers_whatever_build_of_torch_is_asked() -> None:
    # A CUDA build of torch without a driver raises an error that axolotl does not expect.
    lines = (
        "from tasks.train.trainer.cpu_fsdp import hide_gpus; hide_gpus()",
        "from axolotl.utils.environment import check_cuda_p2p_support as check; print(check())",
    )
    environment = trainer_environment(on_cpu=True, n_ranks=2) | {"WORLD_SIZE": "2"}
    command = [str(trainer_python()), "-c", "\n".join(lines)]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=trainer_path(), check=True)
    assert found.stdout.split()[-1] == "False"
