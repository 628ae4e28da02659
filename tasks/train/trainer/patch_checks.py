"""Checks, before the first step, that each patch the YAML asks for is in the classes of the model that is trained.

A patch that is made for another class, or for none, changes nothing and says nothing: whole logits then take memory
that was not counted, experts run without their kernels, and packed documents leak into one another.
"""

from collections.abc import Iterator
from typing import Any


class PatchMissing(RuntimeError):
    """A patch that the settings ask for and the model does not have."""


def check_patches(cfg: Any, model: Any) -> None:
    """Check the loss, the packed DeltaNet and the experts' kernels.

    Args:
        cfg: Axolotl's settings.
        model: As loaded, with or without adapters.

    Raises:
        PatchMissing: Naming each setting and the class without its patch.
    """
    base = getattr(model, "get_base_model", lambda: model)()
    if missing := list(_missing(cfg, base)):
        raise PatchMissing(
            f"{'; '.join(missing)}. The installed versions of axolotl, transformers and cut-cross-entropy do not fit "
            "each other: install those that infra/README.md names, or leave these settings out."
        )


def _missing(cfg: Any, base: Any) -> Iterator[str]:
    if cfg.cut_cross_entropy and not _is_from(base, "cut_cross_entropy"):
        yield f"cut_cross_entropy: the forward pass of {type(base).__name__} is that of {_origin(base)}"
    if cfg.sample_packing:
        for module in _packed(base):
            if not _is_from(module, "axolotl"):
                yield f"sample_packing: the forward pass of {type(module).__name__} is that of {_origin(module)}"
    for name in ("scattermoe", "sonicmoe"):
        used = getattr(base.config, "_experts_implementation", None)
        if cfg[f"use_{name}"] and used != name:
            yield f"use_{name}: the experts of {type(base).__name__} run by {used!r}"


def _packed(base: Any) -> list[Any]:
    """One module of each class that must know where a packed document begins: DeltaNets, and the layers around them."""
    layers = [module for module in base.modules() if hasattr(module, "linear_attn")]
    by_class = {type(module): module for layer in layers for module in (layer, layer.linear_attn)}
    return list(by_class.values())


def _origin(module: Any) -> str:
    return str(type(module).forward.__module__)


def _is_from(module: Any, package: str) -> bool:
    return _origin(module).split(".")[0] == package
