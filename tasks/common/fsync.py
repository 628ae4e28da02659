"""Files that survive a crash of the machine.

The trainer's environment imports this too, so it uses only the standard library.
"""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(file: Path, content: str) -> None:
    """Replace a text file: after a crash it has the old content or the new one, never a part."""
    unfinished = file.with_suffix(".tmp")
    unfinished.write_text(content)
    sync(unfinished)
    unfinished.replace(file)
    sync(file.parent)
