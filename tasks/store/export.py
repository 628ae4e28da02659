"""Export an artifact and all its sources as a folder that needs no store."""

import json
import shutil
import uuid
from pathlib import Path

from tasks.store.digests import sha256_of_file
from tasks.store.errors import StoreError
from tasks.store.records import RECORD_NAME, Record
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

LINEAGE_NAME = "lineage.json"


class ExportRefused(StoreError):
    """The target folder is not empty, or an exported file reads back changed."""


def export(store: Store, ref: ArtifactRef, target: Path) -> list[Record]:
    """Write `target/<kind>/<label>/<key>/` with files and record for the artifact and each of its sources.

    The target is created by a rename after everything in it was read back and hashed.

    Args:
        store: The artifacts' store.
        ref: The last artifact.
        target: A folder that is empty or does not exist.

    Returns:
        The records, sources first.

    Raises:
        ExportRefused: If the target is not empty, or a file reads back changed.
        StoreError: If an artifact is missing or damaged.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ExportRefused(f"{target} is not an empty folder; export into one that is empty or does not exist.")
    lineage = store.lineage(ref)
    part = target.absolute().with_name(f"{target.absolute().name}.{uuid.uuid4().hex}.part")
    try:
        for record in lineage:
            _write(store, record, part)
        (part / LINEAGE_NAME).write_text(json.dumps(_lineage_json(ref, lineage), indent=1) + "\n")
        for record in lineage:
            _check_files(record, part / record.ref.path)
        part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return lineage


def _write(store: Store, record: Record, part: Path) -> None:
    if any(entry.path == RECORD_NAME for entry in record.files):
        raise ExportRefused(f"artifact {record.ref.path} has a file {RECORD_NAME}, the name of its own record.")
    # A store whose cache is the export: files are written to their final place, hashed on the way.
    folder = Store(store.url, part).fetch(record.ref)
    (folder / RECORD_NAME).write_bytes(record.to_bytes())


def _check_files(record: Record, folder: Path) -> None:
    for entry in record.files:
        if (found := sha256_of_file(folder / entry.path)) != entry.sha256:
            raise ExportRefused(
                f"{folder / entry.path} hashes to {found[:12]} after it was written, its record has "
                f"{entry.sha256[:12]}; the disk or its memory is failing."
            )


def _lineage_json(ref: ArtifactRef, lineage: list[Record]) -> dict[str, object]:
    return {
        "artifact": ref.path,
        "digest": ref.digest,
        "sources_first": [
            {
                "path": record.ref.path,
                "digest": record.digest,
                "inputs": {name: source.path for name, source in sorted(record.inputs.items())},
                "n_files": len(record.files),
                "n_bytes": record.n_bytes,
            }
            for record in lineage
        ],
    }
