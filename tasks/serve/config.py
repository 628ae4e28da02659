"""The server's config: where it listens, and how much a request may ask for."""

from pydantic import Field

from tasks.common.settings import Config

N_SPARE_THREADS = 16
"""Beside those of the requests that wait: for one that is answered, and for those that are refused or sent."""


class ServeConfig(Config):
    """Bounds of the server."""

    host: str = "127.0.0.1"
    """Address to listen on; by default this machine alone."""
    port: int = Field(8321, ge=0, le=65_535)
    """0 for any free one."""
    max_body_bytes: int = Field(1_000_000, ge=1_000, le=100_000_000)
    """A longer request is refused unread."""
    max_new_tokens: int = Field(1_024, ge=1, le=100_000)
    """Most tokens that a request may ask for, and their number if it names none and the prompt leaves as many."""
    max_prompt_tokens: int = Field(4_096, ge=1, le=1_000_000)
    """Longest prompt; the model's context, less the tokens asked for, is a second bound."""
    max_waiting: int = Field(64, ge=1, le=1_000)
    """Requests that wait for the engine, each with a thread; a further one is answered with status 429."""
    poll_seconds: float = Field(2.0, gt=0, le=3_600)
    """Time between two looks at the line's history."""
    threads: int = Field(1, ge=1, le=1_024)
    """Of PyTorch on a machine without a GPU, or of llama.cpp. Another number may change an answer's last bits."""
