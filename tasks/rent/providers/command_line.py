"""Runs a provider's own program and reads its answer. No secret's value is among its arguments."""

import json
import logging
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tasks.rent.errors import ProviderError

log = logging.getLogger(__name__)

SECONDS = 1_800
"""Provisioning takes minutes; a program that hangs must not hang a sweep for ever."""
MAX_QUOTED = 600


@dataclass
class CommandLine:
    """One provider's program.

    Args:
        program: Its name on PATH.
        install: How a person gets and signs in to it.
        dry_run: Run nothing.
        commands: Every command so far, as a shell would take it.
    """

    program: str
    install: str
    dry_run: bool = False
    commands: list[str] = field(default_factory=list)

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = SECONDS) -> str:
        """Run it and return what it printed.

        Args:
            arguments: Of the program; they are logged.
            environment: Added to this process's.
            seconds: Then it is killed, and its answer counts as none.

        Raises:
            ProviderError: If it is not installed, fails, or does not end.
        """
        self.commands.append(shlex.join([self.program, *arguments]))
        if self.dry_run:
            return ""
        if (found := shutil.which(self.program)) is None:
            raise ProviderError(f"{self.program} is not installed on this machine: {self.install}")
        log.info("%s", self.commands[-1])
        try:
            done = subprocess.run(
                [found, *arguments],
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired as error:
            raise ProviderError(f"`{self.commands[-1]}` gave no answer within {seconds:g} s.") from error
        if done.returncode:
            said = " ".join((done.stderr.strip() or done.stdout.strip()).split())[-MAX_QUOTED:]
            raise ProviderError(
                f"`{self.commands[-1]}` failed with exit status {done.returncode}: {said or 'it printed nothing'}. "
                f"If it is not signed in: {self.install}"
            )
        return done.stdout

    def run_json(self, *arguments: str, kind: type[list[Any]] | type[dict[str, Any]]) -> Any:
        """Run it and parse its answer.

        Raises:
            ProviderError: As `run`, or if the answer is not JSON of this kind: a part of one is no answer.
        """
        printed = self.run(*arguments)
        if self.dry_run:
            return kind()
        try:
            found = _json_at_the_end(printed)
        except ValueError as error:
            raise ProviderError(f"`{self.commands[-1]}` did not print JSON but {printed[:MAX_QUOTED]!r}.") from error
        if found is None:
            return kind()  # what programs written in Go print for an empty list
        if not isinstance(found, kind):
            raise ProviderError(f"`{self.commands[-1]}` printed a {type(found).__name__}, not a {kind.__name__}.")
        return found


def _json_at_the_end(printed: str) -> Any:
    """The JSON that ends an answer, from the first line it can begin with: programs print remarks before it.

    Raises:
        ValueError: If there is none, or only a part of it.
    """
    lines = printed.splitlines(keepends=True)
    for first, line in enumerate(lines):
        if line.startswith(("[", "{", "null")):
            with suppress(ValueError):
                return json.loads("".join(lines[first:]))
    raise ValueError("no JSON ends it")


def field_of(entry: Any, command: str, *names: str) -> Any:
    """The first of these fields that an entry of an answer has.

    Raises:
        ProviderError: If it has none of them: another version of the program answers otherwise.
    """
    found = [entry[name] for name in names if isinstance(entry, dict) and entry.get(name) is not None]
    if not found:
        raise ProviderError(f"an entry of the answer to `{command}` has no {' or '.join(names)}: {str(entry)[:200]}.")
    return found[0]


def shell(command: Sequence[str], folder: str) -> str:
    """A command in a folder, for programs that take one line of shell."""
    return f"cd {shlex.quote(folder)} && exec {shlex.join(command)}"
