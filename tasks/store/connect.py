"""From a store's URL to a client of its objects, and a probe whether the store can be written."""

import logging
import os
import re
import uuid
from datetime import datetime
from pathlib import Path

from tasks.common.settings import state_dir, without_secrets
from tasks.store.errors import StoreError, UnwritableStore
from tasks.store.folder_objects import FolderObjects
from tasks.store.objects import Capabilities, Objects

log = logging.getLogger(__name__)


def store_url() -> str:
    """HINDSIGHT_STORE: a folder or `s3://bucket/prefix`; by default `store` in the state folder."""
    return os.environ.get("HINDSIGHT_STORE") or str(state_dir() / "store")


def open_objects(url: str, n_attempts: int | None = None) -> Objects:
    """A new client of the objects below a store URL. Keys, endpoint and timeout come from the environment.

    Args:
        url: A folder or `s3://bucket[/prefix]`.
        n_attempts: Attempts per request at most; None for the many of a long transfer.

    Raises:
        StoreError: If the URL is neither a local path nor `s3://bucket[/prefix]`, or has keys in it.
    """
    if (shown := without_secrets(url)) != url:
        raise StoreError(
            f"HINDSIGHT_STORE={shown!r} has user information or a query string, which records and logs would show; "
            "give keys as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    if url.startswith("s3://"):
        # Loading the S3 client takes time that only a store on S3 needs.
        from tasks.store.s3_objects import S3Objects

        return S3Objects.from_environment(url, n_attempts)
    if re.match(r"\w+:/", url):
        raise StoreError(f"HINDSIGHT_STORE={url!r} is neither a folder nor s3://bucket/prefix; set it to one of them.")
    return FolderObjects(Path(url).expanduser().absolute())


def store_time(objects: Objects) -> datetime:
    """What time it is by the clock that stamps the store's objects, UTC; S3 gives whole seconds."""
    name = f"probe/{uuid.uuid4().hex}"
    objects.write(name, b"what time is it")
    (stamped,) = [found.modified for found in objects.list(name)]
    objects.delete(name)
    return stamped


def probe_objects(objects: Objects) -> Capabilities:
    """Write a few bytes, read them back, list and delete them, and find out what the server enforces.

    Args:
        objects: A client of few attempts, since a person waits for the answer.

    Raises:
        UnwritableStore: If any of it fails.
    """
    name, content = f"probe/{uuid.uuid4().hex}", os.urandom(64)
    try:
        objects.write(name, content)
        returned = objects.read(name)
        listed = [info.size for info in objects.list(name)]
        found = objects.capabilities(f"{name}-")
        objects.delete(name)
    except StoreError as error:
        raise UnwritableStore(f"store {objects.url} cannot be written: {error}") from error
    except OSError as error:
        raise UnwritableStore(
            f"store {objects.url} cannot be written: {type(error).__name__}: {error}. Set HINDSIGHT_STORE to a folder "
            "or bucket you may write, for S3 also HINDSIGHT_S3_ENDPOINT and the AWS_* keys."
        ) from error
    if returned != content or listed != [len(content)]:
        raise UnwritableStore(f"store {objects.url} returned other bytes than were written; use another store.")
    log.info("store %s: %s", objects.url, found)
    return found
