"""llama.cpp's server for one GGUF file, and its client."""

import json
import os
import secrets
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx

from tasks.gguf.environment import POLL_SECONDS, last_line, started
from tasks.gguf.errors import EngineFailed

START_SECONDS = 900.0
REQUEST_SECONDS = 600.0
N_CONTEXT = 4_096
PROBE_TOKENS = 48
"""Length of probe answers."""
BIAS = 1e6
"""Makes a token the most probable one."""
GREEDY: dict[str, Any] = {"samplers": ["top_k"], "top_k": 1, "temperature": 0, "seed": 0}
"""The top-k sampler alone, with k = 1, takes the most probable token."""
N_HTTP_THREADS = 4
Turns = Sequence[Mapping[str, str]]
"""Messages with `role` and `content`."""


@dataclass(frozen=True)
class Engine:
    """Client of a running server.

    Args:
        http: With the server's address and key.
        process: The server's.
    """

    http: httpx.Client
    process: Popen[bytes]

    @property
    def status(self) -> int | None:
        """Exit status of the server's process; None while it runs."""
        return self.process.poll()

    def render(self, messages: Turns) -> str:
        """A conversation as a user's prompt is rendered, up to where the assistant answers."""
        # The server leaves out a start token of the template, because its tokenizer adds one.
        return self.start + str(self._post("/apply-template", {"messages": list(messages)})["prompt"])

    @cached_property
    def start(self) -> str:
        """The start token that llama.cpp, and so Ollama, adds to every prompt; empty for none."""
        body = {"content": "a", "add_special": True, "parse_special": True}
        first, *_ = self._post("/tokenize", body)["tokens"]
        return "" if first == self._plain_token else str(self._post("/detokenize", {"tokens": [first]})["content"])

    def tokenize(self, text: str, *, add_special: bool = False) -> list[int]:
        """Token ids; special tokens are recognized.

        Args:
            text: The text.
            add_special: Add those that the tokenizer puts around a text.
        """
        found = self._post("/tokenize", {"content": text, "add_special": add_special, "parse_special": True})
        return list(map(int, found["tokens"]))

    @cached_property
    def n_context(self) -> int:
        """Tokens of prompt and answer together: those asked for at the start, and at most those of the training."""
        (model,) = self.http.get("/v1/models").raise_for_status().json()["data"]
        return min(int(model["meta"]["n_ctx"]), int(model["meta"]["n_ctx_train"]))

    def greedy(self, prompt: Sequence[int], n_tokens: int) -> tuple[list[int], str]:
        """Ids and text of the most probable continuation, up to an end token.

        Args:
            prompt: Token ids.
            n_tokens: At most.
        """
        found = self._complete(prompt, n_predict=n_tokens, return_tokens=True)
        return list(map(int, found["tokens"])), str(found["content"])

    def stream(self, prompt: Sequence[int], **options: Any) -> Generator[dict[str, Any], None, None]:
        """The server's events of one completion, as it computes them; closing the generator ends the computation.

        Args:
            prompt: Token ids.
            options: Fields of llama.cpp's `/completion`.

        Raises:
            EngineFailed: If the server refuses; without its text, which may hold the prompt's.
            httpx.TransportError: If the server's process ends.
        """
        body = {"prompt": list(prompt), "cache_prompt": False, "stream": True} | options
        with self.http.stream("POST", "/completion", json=body) as response:
            if response.status_code != httpx.codes.OK:
                raise EngineFailed(f"llama.cpp refused a completion with status {response.status_code}.")
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def next_token(self, prompt: Sequence[int], n_top: int) -> dict[int, float]:
        """Log-probability of the most probable next tokens, before any sampling.

        Args:
            prompt: Token ids.
            n_top: How many tokens.
        """
        # Where the token taken ends within a character the server lists none; so another one is taken. The list is of
        # the logits before that bias.
        found = self._complete(
            prompt, n_predict=1, n_probs=n_top, cache_prompt=True, logit_bias=[[self._plain_token, BIAS]]
        )
        (position,) = found["completion_probabilities"]
        return {int(each["id"]): float(each["logprob"]) for each in position["top_logprobs"]}

    @cached_property
    def _plain_token(self) -> int:
        return self.tokenize("a")[0]

    def _complete(self, prompt: Sequence[int], **options: Any) -> dict[str, Any]:
        return self._post("/completion", {"prompt": list(prompt), "cache_prompt": False} | GREEDY | options)

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        response = self.http.post(path, json=body)
        if response.status_code != httpx.codes.OK:
            raise EngineFailed(f"llama.cpp refused {path}: {response.text[:300]}")
        found: dict[str, Any] = response.json()
        return found


@contextmanager
def engine(
    file: Path, n_context: int = N_CONTEXT, n_threads: int = 1, n_http_threads: int = N_HTTP_THREADS
) -> Iterator[Engine]:
    """A llama.cpp server for a file, on a free port of 127.0.0.1; ended with the context, and with this thread.

    Args:
        file: The GGUF file.
        n_context: Tokens of prompt and answer together, at most.
        n_threads: That compute.
        n_http_threads: Requests that it holds at once; a further one is not heard until one of them has ended.

    Raises:
        EngineFailed: If it does not load the file.
    """
    key = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as folder, (log := Path(folder) / "serve.log").open("wb") as output:
        address = Path(folder) / "address.json"
        arguments = {
            "file": str(file.resolve()),
            "n_context": n_context,
            "n_threads": n_threads,
            "n_http_threads": n_http_threads,
            "address": str(address),
            "answer": str(Path(folder) / "serve.json"),
        }
        with started("serve", arguments, output) as process:
            _send(process, key)
            deadline = time.monotonic() + START_SECONDS
            while not address.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise EngineFailed(f"llama.cpp does not load {file.name}: {_reason(log)}")
                time.sleep(POLL_SECONDS)
            url, headers = json.loads(address.read_text()), {"Authorization": f"Bearer {key}"}
            # Not through a proxy that the environment names.
            # No connection is kept: the server may close one at the moment that a request is sent through it.
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
            with httpx.Client(
                base_url=url, headers=headers, timeout=REQUEST_SECONDS, limits=limits, trust_env=False
            ) as client:
                yield Engine(client, process)


def _send(process: Popen[bytes], key: str) -> None:
    """Hand over the key; a command line or a variable could be read by others."""
    # A process that has ended is reported with its reason by who waits for it.
    if process.stdin:
        with suppress(BrokenPipeError):
            os.write(process.stdin.fileno(), f"{key}\n".encode())


def _reason(log: Path) -> str:
    """llama.cpp's first error, else the last line."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition(" E ")[2] for line in lines if " E " in line[:20]), last_line(log))


def asked(question: str, system: str | None = None) -> list[dict[str, str]]:
    """A question as the user's only message, after the system message if there is one."""
    first = [] if system is None else [{"role": "system", "content": system}]
    return [*first, {"role": "user", "content": question}]


def greedy_answers(
    file: Path, prompts: Sequence[str], n_tokens: int = PROBE_TOKENS, system: str | None = None
) -> list[str]:
    """A file's greedy answers to questions, each as the user's only message.

    Args:
        file: The GGUF file.
        prompts: Questions.
        n_tokens: Length of an answer, at most.
        system: Message before each question.

    Raises:
        EngineFailed: If llama.cpp does not load the file, or refuses a question.
    """
    with engine(file) as running:
        return [greedy_answer(running, prompt, n_tokens, system) for prompt in prompts]


def greedy_answer(running: Engine, prompt: str, n_tokens: int = PROBE_TOKENS, system: str | None = None) -> str:
    """A running server's greedy answer to a question, the user's only message. Raises EngineFailed."""
    return running.greedy(running.tokenize(running.render(asked(prompt, system))), n_tokens)[1]
