"""`hindsight serve`: the version of a line that is in production, over HTTP."""

import logging
from typing import TYPE_CHECKING, Literal

from tasks.common.settings import state_dir
from tasks.serve.config import ServeConfig
from tasks.store.store import Store, existing_store

if TYPE_CHECKING:
    from tasks.serve.engine import Engine

log = logging.getLogger(__name__)
EngineName = Literal["transformers", "llama.cpp"]


def serve(
    line: str,
    /,
    *,
    engine: EngineName = "transformers",
    host: str = ServeConfig.model_fields["host"].default,
    port: int = ServeConfig.model_fields["port"].default,
    threads: int = ServeConfig.model_fields["threads"].default,
    print_vllm: bool = False,
) -> None:
    """Answer completions by the version in production, and exchange it when another is promoted.

    Requests need the bearer token of HINDSIGHT_SERVE_TOKEN, or of the file that is named at the start.

    Args:
        line: The line, such as forex-r1-7b.
        engine: transformers exchanges adapters of one base in this process. llama.cpp serves the GGUF file of a
            release, each version in a process of its own.
        host: Address to listen on; by default this machine alone.
        port: 0 for any free one.
        threads: Of PyTorch without a GPU, or of llama.cpp.
        print_vllm: Serve nothing, and print the commands that serve the version in production by vLLM.
    """
    if print_vllm:
        from tasks.serve.vllm import vllm_commands

        print(vllm_commands(existing_store(), line), end="")
        return
    import uvicorn

    from tasks.serve.access import access_token
    from tasks.serve.api import make_app
    from tasks.serve.follow import Follower

    config = ServeConfig(host=host, port=port, threads=threads)
    store, token = existing_store(), access_token(state_dir() / "serve" / "token")
    running = start_engine(engine, store, line, config)
    follower = Follower(store, line, running, config.poll_seconds)
    follower.start()
    log.info("%s %s answers", line, running.version.name)
    app = make_app(line, running, follower, config, token)
    try:
        uvicorn.run(app, host=config.host, port=config.port, log_level="warning", access_log=False)
    finally:
        follower.stop()
        running.stop()


def start_engine(name: EngineName, store: Store, line: str, config: ServeConfig) -> "Engine":
    """Load the version in production.

    Raises:
        ServeError: If it cannot be served.
        VersionError: If the line does not exist or its history is damaged.
    """
    if name == "llama.cpp":
        from tasks.serve.llama_engine import LlamaEngine

        return LlamaEngine(store, line, config)
    import torch

    from tasks.serve.transformers_engine import TransformersEngine, load_production
    from tasks.serve.worker import Worker

    torch.set_num_threads(config.threads)
    model, base = load_production(store, line)
    return TransformersEngine(store, line, Worker(model, config.max_waiting), base, config)
