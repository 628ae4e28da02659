"""The bearer token: where it comes from, and whether a request has it."""

import hmac
import os
import re
import secrets
import stat
import tempfile
from pathlib import Path

from tasks.serve.errors import UnsafeToken

TOKEN_VARIABLE = "HINDSIGHT_SERVE_TOKEN"  # noqa: S105 - the name of a variable
LEAST_CHARACTERS = 16
_TOKEN = re.compile(rf"[!-~]{{{LEAST_CHARACTERS},}}")
"""Visible ASCII characters: others do not pass an HTTP header unchanged."""


def access_token(file: Path) -> str:
    """The token of the environment, or that of a file which only its owner reads; the first start makes the file.

    Args:
        file: Where the token is kept.

    Raises:
        UnsafeToken: If the token is short, or others than its owner may read the file.
    """
    if (given := os.environ.get(TOKEN_VARIABLE)) is not None:
        return checked_token(given, TOKEN_VARIABLE, f"Set a longer one, or unset it for the one in {file}.")
    if not file.exists():
        _write_new(file)
    if (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
        raise UnsafeToken(
            f"{file} has mode {mode:04o}, and others than its owner may open it; 0600 is the widest. Others may know "
            "the token: remove the file, and the next start writes another."
        )
    print(f"bearer token: the content of {file}")
    return checked_token(file.read_text().strip(), str(file), "Remove the file, and the next start writes another.")


def checked_token(token: str, source: str, way_out: str) -> str:
    """The token, if it is hard to guess.

    Args:
        token: Of the environment or a file.
        source: Where it is from, for the message; the token itself is in no message.
        way_out: For the message.

    Raises:
        UnsafeToken: If it is not.
    """
    if not _TOKEN.fullmatch(token):
        raise UnsafeToken(
            f"the token of {source} has {len(token)} characters; it needs {LEAST_CHARACTERS} or more, all of them "
            f"visible ASCII. {way_out}"
        )
    return token


def has_token(header: str, token: str) -> bool:
    """Whether an `Authorization` header is the scheme `Bearer` with this token."""
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())


def _write_new(file: Path) -> None:
    """Write a token whole or not at all; of two servers that start at once, both then read the first one's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes it with mode 0600.
    descriptor, name = tempfile.mkstemp(prefix="token-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(32))
            out.flush()
            os.fsync(out.fileno())
        os.link(name, file)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
