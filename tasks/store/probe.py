"""Whether a store can be written, and what its server enforces: asked once, before any work."""

import logging
import os
import uuid

from tasks.store.capabilities import Capabilities
from tasks.store.errors import StoreError, UnwritableStore
from tasks.store.objects import Objects

log = logging.getLogger(__name__)


def probe_objects(objects: Objects) -> Capabilities:
    """Write a few bytes, read them back, list and delete them, and try what the server refuses.

    Args:
        objects: A client of few attempts: a person waits for the answer.

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
        raise UnwritableStore(f"store {objects.url} returned other bytes than it was given; keep nothing there.")
    log.info("store %s: %s", objects.url, found)
    return found
