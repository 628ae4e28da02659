"""Writes a report and what it came from as a bundle: the same run gives the same bytes."""

import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import JsonValue

from tasks.bundle import verify
from tasks.common.errors import HindsightError
from tasks.provenance.model_statement import CORPUS_STATEMENT_NAME
from tasks.provenance.statement import STATEMENT_NAME
from tasks.schemas.draws import TWO_WAY_NAME
from tasks.schemas.results import RESULTS_NAME
from tasks.store.artifact_file import ArtifactFile
from tasks.store.records import RECORD_NAME, FileEntry, Record
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store

WHOLE = ("report", "preflight", "preflight_audit")
"""Stages whose artifacts are small and hold no prices and no texts."""
SINGLE_FILES = (
    *(STATEMENT_NAME, CORPUS_STATEMENT_NAME, "ledger.json"),
    *("scores.json", "draws.npy", TWO_WAY_NAME, "recall.json"),
)
"""Of other artifacts these files alone: no rows of a panel, whose prices may not be passed on."""
MAX_BYTES = 64 << 20
"""A larger file goes by digest alone."""
README = """A report on knowledge of the future in language models, with everything that can be checked without a store.

Who can rewrite one file here can rewrite all, verify.py too. So first, with a tool of your own, compare the sha256 of
manifest.json with the one you were given by another way, and that of verify.py with the manifest's:

    sha256sum manifest.json
    grep -A 1 '"path": "verify.py"' manifest.json
    sha256sum verify.py

(macOS: shasum -a 256; Windows: certutil -hashfile FILE SHA256.) If both are equal, verify the rest with Python 3.11 or
newer, offline and without any package. -I keeps Python from importing files of this folder:

    python -I verify.py

With hindsight installed, run `hindsight verify` instead, and compare the sha256 that it prints. Then open report.html.
results.json has the figures and the verification card for programs, manifest.json the sha256 of every file, artifacts/
the record of every artifact that the report came from. Large files, texts and prices are named there by digest alone;
`hindsight store export` writes them.
"""


class NoResults(HindsightError):
    """The report has no results.json."""


class TargetTaken(HindsightError):
    """The folder is not empty."""


@dataclass(frozen=True)
class Member:
    """A file of the bundle.

    Args:
        path: In the bundle.
        content: Its bytes.
        artifact: Path of the artifact it is a file of; empty for files that the bundle adds.
        name: In that artifact.
    """

    path: str
    content: bytes
    artifact: str = ""
    name: str = ""

    def entry(self) -> dict[str, JsonValue]:
        """Its line of the manifest."""
        return {
            "path": self.path,
            "sha256": sha256(self.content).hexdigest(),
            "size": len(self.content),
            "artifact": self.artifact or None,
            "name": self.name or None,
        }


def write_bundle(store: Store, report: ArtifactRef, target: Path) -> str:
    """Write the bundle of a report, and verify it before it gets its name.

    Args:
        store: Where the report is.
        report: The report, of a measure.
        target: A folder that is empty or does not exist.

    Returns:
        sha256 of its manifest.json, to be given to its readers by another way than the folder.

    Raises:
        NoResults: If the report is of a version or a pipeline without results.json.
        TargetTaken: If the target is not empty.
        StoreError: If an artifact is missing or damaged.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise TargetTaken(f"{target} is not an empty folder; name one that is empty or does not exist.")
    lineage = store.lineage(report)
    if all(entry.path != RESULTS_NAME for entry in lineage[-1].files):
        raise NoResults(
            f"{report.path} has no {RESULTS_NAME}: it is of an earlier version, or no report of a measure. Run the "
            "recipe again to write today's report."
        )
    members = [*_members(store, lineage, report), *_added()]
    manifest = verify.sealed(_manifest(report, lineage, members))
    part = target.absolute().with_name(f"{target.absolute().name}.{uuid.uuid4().hex}.part")
    try:
        for member in [*members, Member(verify.MANIFEST, verify.spelled(manifest))]:
            (part / member.path).parent.mkdir(parents=True, exist_ok=True)
            (part / member.path).write_bytes(member.content)
        verify.verify(part)
        part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return sha256(verify.spelled(manifest)).hexdigest()


def _members(store: Store, lineage: Sequence[Record], report: ArtifactRef) -> Iterator[Member]:
    for record in lineage:
        folder = f"artifacts/{record.ref.path}"
        yield Member(f"{folder}/{RECORD_NAME}", record.to_bytes())
        for entry in filter(lambda entry: _is_included(record, entry), record.files):
            with ArtifactFile(store.blobs, record.ref.path, entry) as file:
                content = file.read()
            path = entry.path if record.ref == report else f"{folder}/{entry.path}"
            yield Member(path, content, record.ref.path, entry.path)


def _is_included(record: Record, entry: FileEntry) -> bool:
    return (record.kind in WHOLE or entry.path in SINGLE_FILES) and entry.size <= MAX_BYTES


def _added() -> list[Member]:
    return [Member("verify.py", Path(verify.__file__).read_bytes()), Member("README.txt", README.encode())]


def _manifest(report: ArtifactRef, lineage: Sequence[Record], members: Sequence[Member]) -> dict[str, JsonValue]:
    return {
        "schema_version": verify.SCHEMA_VERSION,
        "report": report.path,
        "files": [member.entry() for member in sorted(members, key=lambda member: member.path)],
        "artifacts": [
            {
                "path": record.ref.path,
                "digest": record.digest,
                "n_files": len(record.files),
                "n_bytes": record.n_bytes,
                "files": [member.name for member in members if member.artifact == record.ref.path],
            }
            for record in lineage
        ],
    }
