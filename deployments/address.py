"""The local server's address, and checks of what answers there."""

import ipaddress
import os
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from deployments.access import AUTH_VARIABLE, auth_from_environment, basic_auth, host_from_environment
from tasks.common.errors import HindsightError

DEFAULT_PORT = 4200
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (refused without authentication)
"""By the address of a server that listens everywhere: where clients on this machine reach it."""


class PortInUse(HindsightError):
    """Another program listens on the server's port."""


class BadPort(HindsightError):
    """HINDSIGHT_PORT is not a port."""


class BadServer(HindsightError):
    """The local server does not answer, or requires another authentication than HINDSIGHT_AUTH."""


@dataclass(frozen=True)
class Address:
    """The local server's host and port.

    Args:
        port: Where it listens.
        host: IP address it listens on.
        auth: `user:password` that it requires; None for no authentication.
    """

    port: int
    host: str = "127.0.0.1"
    auth: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> "Address":
        """From HINDSIGHT_PORT (default 4200), HINDSIGHT_HOST (127.0.0.1) and HINDSIGHT_AUTH (no authentication).

        Raises:
            BadPort: If the port is not one.
            BadAuth: If the authentication is not `user:password`.
            BadHost: If the host is not an IP address.
            OpenToAll: If other machines could reach a server without authentication.
        """
        text = os.environ.get("HINDSIGHT_PORT", str(DEFAULT_PORT))
        if not (text.isdecimal() and 1024 <= int(text) <= 65535):
            raise BadPort(f"HINDSIGHT_PORT={text!r} is not a port from 1024 to 65535.")
        auth = auth_from_environment()
        return cls(int(text), host_from_environment(auth), auth)

    @property
    def ui(self) -> str:
        """URL of the UI."""
        host = EVERYWHERE.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def api(self) -> str:
        """URL of the API."""
        return f"{self.ui}/api"

    @property
    def is_open(self) -> bool:
        """Whether other machines reach it."""
        return not ipaddress.ip_address(self.host).is_loopback

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers that authenticate a request."""
        return basic_auth(self.auth)

    def check_port_is_free(self) -> None:
        """Raise PortInUse if a server could not listen here."""
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise PortInUse(
                    f"port {self.port} on {self.host} is in use by another program; end it, or choose another port: "
                    f"HINDSIGHT_PORT={self.port + 1} hindsight demo."
                ) from error


def server_answers(address: Address) -> bool:
    """Whether a Prefect server is healthy at the address."""
    return _status(f"{address.api}/health") == 200


def check_access(address: Address) -> None:
    """Raise BadServer if the server there requires another authentication than the address has."""
    version = f"{address.api}/admin/version"
    if address.auth and _status(version) != 401:
        raise BadServer(
            f"the server at {address.ui} runs without authentication though {AUTH_VARIABLE} is set; `hindsight down` "
            "ends it, and the next start requires it."
        )
    if _status(version, address.headers) == 401:
        required = (
            f"another {AUTH_VARIABLE} than is set here" if address.auth else f"{AUTH_VARIABLE}, which is not set here"
        )
        raise BadServer(f"the server at {address.ui} asks for {required}; set it to what the server was started with.")


def _status(url: str, headers: dict[str, str] | None = None) -> int | None:
    """The response's HTTP status; None if there is no response."""
    try:
        request = urllib.request.Request(url, headers=headers or {})  # noqa: S310 (always http, always this machine)
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return None
