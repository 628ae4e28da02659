"""`python -m deployments.install pipeline | trainer | export`, in a checkout."""

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
    if name == "pipeline":
        return Environment(Path(".venv"), Path("constraints.txt"), uv, torch, PIPELINE_IMPORTS, with_project=True)
    return Environment(Path(f".venv-{name}"), Path(f"constraints-{name}.txt"), uv, torch, IMPORTS[name])


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
