"""One llama.cpp process that serves one version's GGUF file: started, checked, asked, and ended."""

import hashlib
import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx

from tasks.forward.errors import UnusableQuestion
from tasks.gguf.engine import GREEDY, Engine, engine, greedy_answer
from tasks.gguf.errors import EngineFailed, GgufError
from tasks.schemas.examples import Exported
from tasks.serve.config import N_SPARE_THREADS, ServeConfig
from tasks.serve.engine import LoadedVersion, n_new_tokens
from tasks.serve.errors import FailedExchange, Stopped, UnservableVersion, WrongAnswers
from tasks.serve.production import message_of
from tasks.serve.schemas import Asked, ChatRequest
from tasks.store.digests import sha256_of_file

log = logging.getLogger(__name__)

N_SEEDS = 2**32 - 1
"""llama.cpp takes seeds of 32 bits, of which the last means a random one."""
ENDED = "the process that computes has ended and is started again; ask again in a minute."


@dataclass
class LlamaProcess:
    """A process that answers.

    Args:
        version: What it serves.
        exported: Its files.
        running: Client of the process.
        resources: End the process when they are closed.
        n_open: Requests that are not answered yet.
    """

    version: LoadedVersion
    exported: Exported
    running: Engine
    resources: ExitStack
    n_open: int = 0

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self.running.status is None

    def prompt(self, asked: Asked) -> list[int]:
        """Token ids of what is asked, by the file's own chat template and tokenizer.

        Raises:
            UnusableQuestion: If the template or the tokenizer refuses it.
            Stopped: If the process has ended.
        """
        try:
            if isinstance(asked, ChatRequest):
                text = self.running.render([turn.model_dump() for turn in asked.messages])
                return self.running.tokenize(text)
            return self.running.tokenize(asked.prompt, add_special=True)
        except EngineFailed:
            # Not chained: the server's text may hold the prompt.
            raise UnusableQuestion("the model's chat template or tokenizer refuses the prompt; word it anew.") from None
        except httpx.TransportError:
            raise Stopped(ENDED) from None


def start(name: str, digest: str, exported: Exported, config: ServeConfig) -> LlamaProcess:
    """Start a process for a version, and hold its answers against those that the export recorded.

    Args:
        name: The version's.
        digest: Of the export's artifact.
        exported: The export, fetched.
        config: Bounds; the context is that of the longest prompt and answer.

    Raises:
        UnservableVersion: If the file is not the one that was exported.
        FailedExchange: If llama.cpp does not load it.
        WrongAnswers: If a probe is answered otherwise.
    """
    file = exported.gguf
    # Its name holds the first digits; the disk may have changed since the file was fetched.
    if f"-{(found := sha256_of_file(file))[:16]}." not in file.name:
        raise UnservableVersion(
            f"{name}: {file.name} hashes to {found[:16]}, so that it has changed on this disk. Remove {file} and "
            "restart the server, which fetches it anew."
        )
    n_context, n_http = config.max_prompt_tokens + config.max_new_tokens, config.max_waiting + N_SPARE_THREADS
    with ExitStack() as stack:
        try:
            running = stack.enter_context(engine(file, n_context, config.threads, n_http))
            fingerprint = _checked_answers(name, exported, running)
        except (GgufError, httpx.HTTPError) as error:
            raise FailedExchange(f"{name} could not be started by llama.cpp: {message_of(error)}") from error
        return LlamaProcess(LoadedVersion(name, digest, fingerprint), exported, running, stack.pop_all())


def _checked_answers(name: str, exported: Exported, running: Engine) -> str:
    """sha256 of the answers to the probes.

    Raises:
        WrongAnswers: If one is not the recorded one.
    """
    probes, found = exported.probes(), hashlib.sha256()
    answers = [greedy_answer(running, probe["prompt"], system=probe.get("system")) for probe in probes]
    n_wrong = sum(answer != probe["answer"] for answer, probe in zip(answers, probes, strict=True))
    if n_wrong:
        raise WrongAnswers(
            f"{name} answers {n_wrong} of {len(probes)} probe prompts otherwise than its export recorded. The file is "
            "the one that was exported, so that this machine computes otherwise: another processor or another "
            "release of llama.cpp. Serve it where it was exported, or export it here."
        )
    for answer in answers:
        found.update(answer.encode() + b"\0")
    return found.hexdigest()


@dataclass
class LlamaReply:
    """An answer that a process computes.

    Args:
        process: Computes all of it.
        prompt: Token ids.
        options: Fields of llama.cpp's `/completion`.
        begun: Called once, when the first token is there, or when there will be none.
        release: Called once, when the process is not needed any more.
    """

    process: LlamaProcess
    prompt: list[int]
    options: dict[str, Any]
    begun: Callable[[], None]
    release: Callable[[], None]
    n_new: int = 0
    finish_reason: str = "length"
    _is_begun: bool = False
    _is_closed: bool = False
    _events: Generator[dict[str, Any], None, None] | None = None

    @property
    def version(self) -> LoadedVersion:
        """The version of the process."""
        return self.process.version

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt."""
        return len(self.prompt)

    def pieces(self) -> Iterator[str]:
        """The answer's text as it is computed."""
        self._events = self.process.running.stream(self.prompt, **self.options)
        try:
            for event in self._events:
                self._begin()
                self.n_new = event.get("tokens_predicted", self.n_new)
                is_whole = bool(event.get("stop"))
                if is_whole:
                    self.finish_reason = "length" if event["stop_type"] == "limit" else "stop"
                if piece := event.get("content"):
                    yield str(piece)
                if is_whole:
                    # How the server ends its connection says nothing about an answer that is whole.
                    return
            if not self._is_closed:
                raise Stopped(ENDED)
        except httpx.TransportError as error:
            # Not its text, nor chained: either may hold the prompt.
            status = self.process.running.status
            log.error(
                "%s: %s after %s tokens; its process %s",
                self.version.name,
                type(error).__name__,
                self.n_new,
                "runs" if status is None else f"has ended with status {status}",
            )
            raise Stopped(ENDED) from None
        finally:
            self.close()

    def close(self) -> None:
        """The answer is over, or nobody reads the rest."""
        self._begin()
        if self._events:
            self._events.close()  # llama.cpp computes no further for a connection that is closed
        if not self._is_closed:
            self._is_closed = True
            self.release()

    def _begin(self) -> None:
        if not self._is_begun:
            self._is_begun = True
            self.begun()


def options_of(asked: Asked, n_prompt: int, context: int, config: ServeConfig) -> dict[str, Any]:
    """Fields of llama.cpp's `/completion` for a request.

    Temperature and nucleus are applied in transformers' order, and no other sampler is.

    Raises:
        PromptTooLong: If prompt and answer exceed a bound.
    """
    sampled = {
        "samplers": ["temperature", "top_p"],
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "seed": -1 if asked.seed is None else asked.seed % N_SEEDS,
    }
    bounds = {"n_predict": n_new_tokens(n_prompt, asked, context, config), "stop": list(asked.stops)}
    return bounds | (sampled if asked.temperature > 0 else GREEDY)
