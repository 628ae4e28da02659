"""`python -m deployments.install pipeline | trainer | export`, in a checkout.

TORCH_PINS names a list with one build of torch and what it alone requires, with hashes: an image knows its build.
"""

import os
import sys
from pathlib import Path

from deployments.install.environment import IMPORTS, Environment, install, pinned_torch
from tasks.common.errors import HindsightError

PIPELINE_IMPORTS = (
    "torch.distributed.fsdp, transformers, peft, accelerate, datasets",
    "prefect.server.api.server, prefect.workers.process, prefect.cli, pandas, skfolio, matplotlib.pyplot, s3fs",
)


def environment_of(name: str) -> Environment:
    """The environment of a name, in the current folder."""
    uv, torch = Path("constraints-uv.txt"), pinned_torch(Path("pyproject.toml"))
    build = Path(named) if (named := os.environ.get("TORCH_PINS")) else None
    if name == "pipeline":
        pins = Path("constraints.txt")
        return Environment(Path(".venv"), pins, uv, torch, PIPELINE_IMPORTS, with_project=True, torch_pins=build)
    folder, pins = Path(f".venv-{name}"), Path(f"constraints-{name}.txt")
    return Environment(folder, pins, uv, torch, IMPORTS[name], torch_pins=build)


def main(words: list[str]) -> None:
    """Install the environment that is named.

    Raises:
        SystemExit: With a sentence, if the name is unknown or a step fails.
    """
    names = ("pipeline", *IMPORTS)
    if len(words) != 1 or words[0] not in names:
        sys.exit(f"name one environment to install, of {', '.join(names)}; given: {' '.join(words) or 'none'}")
    try:
        install(environment_of(words[0]), other_uv=Path(".venv/bin/uv"))
    except HindsightError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
