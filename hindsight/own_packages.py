"""Whether `tasks`, `flows` and `deployments` are this distribution's: a user's folder of that name would hide them."""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

NAMES = ("tasks", "flows", "deployments")


def check_own_packages(names: Sequence[str] = NAMES) -> None:
    """Check, without importing them, that this distribution's packages are the ones that Python finds.

    Args:
        names: Packages that will be imported.

    Raises:
        ImportError: If another package or module of one of the names hides it. Names both, and the way out.
    """
    own_root = Path(__file__).resolve().parents[1]
    for name in names:
        found = _found(name)
        if found and (own_root / name) not in found:
            raise ImportError(
                f"hindsight needs its own package {name} in {own_root / name}, but Python finds {found[0]} first. "
                f"Rename {found[0]}, or start Python where {found[0].parent} is not on sys.path: "
                "the folder of a script, or the one that Python or a notebook was started in, is.",
                name=name,
                path=str(found[0]),
            )


def _found(name: str) -> list[Path]:
    """Folders of the package of a name, or the file of a module; empty if there is none."""
    loaded = sys.modules.get(name)
    spec = loaded.__spec__ if loaded else importlib.util.find_spec(name)
    if spec is None:
        return []
    places = spec.submodule_search_locations or filter(None, [spec.origin])
    return [Path(place).resolve() for place in places]
