"""in-toto statements: files with their digests and a claim about them, as one deterministic JSON file.

Source: in-toto Attestation Framework, Statement v1.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from tasks.common.errors import HindsightError
from tasks.common.settings import Frozen
from tasks.store.digests import sha256_of_file
from tasks.store.refs import Sha256

STATEMENT_NAME = "statement.json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""Type of the signed content in a signature."""


class StatementDamaged(HindsightError):
    """A statement is missing or not valid."""


class Digests(Frozen):
    """Digests of one file."""

    sha256: Sha256


class Subject(Frozen):
    """A file that the claim is about."""

    name: str
    """Path below the statement's folder."""
    digest: Digests


class Statement(Frozen):
    """The files and the claim about them, with the framework's names."""

    type_: str = Field("https://in-toto.io/Statement/v1", alias="_type")
    subject: tuple[Subject, ...]
    predicateType: str  # noqa: N815  the framework's name
    predicate: dict[str, JsonValue]

    @classmethod
    def read(cls, path: Path) -> "Statement":
        """Read a statement.

        Raises:
            StatementDamaged: If the file is missing, cut, or other JSON.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error.errors()[0]["msg"])
            raise StatementDamaged(
                f"{path} is not an in-toto statement: {why}. Rebuild the artifact or fetch it again."
            ) from error

    @property
    def digests(self) -> dict[str, str]:
        """Sha256 by path."""
        return {subject.name: subject.digest.sha256 for subject in self.subject}


def write_statement_of(folder: Path, predicate_type: str, predicate: Mapping[str, JsonValue]) -> Path:
    """Hash every file of a folder, and write the statement about them into it.

    Args:
        folder: An artifact's folder, complete but for the statement.
        predicate_type: Kind of the claim.
        predicate: The claim.

    Returns:
        The statement's path; the same files and the same predicate give the same bytes.
    """
    files = {name: sha256_of_file(folder / name) for name in files_of(folder)}
    path = folder / STATEMENT_NAME
    path.write_text(statement_text(files, predicate_type, predicate), encoding="utf-8")
    return path


def statement_text(files: Mapping[str, str], predicate_type: str, predicate: Mapping[str, JsonValue]) -> str:
    """A statement as JSON; the same arguments give the same text.

    Args:
        files: sha256 by path of what the claim is about.
        predicate_type: Kind of the claim.
        predicate: The claim.
    """
    subjects = [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(files.items())]
    fields = {"_type": Statement.model_fields["type_"].default, "subject": subjects}
    text = json.dumps(
        {**fields, "predicateType": predicate_type, "predicate": predicate},
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
    )
    return f"{text}\n"


def files_of(folder: Path) -> list[str]:
    """Paths of all files below a folder but its statement and its record, in name order."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if path not in (STATEMENT_NAME, "record.json"))
