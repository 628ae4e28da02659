"""in-toto statements: which files something is said of, and what is said, as one deterministic JSON file.

Source: in-toto Attestation Framework, Statement v1.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from tasks.common.errors import HindsightError
from tasks.common.settings import Frozen
from tasks.store.digests import sha256_of_file
from tasks.store.refs import Sha256

STATEMENT_NAME = "statement.json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""What a signature says it has signed."""


class StatementDamaged(HindsightError):
    """A statement is missing, or is none."""


class Digests(Frozen):
    """Of one file."""

    sha256: Sha256


class Subject(Frozen):
    """A file something is said of."""

    name: str
    """Path below the statement's folder."""
    digest: Digests


class Statement(Frozen):
    """The files and what is said of them, with the framework's names."""

    type_: str = Field("https://in-toto.io/Statement/v1", alias="_type")
    subject: tuple[Subject, ...]
    predicateType: str  # noqa: N815  the framework's name
    predicate: dict[str, JsonValue]

    @classmethod
    def read(cls, path: Path) -> "Statement":
        """Read a statement.

        Raises:
            StatementDamaged: If the file is missing, cut, or another JSON.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error.errors()[0]["msg"])
            raise StatementDamaged(
                f"{path} is no in-toto statement: {why}. Build or fetch the artifact again."
            ) from error

    @property
    def digests(self) -> dict[str, str]:
        """Sha256 by path."""
        return {subject.name: subject.digest.sha256 for subject in self.subject}


def write_statement_of(
    folder: Path, predicate_type: str, predicate: Mapping[str, JsonValue], leave_out: Iterable[str] = ()
) -> Path:
    """Hash every file of a folder, and write what is said of them into it.

    Args:
        folder: An artifact's folder, complete but for the statement.
        predicate_type: Which kind of thing is said.
        predicate: What is said.
        leave_out: Paths that nothing is said of.

    Returns:
        The statement's path; the same files and the same predicate give the same bytes.
    """
    subjects = [
        {"name": name, "digest": {"sha256": sha256_of_file(folder / name)}}
        for name in files_of(folder)
        if name not in {*leave_out}
    ]
    fields = {"_type": Statement.model_fields["type_"].default, "subject": subjects}
    text = json.dumps(
        {**fields, "predicateType": predicate_type, "predicate": predicate},
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
    )
    path = folder / STATEMENT_NAME
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def files_of(folder: Path) -> list[str]:
    """Paths of all files below a folder but its statement and its record, in name order."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if path not in (STATEMENT_NAME, "record.json"))
