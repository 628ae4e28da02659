"""Who may use the local server: everybody on this machine, or whoever knows HINDSIGHT_AUTH."""

import ipaddress
import os
import re

from tasks.common.errors import HindsightError

AUTH_VARIABLE = "HINDSIGHT_AUTH"
SERVERS_AUTH = "PREFECT_SERVER_API_AUTH_STRING"
CLIENTS_AUTH = "PREFECT_API_AUTH_STRING"
SERVERS_OWN = (SERVERS_AUTH, "PREFECT_SERVER_DATABASE_", "PREFECT_API_DATABASE_", "PREFECT_SERVER_ENCRYPTION_KEY")
"""How the names of variables begin that the server needs and no worker does."""
WEBHOOK_VARIABLE = "HINDSIGHT_WEBHOOK_URL"
# Prefect compares ASCII alone: with another letter every call ends in an error of the server.
AUTH = re.compile(r"[!-9;-~]+:[!-~]{8,}")


class BadAuth(HindsightError):
    """HINDSIGHT_AUTH is no user and password."""


class BadHost(HindsightError):
    """HINDSIGHT_HOST is no address to listen on."""


class OpenToAll(HindsightError):
    """Other machines could reach a server that lets everybody in."""


class WrongAccess(HindsightError):
    """The running server lets in others than HINDSIGHT_AUTH says."""


def auth_from_environment() -> str | None:
    """HINDSIGHT_AUTH, or what Prefect's own variable says of the server; None for no authentication.

    Raises:
        BadAuth: If it is not `user:password`. What it is stays unsaid.
    """
    name = AUTH_VARIABLE if os.environ.get(AUTH_VARIABLE) else SERVERS_AUTH
    auth = os.environ.get(name)
    if not auth:
        return None
    if not AUTH.fullmatch(auth):
        raise BadAuth(
            f"{name} ({len(auth)} characters) is no user:password: a name without a colon, a colon, and a password of "
            "at least 8 ASCII characters without spaces."
        )
    return auth


def host_from_environment(auth: str | None) -> str:
    """HINDSIGHT_HOST, or this machine alone.

    Args:
        auth: What the server will ask for.

    Raises:
        BadHost: If it is no IP address.
        OpenToAll: If other machines could reach it and no authentication is on.
    """
    host = os.environ.get("HINDSIGHT_HOST") or "127.0.0.1"
    try:
        is_open = not ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise BadHost(
            f"HINDSIGHT_HOST={host!r} is no IP address; write one of this machine's, 0.0.0.0 for all of them, or unset "
            "it for 127.0.0.1."
        ) from error
    if is_open and auth is None:
        raise OpenToAll(
            f"HINDSIGHT_HOST={host} would let every machine that reaches it run anything here; set "
            f"{AUTH_VARIABLE}=user:password too, or unset HINDSIGHT_HOST."
        )
    return host


def clients_environment(environment: dict[str, str], auth: str | None) -> dict[str, str]:
    """What workers, their runs and other clients inherit: the key to the API, and nothing of the server's own."""
    kept = {name: value for name, value in environment.items() if not name.startswith((*SERVERS_OWN, AUTH_VARIABLE))}
    return {**kept, CLIENTS_AUTH: auth} if auth else kept


def workers_environment(environment: dict[str, str]) -> dict[str, str]:
    """Of a client's environment what a worker and its runs need: the notifications' address is the server's matter."""
    return {name: value for name, value in environment.items() if name != WEBHOOK_VARIABLE}


def servers_environment(environment: dict[str, str], auth: str | None) -> dict[str, str]:
    """What the server inherits: its database's address too, and whom it lets in."""
    kept = {name: value for name, value in environment.items() if name != AUTH_VARIABLE}
    return {**kept, SERVERS_AUTH: auth, CLIENTS_AUTH: auth} if auth else kept
