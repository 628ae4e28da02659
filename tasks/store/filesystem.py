"""What the environment says of the store: where it is, how much is in flight at once."""

import os

from tasks.common.settings import state_dir
from tasks.store.errors import StoreError


def store_url() -> str:
    """HINDSIGHT_STORE: a folder or `s3://bucket/prefix`; by default `store` in the state folder."""
    return os.environ.get("HINDSIGHT_STORE") or str(state_dir() / "store")


def n_transfers() -> int:
    """HINDSIGHT_TRANSFERS: blobs in flight at once, 8 by default; each upload holds one chunk in memory.

    Raises:
        StoreError: If it is no number from 1 to 64.
    """
    value = os.environ.get("HINDSIGHT_TRANSFERS", "8")
    if not value.isdecimal() or not 1 <= int(value) <= 64:
        raise StoreError(f"HINDSIGHT_TRANSFERS={value!r} is no number from 1 to 64.")
    return int(value)
