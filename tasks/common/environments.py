"""Environments beside the pipeline's: where each is, and from where its processes import this project's code."""

import os
from pathlib import Path

from tasks.common.settings import is_checkout, project_root, state_dir

INSTALLED = ".installed"
"""Written by the installation (`deployments.install`) as its last step. That code runs before pydantic is there, so it
has the name too."""


def environment_dir(name: str) -> Path:
    """Folder of an environment: `.venv-NAME` of a checkout, else `NAME` in the state folder.

    Args:
        name: `trainer` or `export`, as in `constraints-trainer.txt` and `hindsight install-trainer`.
    """
    root = project_root()
    return root / f".venv-{name}" if is_checkout(root) else state_dir() / name


def interpreter(name: str) -> tuple[Path, str | None]:
    """An environment's Python, and None, or the sentence that says why it cannot be run.

    Args:
        name: Of the environment; `HINDSIGHT_NAME_PYTHON` names another Python.
    """
    variable = f"HINDSIGHT_{name.upper()}_PYTHON"
    named, folder = os.environ.get(variable), environment_dir(name)
    python = Path(named) if named else folder / "bin" / "python"
    if not os.access(python, os.X_OK):
        problem = f"interpreter {python} is missing or cannot be run"
    elif not named and not (folder / INSTALLED).exists():
        problem = f"environment {folder} is incomplete, because its installation did not end"
    else:
        return python, None
    command = f"hindsight install-{name}"
    return python, f"{problem}; `{command}` installs it (in a checkout `make install`), {variable} names another."


def import_path() -> Path:
    """A folder from which another environment imports `tasks`, and nothing of this environment."""
    root = project_root()
    if is_checkout(root):
        return root
    link = state_dir() / "import-path" / "tasks"
    link.parent.mkdir(parents=True, exist_ok=True)
    package = Path(__file__).resolve().parents[1]
    if link.resolve() != package:
        # Another run may do the same at this moment.
        made = link.with_name(f"tasks-{os.getpid()}")
        made.symlink_to(package, target_is_directory=True)
        made.replace(link)
    return link.parent.absolute()
