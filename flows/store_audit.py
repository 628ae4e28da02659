"""The weekly audit of the store: every artifact is read and hashed again, and damaged ones are named."""

import logging
from typing import Any, cast

from prefect import flow
from prefect.artifacts import create_table_artifact

from tasks.store.audit import AuditConfig, audit
from tasks.store.findings import Audit
from tasks.store.store import open_store

log = logging.getLogger(__name__)

MAX_ROWS = 1000
"""The UI loads a table whole."""


@flow(name="store-audit")
def store_audit(config: AuditConfig = AuditConfig()) -> str:  # noqa: B008 - frozen
    """Read artifacts again and hash them with a fresh client; fails with the names of those that are damaged.

    Args:
        config: Which artifacts. By default all of them.
    """
    found = audit(open_store(), config)
    for sentence in found.leases:
        log.warning("%s", sentence)
    for path in found.never_fit:
        log.warning("artifact %s is larger than max_gigabytes = %s: it is never read again", path, config.max_gigabytes)
    log.info("%s", found.summary)
    _show(found)
    found.check()
    return found.summary


def _show(found: Audit) -> None:
    rows = [finding.row() for finding in found.findings[:MAX_ROWS]]
    if (n_more := len(found.findings) - len(rows)) > 0:
        rows.append({"artifact": f"and {n_more} more", "verdict": "a whole one has its receipt in the store"})
    text = "\n\n".join([found.summary, *found.leases])
    create_table_artifact(table=cast(list[dict[str, Any]], rows), key="store-audit", description=text)
