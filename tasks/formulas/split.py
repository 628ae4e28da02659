"""Which formulas are held out, so that questions about them can be asked of a model that was not trained on them."""

from collections import defaultdict
from hashlib import sha256
from typing import Literal

from tasks.formulas.catalogue import Catalogue
from tasks.formulas.nodes import Node

Split = Literal["train", "held_out"]


def split_of(catalogue: Catalogue, seed: int, held_out: float) -> dict[str, Split]:
    """Split the formulas by catalogue entry.

    An entry's windows stay together, and so do entries with an expression in common, such as alpha158.ROC5 and
    alpha360.CLOSE5: otherwise what is held out would have been seen under another name.

    Args:
        catalogue: The formulas.
        seed: Another one holds out others.
        held_out: Share of each family's entries, at least one entry if it is above 0.

    Returns:
        Split by key.
    """
    groups = _joined(catalogue)
    by_family: dict[str, list[str]] = defaultdict(list)
    for group in sorted(set(groups.values())):
        by_family[group.partition(".")[0]].append(group)
    chosen: set[str] = set()
    for names in by_family.values():
        in_order = sorted(names, key=lambda name: sha256(f"{seed}:{name}".encode()).digest())
        chosen |= set(in_order[: max(round(held_out * len(names)), int(held_out > 0))])
    return {key: "held_out" if group in chosen else "train" for key, group in groups.items()}


def _joined(catalogue: Catalogue) -> dict[str, str]:
    """Group by key, one for all entries that share an expression."""
    parent: dict[str, str] = {}

    def root(group: str) -> str:
        while (above := parent.setdefault(group, group)) != group:
            group = above
        return group

    first_with: dict[Node, str] = {}
    for formula in catalogue.formulas.values():
        own = root(formula.group)
        if formula.node is not None:
            parent[own] = root(first_with.setdefault(formula.node, own))
    return {key: root(formula.group) for key, formula in catalogue.formulas.items()}
