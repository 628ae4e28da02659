"""`hindsight`: the application, how it answers errors, and its exit status.

Prefect, torch and the S3 client take seconds to import, so each command imports what it needs when it runs.
"""

import logging
import os
import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError

from hindsight.cli import bundle, doctor, gpu_trial, metrics, prices, runs, serve, server
from hindsight.cli.output import examples
from tasks.common.errors import HindsightError
from tasks.common.logs import start_logging

DISTRIBUTION = "hindsight-lm"
REFUSED, BAD_COMMAND, INTERRUPTED = 1, 2, 130
NOISY_LOGGERS = ("httpx", "matplotlib", "fontTools", "botocore", "aiobotocore", "urllib3", "filelock")
EPILOGUE = """Exit status: 0: done; 1: refused or failed, with one sentence on stderr; 2: a wrong command line; 3: of
`attest verify` only: the corpus holds, but no token id could be checked; 130: interrupted.

`hindsight --install-completion` adds tab completion to your shell."""

log = logging.getLogger(__name__)
app = App(
    name="hindsight",
    help="How much knowledge of the future is in a language model, and in the way it is evaluated.",
    help_epilogue=EPILOGUE,
    version=lambda: version(DISTRIBUTION),
    help_format="markdown",
)
app.register_install_completion_command()
for command, *lines in (
    (server.demo, "hindsight demo", "hindsight demo smoke-full-weight", "HINDSIGHT_PORT=4300 hindsight demo"),
    (runs.run, "hindsight run smoke", "hindsight run my-recipe.yaml"),
    (
        runs.plan,
        "hindsight plan smoke",
        "hindsight plan smoke --from-stage merge",
        "hindsight plan fineweb-2017-26-lora --provider vessl",
    ),
    (runs.follow, "hindsight follow leakage-premium/smoke"),
    (runs.runs, "hindsight runs", "hindsight runs --csv runs.csv --figure spend.svg"),
    (bundle.bundle, "hindsight bundle smoke", "hindsight bundle report/LABEL/latest --to for-the-committee"),
    (bundle.verify, "hindsight verify for-the-committee"),
    (bundle.compare, "hindsight compare smoke smoke-full-weight --to two-arms.html"),
    (server.up, "hindsight up", "HINDSIGHT_HOST=0.0.0.0 HINDSIGHT_AUTH=user:password hindsight up"),
    (server.down, "hindsight down"),
    (doctor.doctor, "hindsight doctor", "hindsight doctor --pool h100", "hindsight doctor --recipe smoke --json"),
    (
        gpu_trial.gpu_trial,
        "hindsight gpu-trial",
        "hindsight gpu-trial --size small",
        "hindsight gpu-trial --again packing",
    ),
    (
        serve.serve,
        "hindsight serve forex-r1-7b",
        "hindsight serve forex-r1-7b --engine llama.cpp --host 0.0.0.0 --port 8000",
    ),
    (metrics.metrics, "hindsight metrics", "hindsight metrics --port 9400"),
    (server.install_trainer, "hindsight install-trainer"),
    (server.install_export, "hindsight install-export"),
    (prices.stage_prices, "hindsight stage-prices ~/Downloads/stock_prices.csv.zip"),
):
    app.command(command, help_epilogue=examples(*lines))
app.command("hindsight.cli.store:app", name="store", help="List, check, export and remove artifacts of the store.")
app.command(
    "hindsight.cli.formulas:app", name="formulas", help="Count, show and compute the formulas of the catalogue."
)
app.command("hindsight.cli.rent:app", name="rent", help="List, start and stop rented machines.")
app.command(
    "hindsight.cli.versions:app", name="versions", help="List, compare, promote and roll back versions of a model."
)
app.command(
    "hindsight.cli.attest:app",
    name="attest",
    help="Sign or verify a corpus's statement, or one of what a training's states have read.",
)


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The command line; None for the process's own.

    Returns:
        The exit status, as in EPILOGUE.
    """
    # transformers draws a progress bar per shard; the stages log their own progress.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    for noisy in NOISY_LOGGERS:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        start_logging("INFO")
        result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        return _refuse(f"{_sentence(error)} `{_help_of(error)} --help` shows how.", BAD_COMMAND)
    except runs.NoRecipe as error:
        return _refuse(str(error), BAD_COMMAND)
    except HindsightError as error:
        return _refuse(str(error), REFUSED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has what it wants; the interpreter must not write to it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except OSError as error:
        # A folder that cannot be written, a file that is none: the system's own sentence names it.
        log.debug("", exc_info=True)
        return _refuse(f"{error}. HINDSIGHT_LOG=DEBUG shows where.", REFUSED)
    return result if isinstance(result, int) else 0


def _refuse(message: str, status: int) -> int:
    print(f"hindsight: {message}", file=sys.stderr)
    return status


def _sentence(error: CycloptsError) -> str:
    text = str(error)
    return text if text.endswith(("...", "?")) else f"{text.rstrip('.')}."


def _help_of(error: CycloptsError) -> str:
    return " ".join(("hindsight", *(error.command_chain or ())))
