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
from tasks.store.s3_client import ChunkBody, as_store_error, encryption, s3_client

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
        return self._whole(name, Range=f"bytes={start}-{stop - 1}") if start < stop else b""

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
            if error.code == "NotImplemented":
                self.write(name, content)
            elif error.code in EXISTS:
                # A first attempt may have succeeded and lost its reply; the second was then refused.
                return self._holds(name, content)
            else:
                raise
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
        for page in self._pages("list_objects_v2", prefix):
            for found in page.get("Contents", []):
                name = found["Key"].removeprefix(self.prefix)
                yield ObjectInfo(name, found["Size"], found["LastModified"].astimezone(UTC))

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._ask("delete_object", name)

    def unfinished_uploads(self) -> Iterator[UnfinishedUpload]:
        try:
            for page in self._pages("list_multipart_uploads", ""):
                for found in page.get("Uploads", []):
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
                conditional_writes=not self._accepts(names[0], IfNoneMatch="*"),
                checks_sha256=not self._accepts(names[1], ChecksumSHA256=wrong_sha256),
                checks_md5=not self._accepts(names[2], ContentMD5=wrong_md5),
            )
        finally:
            for name in names:
                self.delete(name)

    def _accepts(self, name: str, **arguments: str) -> bool:
        try:
            self._put(name, b"second", **arguments)
        except StoreError:
            return False
        return True

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

    def _pages(self, operation: str, prefix: str) -> Iterator[dict[str, Any]]:
        # A listing that breaks off later cannot begin anew: its first names were yielded already.
        first, pages = self._retry(lambda: self._first_page(operation, prefix))
        yield first
        try:
            yield from pages
        except (ClientError, BotoCoreError) as error:
            raise self._store_error(error, operation, prefix) from error

    def _first_page(self, operation: str, prefix: str) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
        pages = iter(self.client.get_paginator(operation).paginate(Bucket=self.bucket, Prefix=self._key(prefix)))
        try:
            return next(pages), pages
        except (ClientError, BotoCoreError) as error:
            # A listing may be empty, never absent: a 404 without its reason (its body was cut) is a refusal.
            raise self._store_error(error, operation, prefix) from error

    def _store_error(self, error: Exception, operation: str, name: str) -> StoreError:
        return as_store_error(error, f"{operation} {name}", self.url, str(self.client.meta.endpoint_url))

    def _key(self, name: str) -> str:
        return f"{self.prefix}{check_name(name, self.url)}"
