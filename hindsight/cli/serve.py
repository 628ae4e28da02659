"""`hindsight serve`: the version of a line that is in production, over HTTP."""

import logging

from tasks.common.settings import state_dir
from tasks.serve.config import ServeConfig
from tasks.store.store import existing_store

log = logging.getLogger(__name__)


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

    from tasks.serve.access import access_token
    from tasks.serve.api import make_app
    from tasks.serve.follow import Follower, load_production
    from tasks.serve.worker import Worker

    config = ServeConfig(host=host, port=port, threads=threads)
    torch.set_num_threads(config.threads)
    store, token = existing_store(), access_token(state_dir() / "serve" / "token")
    model, base = load_production(store, line)
    worker = Worker(model, config.max_waiting)
    follower = Follower(store, line, worker, base, config.poll_seconds)
    follower.start()
    log.info("%s %s answers", line, worker.model.version.name)
    app = make_app(line, worker, follower, config, token)
    try:
        uvicorn.run(app, host=config.host, port=config.port, log_level="warning", access_log=False)
    finally:
        follower.stop()
        worker.stop()
