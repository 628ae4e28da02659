"""llama.cpp's HTTP server for one file, on a free port of 127.0.0.1, until standard input is closed."""

import json
import signal
import sys
from pathlib import Path


def main(file: str, n_context: int, n_threads: int, n_http_threads: int, address: str) -> None:
    """Serve a file to requests that name the key: the first line of standard input.

    Args:
        file: The GGUF file.
        n_context: Tokens of prompt and answer together, at most.
        n_threads: That compute.
        n_http_threads: Requests that are held at once.
        address: File to write the server's address to, when it is ready.
    """
    import xllamacpp

    # Sent to all of a terminal's processes; the one that started this one says when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    key = sys.stdin.readline().strip()
    settings = xllamacpp.CommonParams()
    settings.model.path = file
    settings.hostnames, settings.port, settings.api_keys = ["127.0.0.1"], 0, [key]
    settings.n_ctx, settings.n_parallel, settings.n_gpu_layers = n_context, 1, 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = n_threads
    settings.n_threads_http = n_http_threads
    # Errors only: the log of a long life stays small. Prompts of others are neither listed nor kept.
    settings.verbosity, settings.endpoint_slots, settings.cache_ram_mib = 1, False, 0
    settings.ui, settings.offline, settings.warmup = False, True, False
    # With them a prompt longer than the context would lose its middle in silence.
    settings.ctx_shift, settings.fit_params = False, False
    server = xllamacpp.Server(settings)
    ready = Path(address)
    partial = ready.with_suffix(".part")
    partial.write_text(json.dumps(server.listening_address))
    partial.replace(ready)
    sys.stdin.read()
