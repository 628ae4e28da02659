"""An S3 client as the environment describes it, and its errors as sentences."""

import os
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.session import get_session

from tasks.store.errors import StoreError, StoreRefused, StoreUnreachable
from tasks.store.filesystem import n_transfers

N_ATTEMPTS = 12
"""With botocore's growing pauses (at most 20 s): half a minute and more of a server that is down or overloaded."""

CAUSES = {
    "InvalidAccessKeyId": "the server does not know this key id; set AWS_ACCESS_KEY_ID to one it knows",
    "SignatureDoesNotMatch": "the secret key is not the one of this key id; set AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the session token has expired; fetch new keys",
    "NoSuchBucket": "the bucket does not exist; create it or name another in HINDSIGHT_STORE",
    "AccessDenied": "these keys may not do that here; grant them read, write, delete and list, or use other keys",
    "RequestTimeTooSkewed": "this machine's clock and the server's differ by more than it allows; set the clock (NTP)",
}
SAME_CAUSE = {"403": "AccessDenied", "Forbidden": "AccessDenied", "AllAccessDisabled": "AccessDenied"}
TRY_AGAIN = {"IncompleteBody", "RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable"}


def s3_client(n_attempts: int | None = None) -> Any:
    """A botocore client for S3; threads may share it.

    Args:
        n_attempts: How often a request is tried at most, N_ATTEMPTS if None.

    Raises:
        StoreError: If the environment's timeout is no positive number.
    """
    seconds = _timeout()
    session = get_session()
    session.register_component("data_loader", _loader())
    return session.create_client(
        "s3",
        region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        endpoint_url=os.environ.get("HINDSIGHT_S3_ENDPOINT") or None,
        config=Config(
            connect_timeout=seconds,
            read_timeout=seconds,
            retries={"mode": "standard", "total_max_attempts": n_attempts or N_ATTEMPTS},
            max_pool_connections=n_transfers() + 2,
            tcp_keepalive=True,
            # Every blob is hashed here, read back and hashed again: another checksum on the way proves nothing more
            # (servers were seen to accept wrong ones) and costs a pass over the bytes. For the same reason the
            # signature covers the headers only.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"payload_signing_enabled": False},
        ),
    )


def encryption() -> dict[str, str]:
    """What every upload says about server-side encryption: HINDSIGHT_S3_SSE and HINDSIGHT_S3_KMS_KEY.

    Raises:
        StoreError: If the environment asks for an encryption that S3 does not know.
    """
    kind, key = os.environ.get("HINDSIGHT_S3_SSE", ""), os.environ.get("HINDSIGHT_S3_KMS_KEY", "")
    if kind not in ("", "AES256", "aws:kms"):
        raise StoreError(f"HINDSIGHT_S3_SSE={kind!r} is no encryption S3 knows; write AES256 or aws:kms, or unset it.")
    if key and kind != "aws:kms":
        raise StoreError("HINDSIGHT_S3_KMS_KEY is set, yet HINDSIGHT_S3_SSE is not aws:kms; set both or neither.")
    return ({"ServerSideEncryption": kind} if kind else {}) | ({"SSEKMSKeyId": key} if key else {})


def as_sentence(error: Exception, what: str, url: str, endpoint: str) -> StoreError:
    """A client's error as ours: refused for good, or no answer.

    Args:
        error: Of botocore.
        what: What was asked, such as `put blobs/ab12`.
        url: The store.
        endpoint: The server's address; a name and password in it are left out.
    """
    where = f"{what} in {url} at {_without_secrets(endpoint)}"
    if not isinstance(error, ClientError):
        if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
            return StoreRefused(f"{where}: no keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", "NoCredentials")
        return StoreUnreachable(f"{where}: no answer ({type(error).__name__}); is the server up and the network open?")
    said, status = error.response.get("Error", {}), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = SAME_CAUSE.get(str(said.get("Code", "")), str(said.get("Code", "")))
    if code in CAUSES:
        clocks = f" (server {said['ServerTime']}, here {said.get('RequestTime')})" if "ServerTime" in said else ""
        return StoreRefused(f"{where}: {code}: {CAUSES[code]}{clocks}.", code)
    message = str(said.get("Message", ""))[:200].rstrip(".")
    sentence = f"{where}: the server says {status} {code}: {message}. Its own log says more."
    passing = code in TRY_AGAIN or (status >= 500 and code != "NotImplemented")
    return StoreUnreachable(sentence) if passing else StoreRefused(sentence, code)


@cache
def _loader() -> Any:
    """What botocore knows of S3, a megabyte of JSON, read once per process; keys are read anew by each client."""
    return create_loader()


def _timeout() -> float:
    value = os.environ.get("HINDSIGHT_S3_TIMEOUT", "60")
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise StoreError(f"HINDSIGHT_S3_TIMEOUT={value!r} is no positive number of seconds.")
    return seconds


def _without_secrets(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
