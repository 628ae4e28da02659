"""An S3 client configured by the environment, its request bodies, and its errors as messages for a person."""

import io
import os
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.session import get_session

from tasks.common.s3 import N_ATTEMPTS, client_arguments, config_arguments
from tasks.store.digests import BUFFER_BYTES
from tasks.store.errors import StoreError, StoreRefused, StoreUnreachable
from tasks.store.parallel import n_transfers

CAUSES = {
    "InvalidAccessKeyId": "the server does not know this key id; set AWS_ACCESS_KEY_ID to one it knows",
    "SignatureDoesNotMatch": "the secret key does not belong to this key id; set AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the session token has expired; fetch new keys",
    "NoSuchBucket": "the bucket does not exist; create it or name another in HINDSIGHT_STORE",
    "AccessDenied": "these keys lack the right to do this; grant them read, write, delete and list, or use other keys",
    "RequestTimeTooSkewed": "this machine's clock and the server's differ by more than it allows; set the clock (NTP)",
}
SYNONYMS = {
    **{"403": "AccessDenied", "Forbidden": "AccessDenied", "AllAccessDisabled": "AccessDenied"},
    # Of answers without a body botocore gives the status as the code.
    **{"501": "NotImplemented", "412": "PreconditionFailed", "409": "ConditionalRequestConflict"},
}
RETRYABLE = {"IncompleteBody", "RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable"}


class ChunkBody:
    """A chunk in memory as the body of one request, sent a buffer at a time without a copy.

    botocore copies plain bytes into one buffer with the headers, and a socket's timeout bounds the sending of the whole
    buffer: a chunk on a slow line would never arrive. Sent in small buffers, the timeout bounds the silence, as it
    should. A body with `read` is also announced (`Expect: 100-continue`), so that a refusal costs no transfer.

    Args:
        content: The chunk; it must not change meanwhile.
    """

    def __init__(self, content: bytes | bytearray) -> None:
        self.content = memoryview(content)
        self.position = 0

    def __len__(self) -> int:
        return len(self.content)

    def read(self, _size: int = -1) -> memoryview:
        """The next buffer, of any requested size: urllib3 asks for 16 KiB and sends what it gets."""
        buffer = self.content[self.position : self.position + BUFFER_BYTES]
        self.position += len(buffer)
        return buffer

    def tell(self) -> int:
        """Bytes read."""
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, as a retry does."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: len(self.content)}[whence]
        self.position = base + offset
        return self.position


def s3_client(n_attempts: int | None = None) -> Any:
    """A botocore client for S3 with at most `n_attempts` (None: N_ATTEMPTS) per request; threads may share it.

    Raises:
        BadEnvironment: If the environment's timeout is not a positive number.
    """
    session = get_session()
    session.register_component("data_loader", _loader())
    config = Config(
        **config_arguments(n_attempts or N_ATTEMPTS),
        max_pool_connections=n_transfers() + 2,
        # Every blob is hashed here, read back and hashed again: a signature of the body would be one more pass.
        s3={"payload_signing_enabled": False},
    )
    return session.create_client("s3", **client_arguments(), config=config)


def encryption() -> dict[str, str]:
    """Upload arguments for server-side encryption: HINDSIGHT_S3_SSE and HINDSIGHT_S3_KMS_KEY.

    Raises:
        StoreError: If the environment names an encryption that S3 does not have.
    """
    kind, key = os.environ.get("HINDSIGHT_S3_SSE", ""), os.environ.get("HINDSIGHT_S3_KMS_KEY", "")
    if kind not in ("", "AES256", "aws:kms"):
        raise StoreError(f"HINDSIGHT_S3_SSE={kind!r} is not an encryption of S3; set AES256 or aws:kms, or unset it.")
    if key and kind != "aws:kms":
        raise StoreError("HINDSIGHT_S3_KMS_KEY is set, but HINDSIGHT_S3_SSE is not aws:kms; set both or neither.")
    return ({"ServerSideEncryption": kind} if kind else {}) | ({"SSEKMSKeyId": key} if key else {})


def as_store_error(error: Exception, what: str, url: str, endpoint: str) -> StoreError:
    """A client's error as StoreRefused or StoreUnreachable.

    Args:
        error: From botocore.
        what: The request, such as `put blobs/ab12`.
        url: The store.
        endpoint: The server's address; a name and password in it are left out.
    """
    where = f"{what} in {url} at {_without_password(endpoint)}"
    if not isinstance(error, ClientError):
        if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
            return StoreRefused(f"{where}: no keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", "NoCredentials")
        return StoreUnreachable(f"{where}: no answer ({type(error).__name__}); is the server up and the network open?")
    reply, status = error.response.get("Error", {}), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = SYNONYMS.get(str(reply.get("Code", "")), str(reply.get("Code", "")))
    if code in CAUSES:
        clocks = f" (server {reply['ServerTime']}, here {reply.get('RequestTime')})" if "ServerTime" in reply else ""
        return StoreRefused(f"{where}: {code}: {CAUSES[code]}{clocks}.", code)
    text = str(reply.get("Message", ""))[:200].rstrip(".")
    message = f"{where}: the server answered {status} {code}: {text}. See the server's log."
    is_retryable = code in RETRYABLE or (status >= 500 and code != "NotImplemented")
    return StoreUnreachable(message) if is_retryable else StoreRefused(message, code)


@cache
def _loader() -> Any:
    """Botocore's description of S3, a megabyte of JSON, read once per process; keys are read anew by each client."""
    return create_loader()


def _without_password(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
