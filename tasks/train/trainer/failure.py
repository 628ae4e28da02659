"""The exception that ended a trainer, written where the pipeline reads it. Standard library only."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.train.trainer import work_files


@contextmanager
def recording_failure(folder: Path | None = None) -> Iterator[None]:
    """Write an exception's name and message to `failure.json`; of several ranks the first to fail writes it.

    Args:
        folder: The work directory; by default the current directory.
    """
    # Made absolute now: the block may change the current directory.
    file = (folder or Path()).absolute() / work_files.FAILURE
    try:
        yield
    except Exception as error:
        with suppress(FileExistsError), file.open("x") as stream:
            stream.write(json.dumps({"error": type(error).__name__, "words": str(error)}) + "\n")
        raise
