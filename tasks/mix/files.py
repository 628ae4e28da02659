"""Examples from files, each row checked; an error names file and line."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from pydantic import ValidationError

from tasks.common.dataset_files import FileFormat, file_format, open_stream, tables
from tasks.common.json_text import read_json
from tasks.common.urls import read_url
from tasks.mix.config import DataFile, FilesSource, MixConfig
from tasks.mix.errors import BadRow, UnreadableSource
from tasks.mix.examples import Candidate, Found, with_system
from tasks.schemas.examples import ChatExample, Message, PreferencePair


def read_files(source: FilesSource, config: MixConfig) -> Found:
    """Read a source's rows.

    Args:
        source: Files and columns.
        config: The system message.

    Raises:
        UnreadableSource: If a file cannot be read, or has another digest.
        BadRow: If a row is not an example of the source's role, and the source does not have such rows counted.
    """
    found = Found()
    for number, file in enumerate(source.files):
        for place, row in _rows(source.name, file):
            try:
                candidate = _candidate(row, source, f"{number}-{place.replace(' ', '-')}", config)
            except (BadRow, ValueError) as error:
                if source.on_malformed == "refuse":
                    raise BadRow(
                        f"source {source.name!r}, {file.path}, {place}: {_reason(error)}. Correct the row, or set "
                        "on_malformed of the source to count, which drops such rows and counts them."
                    ) from error
                found.n_read[""] += 1
            else:
                found.add(candidate)
    return found


def _rows(name: str, file: DataFile) -> Iterator[tuple[str, Any]]:
    """Each row with its place: a line of JSON as it is written, or a mapping by column."""
    what = f"source {name!r}: file {file.path}"
    path = file.path if "://" in file.path else str(Path(file.path).expanduser())
    try:
        content = read_url(path)
        if file.sha256 not in (None, found := sha256(content).hexdigest()):
            raise UnreadableSource(f"{what} has sha256 {found}, not {file.sha256}; fetch it again or change sha256.")
        own = file_format(PurePosixPath(path).name, file.format)
        if own is None:
            raise UnreadableSource(f"{what} has no extension that datasets knows; name its format, such as json.")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / PurePosixPath(path).name
            copy.write_bytes(content)
            yield from _lines(copy) if own.module == "json" else _records(copy, own, Path(folder))
    except UnreadableSource:
        raise
    except Exception as error:
        # A damaged file can raise any exception: of pyarrow, of datasets, or of what unpacks it.
        why = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
        raise UnreadableSource(f"{what} cannot be read: {why}. Correct the file or its path.") from error


def _lines(file: Path) -> Iterator[tuple[str, bytes]]:
    # Not datasets' json module, which does not name the line it cannot read (decision 0024).
    with fsspec.open(str(file), "rb", compression="infer") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield f"line {number}", line


def _records(file: Path, own: FileFormat, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 0
    for table in tables(open_stream(file, own.module, folder, own.options)):
        for row in table.to_pylist():
            number += 1
            yield f"row {number}", row


def _candidate(row: Any, source: FilesSource, key: str, config: MixConfig) -> Candidate:
    fields = read_json(row) if isinstance(row, bytes) else row
    if not isinstance(fields, dict):
        raise BadRow("it is not a JSON object")
    day = _day(fields, source.day)
    common = {
        "id": f"{source.name}/{key}",
        "source": source.name,
        "group": str(_value(fields, source.group)) if source.group else "",
        "day": day,
    }
    make = _chat if source.role == "sft" else _pair
    return Candidate(make(fields, source, common, config), _day(fields, source.label_until) or day)


def _chat(fields: Mapping[str, Any], source: FilesSource, common: dict[str, Any], config: MixConfig) -> ChatExample:
    if source.messages:
        messages = _messages(fields, source.messages)
    else:
        answer = Message(role="assistant", content=_text(fields, source.answer))
        messages = [*_messages(fields, source.prompt), answer]
    if messages[-1].role != "assistant" or len(messages) < 2:
        raise BadRow(f"its last message is the {messages[-1].role}'s, and an answer of the assistant is trained on")
    _check_question(messages[:-1])
    return ChatExample(**common, messages=with_system(messages, config))


def _pair(fields: Mapping[str, Any], source: FilesSource, common: dict[str, Any], config: MixConfig) -> PreferencePair:
    prompt = _messages(fields, source.prompt)
    _check_question(prompt)
    chosen, rejected = (_text(fields, column) for column in (source.chosen, source.rejected))
    if chosen.strip() == rejected.strip():
        raise BadRow(f"its {source.chosen!r} and {source.rejected!r} are equal, so that neither is the better")
    return PreferencePair(**common, prompt=with_system(prompt, config), chosen=chosen, rejected=rejected)


def _check_question(prompt: list[Message]) -> None:
    if prompt[-1].role != "user":
        raise BadRow(f"its prompt ends with a message of the {prompt[-1].role}, not of the user")


def _messages(fields: Mapping[str, Any], column: str) -> list[Message]:
    value = fields.get(column)
    if isinstance(value, str):
        return [Message(role="user", content=_text(fields, column))]
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        raise BadRow(f"it has no {column!r} that is a text or a list of messages")
    # Columns of a parquet file give every message the keys of all.
    return [Message.model_validate({key: own for key, own in each.items() if own is not None}) for each in value]


def _text(fields: Mapping[str, Any], column: str) -> str:
    value = fields.get(column)
    if not isinstance(value, str) or not value.strip():
        raise BadRow(f"it has no {column!r} that is a text")
    return value


def _value(fields: Mapping[str, Any], column: str) -> Any:
    if (value := fields.get(column)) is None:
        raise BadRow(f"it has no {column!r}")
    return value


def _day(fields: Mapping[str, Any], column: str | None) -> date | None:
    if column is None:
        return None
    value = str(_value(fields, column))
    try:
        return date.fromisoformat(value[:10])
    except ValueError as error:
        raise BadRow(f"its {column!r} is {value!r}, not a day such as 2020-01-31") from error


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{'it is not JSON: ' if isinstance(error, json.JSONDecodeError) else ''}{error}"
