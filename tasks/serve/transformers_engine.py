"""The engine that computes in this process: transformers, with PEFT's adapters exchanged by the one thread."""

import logging
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

from tasks.common.errors import HindsightError
from tasks.forward.questions import render
from tasks.schemas.artifacts import Checkpoint
from tasks.serve.config import ServeConfig
from tasks.serve.engine import LoadedVersion, n_new_tokens
from tasks.serve.errors import FailedExchange, Stopped, UnendedExchange, UnservableVersion
from tasks.serve.production import artifacts_of, in_production, message_of
from tasks.serve.schemas import Asked, ChatRequest
from tasks.serve.served_model import Sampling, ServedModel, load_served
from tasks.serve.text import TextStream
from tasks.serve.worker import Answer, Worker
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tasks.versions.history import Version

log = logging.getLogger(__name__)
HAS_NOT_ENDED_SECONDS = 600.0


def load_production(store: Store, line: str) -> tuple[ServedModel, ArtifactRef]:
    """Load the version of a line that is in production.

    Returns:
        The model, and the base that it was loaded with. Another version may be in production once that has ended.

    Raises:
        UnservableVersion: If none is, or it has no adapter.
        VersionError: If the line does not exist or its history is damaged.
    """
    version = in_production(store, line)
    artifacts = adapter_and_base(line, version)
    log.info("%s %s: fetching base and adapter", line, version.name)
    adapter = adapter_folder(store, line, version)
    model = load_served(store.fetch(artifacts["base"]), version.name, artifacts["adapter"].digest, adapter)
    return model, artifacts["base"]


def adapter_and_base(line: str, version: Version) -> dict[str, ArtifactRef]:
    """The artifacts that are served. Raises UnservableVersion if the version has none."""
    way_out = "this engine exchanges adapters; serve a merged model's export by `--engine llama.cpp`"
    return artifacts_of(line, version, ("adapter", "base"), way_out)


def adapter_folder(store: Store, line: str, version: Version) -> Path:
    """Fetch the version's adapter, every byte hashed.

    Raises:
        UnservableVersion: If every weight of the model was trained.
    """
    checkpoint = Checkpoint(store.fetch(adapter_and_base(line, version)["adapter"]))
    if checkpoint.arm != "lora":
        raise UnservableVersion(f"{line} {version.name} has trained every weight, and this engine exchanges adapters.")
    return checkpoint.adapter_dir


class WorkerReply:
    """An answer of the computing thread, as text."""

    def __init__(self, answer: Answer, stream: TextStream) -> None:
        self.answer, self.stream = answer, stream

    @property
    def version(self) -> LoadedVersion:
        """The version that answers; the thread sets it before the first token."""
        if self.answer.version is None:
            raise Stopped("the server ended before the answer began; ask again in a minute.")
        return self.answer.version

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt."""
        return len(self.answer.prompt)

    @property
    def n_new(self) -> int:
        """Tokens of the answer so far."""
        return len(self.stream.ids)

    @property
    def finish_reason(self) -> str:
        """Why it ended."""
        return self.stream.finish_reason

    def pieces(self) -> Iterator[str]:
        """The answer's text as it is computed."""
        return self.stream.pieces(iter(self.answer))

    def close(self) -> None:
        """The thread stops computing it at the next token."""
        self.answer.is_given_up.set()


class TransformersEngine:
    """Base and adapters in this process.

    Args:
        store: Holds the adapters.
        line: The line.
        worker: Computes.
        base: Of the model that the worker computes with.
        config: Bounds.
    """

    problem, n_restarts = "", 0

    def __init__(self, store: Store, line: str, worker: Worker, base: ArtifactRef, config: ServeConfig) -> None:
        self.store, self.line, self.worker, self.base, self.config = store, line, worker, base, config

    @property
    def version(self) -> LoadedVersion:
        """The version that answers."""
        return self.worker.model.version

    @property
    def is_alive(self) -> bool:
        """Whether the thread computes."""
        return self.worker.is_alive

    @property
    def n_waiting(self) -> int:
        """Requests that no token was computed for yet."""
        return self.worker.n_waiting

    @property
    def seconds_of_exchanges(self) -> list[float]:
        """Of each exchange."""
        return self.worker.seconds_of_exchanges

    def digest_of(self, version: Version) -> str:
        """Digest of the version's adapter."""
        return adapter_and_base(self.line, version)["adapter"].digest

    def exchange(self, version: Version) -> LoadedVersion:
        """Fetch the adapter, and have the thread exchange it."""
        name, active = f"{self.line} {version.name}", self.version.name
        base = adapter_and_base(self.line, version)["base"]
        if base != self.base:
            raise UnservableVersion(
                f"{name} is in production and has another base, {base.path}, than is served, {self.base.path}; "
                f"{active} goes on answering. Start a server for {version.name}, and then end this one."
            )
        folder = adapter_folder(self.store, self.line, version)
        order = self.worker.exchange(version.name, self.digest_of(version), folder)
        wait([order], HAS_NOT_ENDED_SECONDS)
        if not order.done():
            raise UnendedExchange(f"the exchange to {name} has not ended after {HAS_NOT_ENDED_SECONDS:.0f} s.")
        try:
            return order.result()
        except (HindsightError, OSError):
            raise
        except Exception as error:
            raise FailedExchange(
                f"{name} is in production and could not be loaded: {message_of(error)}; {active} goes on answering. "
                f"Restart the server, or promote {version.name} again after another version."
            ) from error

    def answer(self, asked: Asked) -> WorkerReply:
        """Render, tokenize and queue a request."""
        model = self.worker.model
        is_chat = isinstance(asked, ChatRequest)
        text = render("messages", asked.messages, model.tokenizer) if isinstance(asked, ChatRequest) else asked.prompt
        prompt = model.tokenizer(text, add_special_tokens=not is_chat, verbose=False)["input_ids"]
        n_new = n_new_tokens(len(prompt), asked, model.context, self.config)
        answer = self.worker.ask(prompt, Sampling(n_new, asked.temperature, asked.top_p, asked.seed))
        return WorkerReply(answer, TextStream(model.tokenizer, asked.stops, model.end_tokens))

    def stop(self) -> None:
        """Answer what waits, then end the thread."""
        self.worker.stop()
