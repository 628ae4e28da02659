"""Metrics and page over HTTP: `/metrics` for Prometheus, `/` for a person."""

import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from prefect.exceptions import PrefectException
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from flows.observe.metrics import ServerCollector
from flows.observe.page import render, render_problem
from flows.observe.snapshot import Observer

AWAY = "Prefect's server does not answer. Runs continue; `hindsight up` starts the server."


def make_app(authorization: str | None = None) -> FastAPI:
    """The application.

    Args:
        authorization: `Authorization` header that every request needs; None for no authentication.
    """
    app = FastAPI(title="hindsight metrics", docs_url=None, redoc_url=None, openapi_url=None)
    observer = Observer()
    registry = CollectorRegistry()
    registry.register(ServerCollector(observer))

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        given = request.headers.get("authorization", "")
        if authorization and not hmac.compare_digest(given.encode(), authorization.encode()):
            return Response("user and password of HINDSIGHT_AUTH, please\n", 401, {"WWW-Authenticate": "Basic"})
        return await call_next(request)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/")
    def page() -> HTMLResponse:
        try:
            return HTMLResponse(render(observer.snapshot()))
        except (httpx.HTTPError, PrefectException):
            return HTMLResponse(render_problem(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", AWAY), 503)

    return app
