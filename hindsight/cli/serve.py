"""`hindsight serve`: the version of a line that is in production, over HTTP."""

import logging
import os
import secrets
from pathlib import Path

from tasks.common.settings import state_dir
from tasks.serve.config import ServeConfig
from tasks.store.store import existing_store

log = logging.getLogger(__name__)

TOKEN_VARIABLE = "HINDSIGHT_SERVE_TOKEN"  # noqa: S105 - the name of a variable


def serve(
    line: str,
    /,
    *,
    host: str = ServeConfig.model_fields["host"].default,
    port: int = ServeConfig.model_fields["port"].default,
    threads: int = ServeConfig.model_fields["threads"].default,
) -> None:
    """Answer completions by the version in production, and exchange the adapter when another is promoted.

    Requests need the bearer token of HINDSIGHT_SERVE_TOKEN, or of the file that is named at the start.

    Args:
        line: The line, such as forex-r1-7b.
        host: Address to listen on; by default this machine alone.
        port: 0 for any free one.
        threads: Of PyTorch without a GPU.
    """
    import torch
    import uvicorn

    from tasks.serve.api import make_app
    from tasks.serve.follow import Follower, load_production
    from tasks.serve.worker import Worker

    config = ServeConfig(host=host, port=port, threads=threads)
    torch.set_num_threads(config.threads)
    store, token = existing_store(), _token()
    worker = Worker(load_production(store, line), config.max_waiting)
    follower = Follower(store, line, worker, config.poll_seconds)
    follower.start()
    log.info("%s %s answers", line, worker.model.version.name)
    app = make_app(line, worker, follower, config, token)
    try:
        uvicorn.run(app, host=config.host, port=config.port, log_level="warning", access_log=False)
    finally:
        follower.stop()
        worker.stop()


def _token() -> str:
    """The token of the environment, or one in a file that only its owner can read."""
    if given := os.environ.get(TOKEN_VARIABLE):
        return given
    file: Path = state_dir() / "serve" / "token"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(32))
    print(f"bearer token: the content of {file}")
    return file.read_text().strip()
