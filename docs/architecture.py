"""Write docs/architecture.md's diagram: packages and their imports, read from the code."""

import re
from collections.abc import Iterator
from pathlib import Path

import grimp

PAGE = Path(__file__).with_suffix(".md")
BLOCK = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)
ROOTS = ("deployments", "flows", "hindsight", "tasks")
TRIGGERED = ("leakage_premium", "nightly", "plan", "store_audit", "sweep")
"""Flows people trigger."""

Edges = set[tuple[str, str]]


def package_edges() -> Edges:
    """Imports between the packages of `flows` and `tasks`, the flows people trigger, `deployments` and `hindsight`."""
    graph = grimp.build_graph(*ROOTS, cache_dir=None)
    edges: Edges = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            importer, target = _package(module), _package(imported)
            if importer != target:
                edges.add((importer, target))
    return edges


def diagram() -> str:
    """The packages as a Mermaid graph. An arrow that follows from other arrows is left out."""
    edges = package_edges()
    lines = ["flowchart TD"]
    for package in sorted({name for edge in edges for name in edge}):
        lines.append(f"  {_id(package)}[{package.replace('.', '/')}]")
    lines += [f"  {_id(importer)} --> {_id(imported)}" for importer, imported in sorted(reduced(edges))]
    return "\n".join(lines) + "\n"


def reduced(edges: Edges) -> Edges:
    """The edges that no longer path replaces (transitive reduction of a graph without circles)."""
    return {
        (start, end)
        for start, end in edges
        if not any(_reaches(edges, between, end) for between in _next(edges, start) if between != end)
    }


def _next(edges: Edges, start: str) -> Iterator[str]:
    return (end for begin, end in edges if begin == start)


def _reaches(edges: Edges, start: str, goal: str) -> bool:
    seen, ahead = {start}, [start]
    while ahead:
        for end in _next(edges, ahead.pop()):
            if end == goal:
                return True
            if end not in seen:
                seen.add(end)
                ahead.append(end)
    return False


def _package(module: str) -> str:
    """`tasks.store` for `tasks.store.refs`; the flows people trigger are one."""
    root, *rest = module.split(".")
    if root in ("deployments", "hindsight") or not rest:
        return root
    if root == "flows" and rest[0] in TRIGGERED:
        return root
    return f"{root}.{rest[0]}"


def _id(package: str) -> str:
    return package.replace(".", "_")


if __name__ == "__main__":
    PAGE.write_text(BLOCK.sub(lambda _: diagram(), PAGE.read_text(encoding="utf-8"), count=1), encoding="utf-8")
