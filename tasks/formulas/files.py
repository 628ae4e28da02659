"""The catalogue's files and their digest, without reading them: the configs of stages load no pandas."""

from collections.abc import Iterable
from pathlib import Path

from tasks.store.digests import artifact_digest, sha256_of_file

FOLDER = Path(__file__).parent / "families"
FILES = tuple(FOLDER / f"{name}.yaml" for name in (
    "alpha158", "alpha360", "alpha101", "volatility", "risk", "factor", "listed"))  # fmt: skip
"""The project's catalogue, in the order in which it is shown."""


def catalogue_sha256(files: Iterable[Path] = FILES) -> str:
    """Digest of the files' names and contents."""
    return artifact_digest((file.name, sha256_of_file(file)) for file in files)
