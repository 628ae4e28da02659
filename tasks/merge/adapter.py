"""An adapter and the weights it belongs to: on a whole base for comparison, or over a base without numbers."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.merge.architecture import Architecture
from tasks.merge.errors import AdapterMismatch, NothingMoved

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ADAPTER = "default"
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


def attach_adapter(base: "PreTrainedModel", adapter_dir: Path) -> Any:
    """The base with its adapter; the base's modules are wrapped in place.

    Raises:
        AdapterMismatch: If the adapter does not fit the base.
    """
    from peft import PeftConfig, PeftModel

    try:
        model = PeftModel(base, PeftConfig.from_pretrained(str(adapter_dir)))
        model.load_adapter(str(adapter_dir), ADAPTER, is_trainable=False)
    except (ValueError, RuntimeError, KeyError) as error:
        raise _does_not_fit(error) from error
    return model


@dataclass
class Adapter:
    """An adapter whose factors are read when the weight they belong to is folded.

    Args:
        layers: PEFT's layers by the name of the weight they change, their weights on the meta device.
        keys: Names of each layer's factors in the file, and in the layer.
        tensors: The open file.
        copies: Names in the file of weights of the base itself, by the base's: PEFT saves embedding and head along
            with adapters on them.
    """

    layers: dict[str, Any]
    keys: dict[str, dict[str, str]]
    tensors: Any
    copies: dict[str, str]

    def factors(self, name: str) -> dict[str, Any]:
        """The factors of a weight by their paths in its layer, in the layer's number format.

        They are gone when the caller drops them, for all adapters' factors together have gigabytes.
        """
        empty = dict(self.layers[name].named_parameters())
        return {path: self.tensors.get_tensor(key).to(empty[path].dtype) for key, path in self.keys[name].items()}

    def is_zero(self, name: str) -> bool:
        """Whether a factor is zero, and with it the product."""
        return any(not bool(self.tensors.get_tensor(key).any()) for key in self.keys[name])

    def is_expert(self, name: str) -> bool:
        """Whether it changes fused experts."""
        return hasattr(self.layers[name], "parameter_name")


def open_adapter(empty: "PreTrainedModel", architecture: Architecture, adapter_dir: Path, opened: ExitStack) -> Adapter:
    """Lay an adapter over a model without numbers, whose modules are wrapped in place.

    Args:
        empty: The base on the meta device.
        architecture: Of the base.
        adapter_dir: The adapter.
        opened: Closes the adapter's file.

    Raises:
        AdapterMismatch: If a weight of the adapter has no place in the base, or a target has no weight, or is tied.
        NothingMoved: If every adapter's product is zero, as before the first training step.
    """
    from peft import PeftConfig, PeftModel
    from safetensors import safe_open

    try:
        model = PeftModel(empty, PeftConfig.from_pretrained(str(adapter_dir)), low_cpu_mem_usage=True)
        tensors = opened.enter_context(safe_open(adapter_dir / WEIGHTS, "pt"))
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise _does_not_fit(error) from error
    adapter = _lay_over(model, tensors)
    _refuse_strays(adapter, tensors)
    _refuse_shapes(adapter)
    _refuse_tied(adapter, architecture)
    if all(adapter.is_zero(name) for name in adapter.layers):
        raise NothingMoved(
            f"all {len(adapter.layers)} adapters are zero, as before the first step; a merge would publish the base "
            "again. Look at the training's loss curve and tokens seen."
        )
    return adapter


def _lay_over(model: Any, tensors: Any) -> Adapter:
    from peft.tuners.lora.layer import LoraLayer

    prefix = "base_model.model."
    layers, keys, copies = {}, {}, {}
    in_file = set(tensors.keys())
    for path, module in model.named_modules():
        if isinstance(module, LoraLayer):
            weight = getattr(module, "parameter_name", "weight")
            name = f"{path.removeprefix(prefix).replace('.base_layer', '')}.{weight}"
            layers[name] = module
            if (copy := f"{path}.base_layer.{weight}") in in_file:
                copies[name] = copy
            keys[name] = {
                f"{path}.{factor}".replace(f".{ADAPTER}", ""): factor
                for factor, _ in module.named_parameters()
                if factor.startswith(tuple(module.adapter_layer_names))
            }
    return Adapter(layers, keys, tensors, copies)


def _refuse_strays(adapter: Adapter, tensors: Any) -> None:
    wanted = {key for keys in adapter.keys.values() for key in keys}
    brought = {*tensors.keys()} - {*adapter.copies.values()}
    missing, unexpected = sorted(wanted - brought), sorted(brought - wanted)
    if missing or unexpected:
        raise AdapterMismatch(
            f"the adapter lacks {len(missing)} weights the base asks for and brings {len(unexpected)} it has no "
            f"place for, {(missing + unexpected)[0]} first. Merge it with the base it was trained on."
        )


def _refuse_shapes(adapter: Adapter) -> None:
    for name, keys in adapter.keys.items():
        factors = dict(adapter.layers[name].named_parameters())
        for key, path in keys.items():
            found, wanted = list(adapter.tensors.get_slice(key).get_shape()), list(factors[path].shape)
            if found != wanted:
                raise _does_not_fit(f"{key} has shape {found}, {name} asks for {wanted}")


def _refuse_tied(adapter: Adapter, architecture: Architecture) -> None:
    tied = {*architecture.tied, *architecture.tied.values()}
    if hit := sorted(tied & set(adapter.layers)):
        raise AdapterMismatch(
            f"the adapter changes {hit[0]}, which the base shares between embedding and head; to fold it into one "
            "would change the other. Leave embed_tokens and lm_head out of the targets."
        )


def _does_not_fit(why: object) -> AdapterMismatch:
    return AdapterMismatch(
        f"the adapter does not fit its base: {str(why).splitlines()[0][:200]}. "
        "Merge it with the base it was trained on."
    )
