"""Objects in an S3 bucket: one request per object, nothing cached, every failure a message for a person."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from tasks.common.retry import exponential, retry
from tasks.store.digests import BUFFER_BYTES
from tasks.store.errors import CutAnswer, StoreError, StoreRefused, StoreUnreachable
from tasks.store.objects import Capabilities, ObjectInfo, UnfinishedUpload, check_name
from tasks.store.s3_client import CAUSES, ChunkBody, as_store_error, encryption, s3_client
from tasks.store.s3_listing import list_keys, list_uploads

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS = 180.0
"""How long a request is retried after the client's own attempts, which bridge about a minute, are used up: they share a
quota of a hundred among all requests, which a transfer of eight blobs at once exhausts."""
N_READS = 3
"""Attempts to read an object whose answer is cut."""
ABSENT = ("NoSuchKey", "NotFound", "404")
NO_UPLOAD_LISTING = ("NotImplemented", "NoSuchUpload", "404")
"""Answers of servers that cannot list unfinished uploads; the second is rclone 1.75.2's."""
EXISTS = ("PreconditionFailed", "ConditionalRequestConflict")
"""Answers of 412 and 409: the only ones that enforce `If-None-Match`."""
OTHER_BYTES = (
    *("BadDigest", "InvalidDigest", "InvalidRequest"),
    *("XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"),
)
"""Answers that enforce a checksum."""


class S3Objects:
    """Below `s3://bucket/prefix`.

    Args:
        url: The store's URL.
        client: botocore's, for S3; threads share it.
        upload_arguments: Of every upload, such as its encryption.
        retry_seconds: How long a request is retried after the client's own attempts.
    """

    def __init__(self, url: str, client: Any, upload_arguments: dict[str, str], retry_seconds: float = 0.0) -> None:
        self.url = url
        self.retry_seconds = retry_seconds
        self.bucket, _, prefix = url.removeprefix("s3://").strip("/").partition("/")
        if not self.bucket:
            raise StoreError(f"HINDSIGHT_STORE={url!r} names no bucket; write s3://bucket or s3://bucket/prefix.")
        self.prefix = f"{prefix}/" if prefix else ""
        self.client = client
        self.upload_arguments = upload_arguments

    @classmethod
    def from_environment(cls, url: str, n_attempts: int | None = None) -> "S3Objects":
        """A new client with the environment's keys, endpoint, timeout and encryption."""
        retry_seconds = RETRY_SECONDS if n_attempts is None else 0.0
        return cls(url, s3_client(n_attempts), encryption(), retry_seconds)

    def read(self, name: str) -> bytes:
        return self._whole(name)

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        if start >= stop:
            return b""
        content = self._whole(name, Range=f"bytes={start}-{stop - 1}")
        # More bytes than the range has are the whole object: the server knows no ranges.
        return content[start:stop] if len(content) > stop - start else content

    def stream(self, name: str, **arguments: str) -> Iterator[bytes]:
        body = self._ask("get_object", name, **arguments)["Body"]
        try:
            yield from body.iter_chunks(BUFFER_BYTES)
        except (BotoCoreError, HTTPError, OSError) as error:
            raise CutAnswer(f"get {name} in {self.url}: the answer broke off ({type(error).__name__}).") from error
        finally:
            body.close()

    def write(self, name: str, content: bytes | bytearray) -> None:
        try:
            self._put(name, content)
        except StoreUnreachable:
            # The reply may be what was lost, not the object.
            if not self._holds(name, content):
                raise

    def write_new(self, name: str, content: bytes | bytearray) -> bool:
        if self.size(name) is not None:
            return False
        try:
            self._put(name, content, IfNoneMatch="*")
        except StoreRefused as error:
            if error.code in EXISTS:
                # A first attempt may have succeeded and lost its reply; the second was then refused.
                return self._holds(name, content)
            if error.code in CAUSES:
                raise
            # The server may not know the condition; whatever else it refuses, it refuses without the condition too.
            self.write(name, content)
        except StoreUnreachable:
            if not self._holds(name, content):
                raise
        return True

    def size(self, name: str) -> int | None:
        try:
            return int(self._ask("head_object", name)["ContentLength"])
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for found in list_keys(self._list_page, self._key(prefix)):
            name = found["Key"].removeprefix(self.prefix)
            yield ObjectInfo(name, found["Size"], found["LastModified"].astimezone(UTC))

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._ask("delete_object", name)

    def unfinished_uploads(self) -> Iterator[UnfinishedUpload]:
        try:
            for found in list_uploads(self._list_page, self._key("")):
                name, started = found["Key"].removeprefix(self.prefix), found["Initiated"].astimezone(UTC)
                yield UnfinishedUpload(name, found["UploadId"], started)
        except StoreRefused as error:
            if error.code not in NO_UPLOAD_LISTING:
                raise
            log.warning("%s: the server does not list unfinished uploads (%s)", self.url, error.code)

    def abort(self, upload: UnfinishedUpload) -> None:
        try:
            self._ask("abort_multipart_upload", upload.name, UploadId=upload.upload_id)
        except FileNotFoundError:
            return
        except StoreRefused as error:
            if error.code != "NoSuchUpload":
                raise

    def capabilities(self, scratch: str) -> Capabilities:
        wrong_sha256, wrong_md5 = "A" * 43 + "=", "A" * 22 + "=="
        names = [f"{scratch}{suffix}" for suffix in ("new", "sha256", "md5")]
        try:
            self._put(names[0], b"first")
            return Capabilities(
                conditional_writes=self._refusal(names[0], IfNoneMatch="*") in EXISTS,
                checks_sha256=self._refusal(names[1], ChecksumSHA256=wrong_sha256) in OTHER_BYTES,
                checks_md5=self._refusal(names[2], ContentMD5=wrong_md5) in OTHER_BYTES,
            )
        finally:
            for name in names:
                self.delete(name)

    def _refusal(self, name: str, **arguments: str) -> str:
        """The code with which the server refuses an object; empty if it takes it."""
        try:
            self._put(name, b"second", **arguments)
        except StoreRefused as error:
            return error.code
        return ""

    def _put(self, name: str, content: bytes | bytearray, **arguments: str) -> None:
        body = content if len(content) <= BUFFER_BYTES else ChunkBody(content)
        self._ask("put_object", name, Body=body, **self.upload_arguments, **arguments)

    def _whole(self, name: str, **arguments: str) -> bytes:
        for _ in range(N_READS - 1):
            with suppress(CutAnswer):
                return b"".join(self.stream(name, **arguments))
        return b"".join(self.stream(name, **arguments))

    def _holds(self, name: str, content: bytes | bytearray) -> bool:
        try:
            return hashlib.sha256(self.read(name)).digest() == hashlib.sha256(content).digest()
        except (StoreError, FileNotFoundError):
            return False

    def _ask(self, operation: str, name: str, **arguments: Any) -> dict[str, Any]:
        return self._retry(lambda: self._ask_once(operation, name, arguments))

    def _retry(self, request: Callable[[], T]) -> T:
        return retry(
            request,
            f"store {self.url}",
            is_retryable=lambda error: isinstance(error, StoreUnreachable),
            wait=exponential(1.0, 10.0),
            max_seconds=self.retry_seconds,
        )

    def _ask_once(self, operation: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if isinstance(body := arguments.get("Body"), ChunkBody):
            body.seek(0)
        try:
            return dict(getattr(self.client, operation)(Bucket=self.bucket, Key=self._key(name), **arguments))
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in ABSENT:
                raise FileNotFoundError(f"{name} in {self.url}") from error
            raise self._store_error(error, operation, name) from error

    def _list_page(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return self._retry(lambda: self._list_page_once(operation, arguments))

    def _list_page_once(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return dict(getattr(self.client, operation)(Bucket=self.bucket, **arguments))
        except (ClientError, BotoCoreError) as error:
            # A listing may be empty, never absent: a 404 without its reason (its body was cut) is a refusal.
            raise self._store_error(error, operation, arguments["Prefix"]) from error

    def _store_error(self, error: Exception, operation: str, name: str) -> StoreError:
        return as_store_error(error, f"{operation} {name}", self.url, str(self.client.meta.endpoint_url))

    def _key(self, name: str) -> str:
        return f"{self.prefix}{check_name(name, self.url)}"
