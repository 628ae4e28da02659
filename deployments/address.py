"""Where the local server listens, and how it is asked."""

import base64
import ipaddress
import os
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from deployments.access import AUTH_VARIABLE, WrongAccess, auth_from_environment, host_from_environment
from tasks.common.errors import HindsightError

DEFAULT_PORT = 4200
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (refused without authentication)
"""Who listens everywhere is asked here."""


class PortInUse(HindsightError):
    """Something else listens where the server should."""


class BadPort(HindsightError):
    """HINDSIGHT_PORT is no port."""


@dataclass(frozen=True)
class Address:
    """The local server's host and port.

    Args:
        port: Where it listens.
        host: IP address it listens on.
        auth: `user:password` that it asks for; None lets everybody in.
    """

    port: int
    host: str = "127.0.0.1"
    auth: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> "Address":
        """HINDSIGHT_PORT or Prefect's own 4200, HINDSIGHT_HOST or this machine alone, HINDSIGHT_AUTH or nobody asked.

        Raises:
            BadPort: If the port is none.
            BadAuth: If the authentication is not `user:password`.
            BadHost: If the host is no IP address.
            OpenToAll: If other machines could reach a server that asks nobody.
        """
        text = os.environ.get("HINDSIGHT_PORT", str(DEFAULT_PORT))
        if not (text.isdecimal() and 1024 <= int(text) <= 65535):
            raise BadPort(f"HINDSIGHT_PORT={text!r} is no port from 1024 to 65535.")
        auth = auth_from_environment()
        return cls(int(text), host_from_environment(auth), auth)

    @property
    def ui(self) -> str:
        """The UI's address."""
        host = EVERYWHERE.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def api(self) -> str:
        """The API's address."""
        return f"{self.ui}/api"

    @property
    def is_open(self) -> bool:
        """Whether other machines reach it."""
        return not ipaddress.ip_address(self.host).is_loopback

    @property
    def headers(self) -> dict[str, str]:
        """What a request says to be let in."""
        return {"Authorization": f"Basic {base64.b64encode(self.auth.encode()).decode()}"} if self.auth else {}

    def refuse_if_taken(self) -> None:
        """Raise PortInUse if a server could not listen here."""
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise PortInUse(
                    f"port {self.port} on {self.host} is in use by another program; end it, or choose another port: "
                    f"HINDSIGHT_PORT={self.port + 1} make demo."
                ) from error


def server_answers(address: Address) -> bool:
    """Whether a Prefect server is healthy at the address."""
    return _status(f"{address.api}/health") == 200


def refuse_other_access(address: Address) -> None:
    """Raise WrongAccess if the server there lets in others than the address says."""
    version = f"{address.api}/admin/version"
    if address.auth and _status(version) != 401:
        raise WrongAccess(
            f"the server at {address.ui} runs without authentication though {AUTH_VARIABLE} is set; `make down` ends "
            "it, and the next start asks for it."
        )
    if _status(version, address.headers) == 401:
        said = (
            f"another {AUTH_VARIABLE} than is set here" if address.auth else f"{AUTH_VARIABLE}, which is not set here"
        )
        raise WrongAccess(f"the server at {address.ui} asks for {said}; set it to what the server was started with.")


def _status(url: str, headers: dict[str, str] | None = None) -> int | None:
    """The answer's HTTP status; None where nobody answers."""
    try:
        request = urllib.request.Request(url, headers=headers or {})  # noqa: S310 (always http, always this machine)
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return None
