"""Fetches an artifact by fsspec (a folder's files, or s3fs), and not by the store's own client.

It shares with the store the layout of a record and nothing of transfers, caches and retries, so that a fault in these
does not pass unseen.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from tasks.common.progress import Progress
from tasks.common.s3 import os_errors, storage_options
from tasks.release.errors import FetchedOtherBytes
from tasks.store.digests import BUFFER_BYTES
from tasks.store.records import RECORD_NAME, FileEntry, Record
from tasks.store.refs import ArtifactRef


def fetch_elsewhere(url: str, ref: ArtifactRef, folder: Path) -> Record:
    """Fetch every file of an artifact and hash it.

    Args:
        url: The store's.
        ref: What was published.
        folder: Where its files go; one that is empty.

    Returns:
        Its record.

    Raises:
        FetchedOtherBytes: If the record is another one's, or a file is absent, cut or changed.
    """
    files, root = url_to_fs(url, **storage_options(url))
    where = f"{ref.path} in the store"
    try:
        with os_errors():
            record = Record.model_validate(json.loads(files.cat_file(f"{root}/{ref.path}/{RECORD_NAME}")))
            if record.digest != ref.digest:
                raise FetchedOtherBytes(
                    f"{where} has digest {record.digest[:12]}, and {ref.digest[:12]} was published; it was rebuilt "
                    "since. Run the export again."
                )
            progress = Progress(f"fetch {ref.path} by fsspec", record.n_bytes)
            for entry in record.files:
                _fetch_file(files, root, entry, folder / entry.path, progress)
    except FileNotFoundError as error:
        raise FetchedOtherBytes(f"{where} lacks {error}; run the stage that made it again.") from error
    return record


def _fetch_file(files: Any, root: str, entry: FileEntry, target: Path, progress: Progress) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    whole = sha256()
    with target.open("wb") as written:
        for _, blob in entry.located_blobs:
            with files.open(f"{root}/blobs/{blob.sha256}", "rb", block_size=BUFFER_BYTES) as read:
                while block := read.read(BUFFER_BYTES):
                    whole.update(block)
                    written.write(block)
                    progress.add(len(block))
    if whole.hexdigest() != entry.sha256 or target.stat().st_size != entry.size:
        raise FetchedOtherBytes(
            f"{progress.what}: {entry.path} has {target.stat().st_size:,} bytes, sha256 {whole.hexdigest()[:12]}, and "
            f"{entry.size:,}, {entry.sha256[:12]}, were published. Nothing is released; look at the store's server, "
            "then run the export again."
        )
