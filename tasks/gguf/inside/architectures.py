"""The architectures that llama.cpp's converter knows, from its source: importing it takes seconds."""

import ast

from tasks.gguf.inside.llama_cpp import folder

TABLE = "TEXT_MODEL_MAP"


def main() -> list[str]:
    """Names as in `architectures` of a config.json, sorted."""
    tree = ast.parse((folder() / "conversion" / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == TABLE:
            return sorted(ast.literal_eval(node.value or ast.Dict([], [])))
    raise LookupError(f"llama.cpp's converter has no table {TABLE} any more")
