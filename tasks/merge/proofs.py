"""What is known of each finished file, so that a merge that was cut goes on with it."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from tasks.common.fsync import write_durably
from tasks.merge.stream import Output
from tasks.merge.writer import header
from tasks.store.digests import sha256_of_file, sha256_of_json

PROOF = ".proof.json"
"""Ending of a proof's name, after the file's own."""


@dataclass(frozen=True)
class Proof:
    """A file that is wholly on the disk.

    Args:
        identity: Digest of all that decides its bytes.
        sha256: Of the file.
        n_bytes: Of the file.
        n_read: Bytes read to make it.
        counts: What was done to its tensors.
    """

    identity: str
    sha256: str
    n_bytes: int
    n_read: int
    counts: dict[str, int] = field(default_factory=dict)


def identity_of(name: str, outputs: Iterable[Output], inputs_identity: str) -> str:
    """Digest of what decides a file's bytes: its tensors, where they lie, and the state of the files they lie in."""
    outputs = list(outputs)
    files = sorted({box.file for output in outputs for box in output.source.boxes})
    stats = [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
    places = sha256("\n".join(repr(output.source) for output in outputs).encode()).hexdigest()
    return sha256_of_json([name, sha256(header(outputs)).hexdigest(), places, inputs_identity, *stats])


def keep(proof: Proof, file: Path) -> None:
    """Write a file's proof; the file is on the disk before it."""
    write_durably(file.with_name(file.name + PROOF), json.dumps(asdict(proof)))


def find(file: Path, identity: str) -> Proof | None:
    """The proof of an earlier try, if the file still is what it says; else both are removed."""
    proof_file = file.with_name(file.name + PROOF)
    try:
        proof = Proof(**json.loads(proof_file.read_text()))
        # By size before by hash: a file that was cut off is not worth reading.
        if proof.identity == identity and file.stat().st_size == proof.n_bytes and sha256_of_file(file) == proof.sha256:
            return proof
    except (OSError, ValueError, TypeError):
        # None was written, or it was cut off itself.
        pass
    proof_file.unlink(missing_ok=True)
    file.unlink(missing_ok=True)
    return None
