"""Why a trainer ended, in its own words, where the pipeline finds it.

This file runs in the trainer's environment: it imports the standard library only.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.train.trainer import work_files


@contextmanager
def reason_kept(folder: Path | None = None) -> Iterator[None]:
    """Leave an exception's name and words in `failure.json`; of several ranks the first to fail tells the reason.

    Args:
        folder: The trainer's folder; the working directory unless told.
    """
    # Made absolute now: what runs in the block may change the working directory.
    file = (folder or Path()).absolute() / work_files.FAILURE
    try:
        yield
    except Exception as error:
        with suppress(FileExistsError), file.open("x") as stream:
            stream.write(json.dumps({"error": type(error).__name__, "words": str(error)}) + "\n")
        raise
