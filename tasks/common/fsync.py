"""What was written stays written, even if the machine goes down: a file is on the disk before another one counts it.

The trainer's environment reads this too, so it imports the standard library only.
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


def write_durably(page: Path, content: str) -> None:
    """Replace a page: after a crash it is the old one or the new one, and never a part of one."""
    unfinished = page.with_suffix(".tmp")
    unfinished.write_text(content)
    sync(unfinished)
    unfinished.replace(page)
    sync(page.parent)
