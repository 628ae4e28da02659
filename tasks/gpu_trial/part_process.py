"""The process of one part: `python -m tasks.gpu_trial.part_process MODULE:FUNCTION SIZE FOLDER`.

It leaves `findings.json` in the folder; or `error.json`, an error's class and message, with the traceback in its log.
"""

import json
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from tasks.common.fsync import write_durably
from tasks.common.lifeline import tie_to_parent
from tasks.common.logs import start_logging

FINDINGS, ERROR = "findings.json", "error.json"
LONGEST_ERROR = 1_000


def main(function: str, size: Any, folder: Path) -> int:
    """Run the part, and write what it found or why it failed."""
    module, _, name = function.partition(":")
    try:
        found = getattr(import_module(module), name)(size, folder)
    except Exception as error:  # noqa: BLE001, RUF100 (what a part raises is its result)
        traceback.print_exc()
        write_durably(folder / ERROR, json.dumps(f"{type(error).__name__}: {error}"[:LONGEST_ERROR]))
        return 1
    write_durably(folder / FINDINGS, found.model_dump_json())
    return 0


if __name__ == "__main__":
    tie_to_parent()
    start_logging("INFO")
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
