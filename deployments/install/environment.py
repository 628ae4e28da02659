"""Makes an environment from a list of pins, in steps; the marker `.installed` is written last.

Everything but torch is on the list, and every file's hash is compared (decision 0022). The last step imports what the
project imports, once: it shows that the installation works, and compiles these modules, a quarter of all.
"""

import os
import subprocess
import time
import tomllib
import venv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deployments.install.installer import Installer, installer_of, run
from tasks.common.errors import HindsightError

MARKER = ".installed"
OFFLINE = {"DO_NOT_TRACK": "1", "AXOLOTL_DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"}
IMPORTS = {
    "trainer": ("axolotl.cli.train, axolotl.train, axolotl.core.builders, torchao.optim",),
    "export": ("torch, transformers, sentencepiece", "xllamacpp"),
}
"""Of the environments beside the pipeline's."""


class InstallationFailed(HindsightError):
    """A step of an installation failed."""


@dataclass(frozen=True)
class Environment:
    """What an environment is made of.

    Args:
        folder: Where it is made.
        pins: Requirements with versions and hashes; all but torch.
        uv_pin: The requirement of uv, with hashes.
        torch: The requirement of torch.
        imports: Modules to import once; each text is one process, and they run at the same time.
        with_project: Whether the project of the current folder is installed, editable.
        torch_pins: One build of torch and what it alone requires, with hashes, as for an image; None for the build that
            the registry or pip's settings offer.
    """

    folder: Path
    pins: Path
    uv_pin: Path
    torch: str
    imports: tuple[str, ...]
    with_project: bool = False
    torch_pins: Path | None = None

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"


def install(environment: Environment, other_uv: Path | None = None) -> None:
    """Make an environment, or bring a complete one to its pins; an incomplete one is made anew.

    Args:
        environment: Its folder and contents.
        other_uv: The uv of another environment, used if it exists.

    Raises:
        InstallationFailed: If a step fails; the environment then has no marker.
    """
    started = time.monotonic()
    marker = environment.folder / MARKER
    complete = marker.exists() and environment.python.exists()
    marker.unlink(missing_ok=True)
    if not complete:
        _say(environment, "creating the environment")
        venv.create(environment.folder, clear=True, symlinks=True, with_pip=True)
    installer = installer_of(environment.python, environment.uv_pin, other_uv)
    for step, execute in _steps(environment, installer):
        _say(environment, step)
        if execute() != 0:
            raise InstallationFailed(
                f"{environment.folder}: {step} failed, as printed above. Install again once that is mended; with the "
                "variable UV set to nothing (`make install UV=`) pip installs alone."
            )
    marker.touch()
    _say(environment, f"installed in {time.monotonic() - started:.0f} s")


def pinned_torch(project: Path) -> str:
    """The requirement of torch in a pyproject.toml; it holds for all environments."""
    dependencies: list[str] = tomllib.loads(project.read_text())["project"]["dependencies"]
    return next(requirement for requirement in dependencies if requirement.startswith("torch=="))


def _steps(environment: Environment, installer: Installer) -> Iterator[tuple[str, Callable[[], int]]]:
    """Names of the steps, each with a function that runs it and returns its exit status."""

    def installing(*words: str, variables: Mapping[str, str] = installer.variables) -> Callable[[], int]:
        return partial(run, [*installer.install, *words], variables)

    # uv refuses constraints without hashes here, and where everything is pinned they decide nothing.
    unconstrained = {name: value for name, value in installer.variables.items() if name != "UV_CONSTRAINT"}

    def pinned(pins: Path) -> Callable[[], int]:
        words = ("--require-hashes", "--no-deps", "--requirement", str(pins))
        return installing(*words, variables=unconstrained)

    yield f"installing {environment.pins} with {installer.name}", pinned(environment.pins)
    if environment.torch_pins:
        yield f"installing {environment.torch_pins}", pinned(environment.torch_pins)
    else:
        # With what it requires: torch's CUDA build wants libraries that its CPU build does not.
        yield f"installing {environment.torch}", installing(environment.torch)
    if environment.with_project:
        # The build backend is among the pins.
        yield "installing the project", installing("--no-deps", "--no-build-isolation", "--editable", ".")
    yield "checking what is installed", partial(run, installer.check, installer.variables)
    yield "importing it once, which compiles it", partial(_import_once, environment)


def _import_once(environment: Environment) -> int:
    """Import the modules, which writes their bytecode; 1 if one cannot be imported, whose traceback is printed."""
    # Many container images set it, and every process would then compile every module.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | OFFLINE
    commands = [[str(environment.python), "-c", f"import {modules}"] for modules in environment.imports]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    processes = [subprocess.Popen(line, env=variables, stdout=nowhere, stderr=pipe, text=True) for line in commands]
    errors = [process.communicate()[1] for process in processes]
    failed = [error for error, process in zip(errors, processes, strict=True) if process.returncode]
    print("".join(failed), end="")
    return 1 if failed else 0


def _say(environment: Environment, message: str) -> None:
    print(f"{environment.folder}: {message}", flush=True)
