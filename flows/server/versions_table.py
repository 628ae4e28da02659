"""The table of a line's versions in the UI."""

from typing import Any, cast

from prefect.artifacts import create_table_artifact

from flows.server.flow_runs import artifact_key
from tasks.versions.history import History
from tasks.versions.table import move_rows, version_rows


def publish_versions(history: History, what: str) -> None:
    """Publish the artifact `versions-LINE`.

    Args:
        history: The line's.
        what: What happened last.
    """
    create_table_artifact(
        table=cast(list[dict[str, Any]], version_rows(history)),
        key=artifact_key("versions", history.line),
        description=f"{history.line}: {what} after {len(move_rows(history))} moves",
    )
