"""`python -m tasks.gguf.inside SCRIPT ARGUMENTS`: run a script's `main`, and write what it returns as JSON."""

import json
import sys
from importlib import import_module
from pathlib import Path

from tasks.common.isolation import isolate
from tasks.common.lifeline import tie_to_parent

SCRIPTS = ("architectures", "compare", "convert", "header", "serve")


def main() -> None:
    """Run the script named first with the JSON arguments after it."""
    tie_to_parent()
    script, arguments = sys.argv[1], json.loads(sys.argv[2])
    if script not in SCRIPTS:
        raise SystemExit(f"{script} is not one of {SCRIPTS}")
    # First: what is imported later may start threads. The server's socket is bound to 127.0.0.1.
    if script != "serve":
        isolate()
    answer = Path(arguments.pop("answer"))
    found = import_module(f"tasks.gguf.inside.{script}").main(**arguments)
    answer.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
