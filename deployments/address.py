"""Where the local server listens."""

import os
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass

from tasks.errors import HindsightError

DEFAULT_PORT = 4200


class PortInUse(HindsightError):
    """Something else listens where the server should."""


class BadPort(HindsightError):
    """HINDSIGHT_PORT is no port."""


@dataclass(frozen=True)
class Address:
    """The local server's host and port."""

    port: int
    host: str = "127.0.0.1"

    @classmethod
    def from_environment(cls) -> "Address":
        """HINDSIGHT_PORT, or Prefect's own 4200."""
        text = os.environ.get("HINDSIGHT_PORT", str(DEFAULT_PORT))
        if not (text.isdecimal() and 1024 <= int(text) <= 65535):
            raise BadPort(f"HINDSIGHT_PORT={text!r} is no port from 1024 to 65535.")
        return cls(int(text))

    @property
    def ui(self) -> str:
        """The UI's address."""
        return f"http://{self.host}:{self.port}"

    @property
    def api(self) -> str:
        """The API's address."""
        return f"{self.ui}/api"

    def refuse_if_taken(self) -> None:
        """Raise PortInUse if a server could not listen here."""
        with socket.socket() as probe:
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
    try:
        with urllib.request.urlopen(f"{address.api}/health", timeout=5) as answer:  # noqa: S310 (always http, always local)
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
