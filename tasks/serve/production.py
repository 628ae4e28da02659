"""The version of a line that is in production, and its artifacts."""

from tasks.common.errors import HindsightError
from tasks.serve.errors import UnservableVersion
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions.history import Version
from tasks.versions.moves import existing_history


def in_production(store: Store, line: str) -> Version:
    """The version in production now.

    Raises:
        UnservableVersion: If none is.
        VersionError: If the line does not exist or its history is damaged.
    """
    if (found := existing_history(store, line).production) is None:
        raise UnservableVersion(
            f"no version of {line} is in production; `hindsight versions promote {line} VERSION --why REASON` puts one "
            "there."
        )
    return found


def artifacts_of(line: str, version: Version, roles: tuple[str, ...], way_out: str) -> dict[str, ArtifactRef]:
    """The version's artifacts by role.

    Args:
        line: The line.
        version: The version.
        roles: Those that are needed.
        way_out: Ends the message.

    Raises:
        UnservableVersion: If it lacks one of them.
    """
    found = version.evidence.artifacts
    if missing := [role for role in roles if role not in found]:
        raise UnservableVersion(f"{line} {version.name} has no {' and no '.join(missing)}, and {way_out}.")
    return found


def message_of(error: Exception) -> str:
    """What is shown of an error: never empty, and with its type where the text was not written for a reader."""
    text = str(error)
    return text if text and isinstance(error, HindsightError) else f"{type(error).__name__}: {text}".rstrip(": ")
