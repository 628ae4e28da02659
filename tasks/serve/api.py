"""The HTTP surface: OpenAI's completions and chat completions, models, health and metrics."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from tasks.forward.errors import UnusableQuestion
from tasks.serve.access import checked_token, has_token
from tasks.serve.config import N_SPARE_THREADS, ServeConfig
from tasks.serve.engine import Engine, Reply
from tasks.serve.errors import PromptTooLong, QueueFull, ServeError, Stopped
from tasks.serve.follow import Follower
from tasks.serve.metrics import Metrics
from tasks.serve.schemas import Asked, ChatRequest, CompletionRequest, Kind, choice, head, usage

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], int] = {QueueFull: 429, Stopped: 503, PromptTooLong: 400}
VERSION_HEADER = "x-hindsight-version"
Next = Callable[[Request], Awaitable[Response]]


def make_app(line: str, engine: Engine, follower: Follower, config: ServeConfig, token: str) -> FastAPI:
    """The application.

    Args:
        line: What is served.
        engine: Answers.
        follower: Says whether the version in production is the one that answers.
        config: Bounds.
        token: Bearer token that every request needs; without it health says only status and version.

    Raises:
        UnsafeToken: If the token can be guessed.
    """
    token = checked_token(token, "the server", "Give a longer one.")

    @asynccontextmanager
    async def threads(app: FastAPI) -> AsyncIterator[None]:
        # An endpoint that is not async holds a thread until its answer ends. With fewer threads than requests may
        # wait, the queue never fills, and the request that should be refused waits unseen.
        anyio.to_thread.current_default_thread_limiter().total_tokens = config.max_waiting + N_SPARE_THREADS
        yield

    app = FastAPI(title=f"hindsight {line}", docs_url=None, redoc_url=None, openapi_url=None, lifespan=threads)
    metrics = Metrics(engine, follower)
    server = _Server(line, engine, metrics)

    @app.middleware("http")
    async def guard(request: Request, call_next: Next) -> Response:
        request.state.has_token = has_token(request.headers.get("authorization", ""), token)
        if request.url.path != "/health" and not request.state.has_token:
            return _error(401, "a bearer token is missing or wrong; `hindsight serve` prints where it is.")
        try:
            await _read_body(request, config.max_body_bytes)
            return await call_next(request)
        except _TooLarge as error:
            return _error(413, str(error))
        except Exception as error:
            # The prompt may be in the error's text, and uvicorn would log that with the traceback.
            log.error("a request failed: %s", type(error).__name__)
            return _error(500, f"the answer failed with {type(error).__name__}; the server goes on.", "server_error")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Without the values: a prompt must not come back in an error, and from there into a log.
        first = error.errors()[0]
        return _error(400, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")

    @app.exception_handler(ServeError)
    async def refused(request: Request, error: ServeError) -> JSONResponse:
        return _error(STATUS.get(type(error), 500), str(error))

    @app.exception_handler(UnusableQuestion)
    async def unusable(request: Request, error: UnusableQuestion) -> JSONResponse:
        return _error(400, str(error))

    # Async, so that they need no thread and answer however many requests wait.
    @app.get("/health")
    async def health(request: Request) -> JSONResponse:
        return server.health(follower.problem, is_open=request.state.has_token)

    @app.get("/metrics")
    async def measured() -> PlainTextResponse:
        return PlainTextResponse(metrics.text())

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": line, "object": "model", "owned_by": "hindsight"}]}

    @app.post("/v1/completions")
    def complete(asked: CompletionRequest) -> Response:
        return server.answer("completion", asked)

    @app.post("/v1/chat/completions")
    def chat(asked: ChatRequest) -> Response:
        return server.answer("chat", asked)

    return app


class _TooLarge(Exception):
    pass


class _Server:
    def __init__(self, line: str, engine: Engine, metrics: Metrics) -> None:
        self.line, self.engine, self.metrics = line, engine, metrics

    def health(self, problem: str, *, is_open: bool) -> JSONResponse:
        """Paths and addresses may be in the problem, which is for those who have the token."""
        status = "not following production" if problem else "ok"
        if not (is_alive := self.engine.is_alive):
            status = "not serving"
        content = {"status": status, "version": self.engine.version.name}
        content |= {"problem": problem} if is_open else {}
        return JSONResponse(content, 200 if is_alive else 503)

    def answer(self, kind: Kind, asked: Asked) -> Response:
        if asked.model not in (None, self.line):
            return _error(404, f"model {asked.model!r} is not served here; {self.line} is.")
        return (self._streamed if asked.stream else self._whole)(kind, self.engine.answer(asked))

    def _whole(self, kind: Kind, reply: Reply) -> Response:
        with self.metrics.request(), closing(reply):
            text = "".join(reply.pieces())
        content = {
            **head(kind, self.line, reply.version.digest, is_part=False),
            "choices": [choice(kind, text, reply.finish_reason, is_part=False)],
            "usage": usage(reply.n_prompt, reply.n_new),
        }
        self.metrics.add_tokens(reply.n_new)
        return JSONResponse(content, headers={VERSION_HEADER: reply.version.name})

    def _streamed(self, kind: Kind, reply: Reply) -> Response:
        pieces = reply.pieces()
        # The version is known once the computation has begun; the header needs it.
        first = next(pieces, "")
        start = head(kind, self.line, reply.version.digest, is_part=True)

        def events() -> Iterator[str]:
            try:
                with self.metrics.request():
                    for piece in _chain(first, pieces):
                        yield _event({**start, "choices": [choice(kind, piece, None, is_part=True)]})
                yield _event({**start, "choices": [choice(kind, "", reply.finish_reason, is_part=True)]})
                yield "data: [DONE]\n\n"
            except Exception as error:
                log.error("a stream failed: %s", type(error).__name__)
                yield _event({"error": {"message": "the answer broke off; ask again.", "type": "server_error"}})
            finally:
                # Also when the client has gone: nothing is computed any more then.
                reply.close()
                self.metrics.add_tokens(reply.n_new)

        return StreamingResponse(events(), media_type="text/event-stream", headers={VERSION_HEADER: reply.version.name})


def _chain(first: str, pieces: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from pieces


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content)}\n\n"


def _error(status: int, message: str, kind: str = "invalid_request_error") -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": kind}}, status)


async def _read_body(request: Request, most: int) -> None:
    """Read the body up to a bound; the endpoint gets what was read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise _TooLarge(f"the request has more than {most} bytes; shorten it.")
    request._body = bytes(body)
