"""Access to the local server: everybody on this machine, or only clients that know HINDSIGHT_AUTH."""

import base64
import ipaddress
import os
import re

from tasks.common.errors import HindsightError

AUTH_VARIABLE = "HINDSIGHT_AUTH"
SERVER_AUTH = "PREFECT_SERVER_API_AUTH_STRING"
CLIENTS_AUTH = "PREFECT_API_AUTH_STRING"
SERVER_ONLY = (SERVER_AUTH, "PREFECT_SERVER_DATABASE_", "PREFECT_API_DATABASE_", "PREFECT_SERVER_ENCRYPTION_KEY")
"""Prefixes of variables that only the server needs."""
WEBHOOK_VARIABLE = "HINDSIGHT_WEBHOOK_URL"
# Prefect compares ASCII only: with another letter every call ends in an error of the server.
AUTH = re.compile(r"[!-9;-~]+:[!-~]{8,}")


class BadAuth(HindsightError):
    """HINDSIGHT_AUTH is not a user and password."""


class BadHost(HindsightError):
    """HINDSIGHT_HOST is not an address to listen on."""


class OpenToAll(HindsightError):
    """Other machines could reach a server without authentication."""


def auth_from_environment() -> str | None:
    """HINDSIGHT_AUTH, or Prefect's own variable for the server; None for no authentication.

    Raises:
        BadAuth: If it is not `user:password`. The message does not quote it.
    """
    name = AUTH_VARIABLE if os.environ.get(AUTH_VARIABLE) else SERVER_AUTH
    auth = os.environ.get(name)
    if not auth:
        return None
    if not AUTH.fullmatch(auth):
        raise BadAuth(
            f"{name} ({len(auth)} characters) is not user:password: a name without a colon, a colon, and a password of "
            "at least 8 ASCII characters without spaces."
        )
    return auth


def host_from_environment(auth: str | None) -> str:
    """HINDSIGHT_HOST, by default 127.0.0.1.

    Args:
        auth: The authentication the server will require.

    Raises:
        BadHost: If it is not an IP address.
        OpenToAll: If other machines could reach it and there is no authentication.
    """
    host = os.environ.get("HINDSIGHT_HOST") or "127.0.0.1"
    try:
        is_open = not ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise BadHost(
            f"HINDSIGHT_HOST={host!r} is not an IP address; write one of this machine's, 0.0.0.0 for all of them, or "
            "unset it for 127.0.0.1."
        ) from error
    if is_open and auth is None:
        raise OpenToAll(
            f"HINDSIGHT_HOST={host} would let every machine that reaches it run anything here; set "
            f"{AUTH_VARIABLE}=user:password too, or unset HINDSIGHT_HOST."
        )
    return host


def basic_auth(auth: str | None) -> dict[str, str]:
    """The HTTP headers that authenticate a request."""
    return {"Authorization": f"Basic {base64.b64encode(auth.encode()).decode()}"} if auth else {}


def clients_environment(environment: dict[str, str], auth: str | None) -> dict[str, str]:
    """Environment of workers, their runs and other clients: with the API's password, without the server's secrets."""
    kept = {name: value for name, value in environment.items() if not name.startswith((*SERVER_ONLY, AUTH_VARIABLE))}
    return {**kept, CLIENTS_AUTH: auth} if auth else kept


def workers_environment(environment: dict[str, str]) -> dict[str, str]:
    """A client's environment without the address of notifications, which only the registration needs."""
    return {name: value for name, value in environment.items() if name != WEBHOOK_VARIABLE}


def server_environment(environment: dict[str, str], auth: str | None) -> dict[str, str]:
    """Environment of the server: with its database's address and the password it requires."""
    kept = {name: value for name, value in environment.items() if name != AUTH_VARIABLE}
    return {**kept, SERVER_AUTH: auth, CLIENTS_AUTH: auth} if auth else kept
