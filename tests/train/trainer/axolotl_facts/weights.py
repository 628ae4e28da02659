"""What axolotl and accelerate do to a model before training, and to its weights in a step."""

from types import SimpleNamespace
from typing import Any

import torch
from datasets import Dataset

from tasks.train.trainer.master_weights import WrongMasterWeights, check_master_weights, set_master_weights
from tasks.train.trainer.settings import MasterWeights
from tasks.train.trainer.stochastic_rounding import RoundedAdamW, round_at_random
from tests.train.trainer.axolotl_facts.models import small_model, small_trainer


def checkpointed_passes(_: Any) -> dict[str, int]:
    """How often attention's first projection runs in one forward and backward pass, by where checkpointing is set."""
    from functools import partial

    from accelerate.utils import FullyShardedDataParallelPlugin
    from accelerate.utils.fsdp_utils import fsdp2_apply_ac
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
        CheckpointImpl,
        apply_activation_checkpointing,
        checkpoint_wrapper,
    )

    plain, once, twice = small_model(), small_model(), small_model()
    once.gradient_checkpointing_enable({"use_reentrant": False})
    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        transformer_cls_names_to_wrap=["Qwen3_5MoeDecoderLayer"],
        activation_checkpointing=True,
    )
    # accelerate 1.13's _prepare_fsdp2 does the first, axolotl 0.19's fsdp2_prepare_model, which it calls, the second.
    plugin.set_auto_wrap_policy(twice)
    fsdp2_apply_ac(SimpleNamespace(state=SimpleNamespace(fsdp_plugin=plugin)), twice)
    wrapper = partial(checkpoint_wrapper, checkpoint_impl=CheckpointImpl.NO_REENTRANT)
    apply_activation_checkpointing(twice, checkpoint_wrapper_fn=wrapper, auto_wrap_policy=plugin.auto_wrap_policy)
    models = {"nowhere": plain, "gradient_checkpointing": once, "fsdp_config": twice}
    return {name: _passes(model.train()) for name, model in models.items()}


def _passes(model: Any) -> int:
    passes = []
    (projection,) = [module for name, module in model.named_modules() if name.endswith("q_proj")]
    projection.register_forward_hook(lambda *_: passes.append(1))
    ids = torch.arange(32)[None]
    model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    return len(passes)


def gradients_synced(settings: dict[str, Any]) -> bool:
    """Whether our YAML's key arrives where the training loop asks whether to reduce gradients after every pass."""
    from axolotl.utils.dict import DictDefault
    from transformers.trainer_pt_utils import AcceleratorConfig

    # As axolotl's builder makes it.
    config = AcceleratorConfig(**DictDefault(settings).accelerator_config)
    rows = Dataset.from_list([{"input_ids": [1, 2]}])
    trainer = small_trainer(rows, None, accelerator_config=config, gradient_accumulation_steps=2)
    return bool(trainer.accelerator.gradient_state.plugin_kwargs.get("sync_each_batch", False))


def kept_master_weights(_: Any) -> dict[str, Any]:
    """Format of weights, their gradients and activations after axolotl's own preparation, on one rank of gloo."""
    import torch.distributed as dist

    store = dist.TCPStore("127.0.0.1", 0, 1, is_master=True)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    answer: dict[str, Any] = {kind: _prepared(kind) for kind in ("fp32", "none", "stochastic_rounding")}
    answer["whole"] = _refusal(small_model(), "fp32")
    answer["layer that is not there"] = _preparing_with("LlamaDecoderLayer")
    dist.destroy_process_group()
    return answer


def _prepared(kind: MasterWeights) -> dict[str, Any]:
    from axolotl.monkeypatch.accelerate.fsdp2 import fsdp2_prepare_model

    model = small_model().to(torch.bfloat16)
    set_master_weights(model, kind, bf16=True)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    model = fsdp2_prepare_model(_accelerator("Qwen3_5MoeDecoderLayer"), model)
    same = [torch.equal(weight.full_tensor(), before[name]) for name, weight in model.named_parameters()]
    seen = []
    model.model.layers[0].mlp.shared_expert.up_proj.register_forward_hook(lambda *a: seen.append(str(a[2].dtype)))
    # Where cut cross entropy reads the output layer's weight: after the inner model, within the outer forward pass.
    head: list[Any] = []
    model.model.register_forward_hook(lambda *_: head.append(model.lm_head.weight))
    ids = torch.arange(32)[None]
    model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    weight = model.model.layers[0].mlp.experts.gate_up_proj
    formats: dict[str, Any] = {"head": [type(head[0]).__name__, str(head[0].dtype), list(head[0].shape)]}
    formats |= {"values kept": len(same) == len(before) and all(same)}
    formats |= {"weights": sorted({str(p.dtype) for p in model.parameters()}), "gradient": str(weight.grad.dtype)}
    return formats | {"activations": seen[0], "refusal": _refusal(model, kind), "as fp32": _refusal(model, "fp32")}


def _accelerator(layer: str) -> Any:
    from accelerate.utils import FullyShardedDataParallelPlugin

    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        transformer_cls_names_to_wrap=[layer],
        cpu_ram_efficient_loading=True,
    )
    plugin.set_mixed_precision("bf16")
    state = SimpleNamespace(fsdp_plugin=plugin, device_mesh=None)
    return SimpleNamespace(state=state, device="cpu", is_main_process=True)


def _preparing_with(layer: str) -> str:
    from axolotl.monkeypatch.accelerate.fsdp2 import fsdp2_prepare_model

    try:
        fsdp2_prepare_model(_accelerator(layer), small_model())
    except ValueError as error:
        return str(error)
    return ""


def _refusal(model: Any, kind: MasterWeights) -> str:
    try:
        check_master_weights(model.named_parameters(), kind, bf16=True)
    except WrongMasterWeights as error:
        return str(error)
    return ""


def rounded_steps(_: Any) -> dict[str, Any]:
    """Mean of bf16 weights of 1 after ten steps of AdamW at a rate far below bf16's gap there, which is 1/256."""
    rows = Dataset.from_list([{"input_ids": [1, 2]}])
    trainer = small_trainer(rows, None, learning_rate=1e-4, embedding_lr=1e-5)
    round_at_random(trainer)
    optimizer = trainer.create_optimizer()
    weights = {"rounded": torch.ones(20_000, dtype=torch.bfloat16), "nearest": torch.ones(20_000, dtype=torch.bfloat16)}
    steppers: dict[str, Any] = {
        "rounded": RoundedAdamW([weights["rounded"]], lr=1e-4, weight_decay=0.0, bf16_stochastic_round=True),
        "nearest": torch.optim.AdamW([weights["nearest"]], lr=1e-4, weight_decay=0.0),
    }
    # Compiled, it wants a C++ compiler here and nothing else on a GPU.
    with torch.compiler.set_stance("force_eager"):
        for _step in range(10):
            for name, stepper in steppers.items():
                weights[name].grad = torch.ones_like(weights[name])
                stepper.step()
    moments = steppers["rounded"].state[weights["rounded"]]
    return {
        "class": type(optimizer).__name__,
        "rates": [float(group["lr"]) for group in optimizer.param_groups],
        "moments": str(moments["exp_avg_sq"].dtype),
    } | {name: float(weight.float().mean()) for name, weight in weights.items()}
