"""Groups of a model's parameters, such as attention or routed experts, by their names. Standard library only."""

GROUPS = (
    ("embed_tokens", "embedding"),
    ("lm_head", "head"),
    (".self_attn.", "attention"),
    (".linear_attn.", "delta_net"),
    (".mlp.shared_expert.", "shared_expert"),
    (".mlp.experts.", "routed_experts"),
    (".mlp.gate.", "router"),
)
"""Group of a parameter by what its name holds; others are norms and the rest, as are norms inside of a mixer."""


def group_of(name: str) -> str:
    """Group of a parameter, such as `attention`."""
    is_norm = "norm" in name.rpartition(".")[0].rpartition(".")[2]
    return "norms_and_rest" if is_norm else next((group for part, group in GROUPS if part in name), "norms_and_rest")
