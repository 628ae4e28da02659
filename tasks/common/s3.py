"""The one S3 configuration, from the environment, of botocore's client and of s3fs.

`client_arguments` and `config_arguments` are what both clients take; `storage_options` is the same for fsspec, pandas
and `datasets`; `tasks.common.urls` reads with it.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tasks.common.errors import BadEnvironment

N_ATTEMPTS = 12
"""With botocore's growing pauses (at most 20 s): half a minute and more of a server that is down or overloaded."""
PROTOCOLS = ("s3", "s3a")


def client_arguments() -> dict[str, Any]:
    """Endpoint and region. botocore finds keys, and what is left out here: AWS_ENDPOINT_URL, profiles, roles."""
    arguments = {
        "endpoint_url": os.environ.get("HINDSIGHT_S3_ENDPOINT"),
        "region_name": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
    }
    return {name: value for name, value in arguments.items() if value}


def config_arguments(n_attempts: int) -> dict[str, Any]:
    """Timeouts, retries and checksums, for botocore's `Config`.

    Args:
        n_attempts: Attempts per request at most.

    Raises:
        BadEnvironment: If the environment's timeout is not a positive number.
    """
    seconds = _timeout()
    return {
        "connect_timeout": seconds,
        "read_timeout": seconds,
        "retries": {"mode": "standard", "total_max_attempts": n_attempts},
        "tcp_keepalive": True,
        # Blobs are hashed on both sides; servers accept wrong checksums, and answer a range with the whole object's.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }


def storage_options(url: str) -> dict[str, Any]:
    """The same for fsspec, pandas and `datasets`; empty for a URL without S3. Nothing is cached between two calls.

    Args:
        url: Path or URL, also a chain such as `simplecache::s3://bucket/file`.

    Raises:
        BadEnvironment: If the environment's timeout is not a positive number.
    """
    *outer, inner = url.split("::")
    protocol = inner.partition("://")[0]
    if protocol not in PROTOCOLS:
        return {}
    client = client_arguments()
    options = {
        **({"endpoint_url": client.pop("endpoint_url")} if "endpoint_url" in client else {}),
        "client_kwargs": client,
        "config_kwargs": config_arguments(N_ATTEMPTS),
        "use_listings_cache": False,
        # A cached instance would keep the keys of its first use.
        "skip_instance_cache": True,
    }
    return {protocol: options} if outer else options


@contextmanager
def os_errors() -> Iterator[None]:
    """Raise botocore's own errors, which s3fs lets through, as the OSError that a reader of files expects."""
    from botocore import exceptions, parsers

    try:
        yield
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise PermissionError("no S3 keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError) as error:
        # Its text holds the endpoint, and that may hold a password.
        raise ConnectionError(
            f"no answer from the S3 server ({type(error).__name__}); see HINDSIGHT_S3_ENDPOINT and the network"
        ) from error
    except parsers.ResponseParserError as error:
        raise OSError("the S3 server's answer is not S3's XML; see HINDSIGHT_S3_ENDPOINT") from error
    except exceptions.BotoCoreError as error:
        raise OSError(str(error)) from error


def response_of(error: BaseException) -> tuple[int, str] | None:
    """HTTP status, and code and text, of the response behind an error of s3fs; None if there is none."""
    from botocore.exceptions import ClientError

    if not isinstance(error.__cause__, ClientError):
        return None
    response = error.__cause__.response
    said = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], f"{said.get('Code', '')}: {said.get('Message', '')}"


def _timeout() -> float:
    value = os.environ.get("HINDSIGHT_S3_TIMEOUT", "60")
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise BadEnvironment(f"HINDSIGHT_S3_TIMEOUT={value!r} is not a positive number of seconds, such as 60.")
    return seconds
