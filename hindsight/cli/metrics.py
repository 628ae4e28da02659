"""`hindsight metrics`: what runs, waits and is spent, for Prometheus and on a page."""

import logging
import os
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from deployments.access import auth_from_environment, basic_auth, host_from_environment
from deployments.local import as_client

log = logging.getLogger(__name__)

DEFAULT_PORT = 4210


def metrics(*, port: Annotated[int, Parameter(validator=Number(gte=1024, lte=65535))] = DEFAULT_PORT) -> None:
    """Show what runs, waits and is spent: `/metrics` for Prometheus, `/` for a person.

    It reads the local server, or the one that PREFECT_API_URL names, and records nothing. HINDSIGHT_HOST and
    HINDSIGHT_AUTH are those of `hindsight up`: it listens on this machine alone, unless there is a password.

    Args:
        port: Where to listen.
    """
    auth = auth_from_environment()
    host = host_from_environment(auth)
    with as_client():
        # A scrape ends after seconds; Prefect's client would wait for an absent server for minutes.
        os.environ["PREFECT_CLIENT_MAX_RETRIES"] = "0"
        import uvicorn

        from flows.observe.app import make_app

        log.info("http://%s:%d/metrics for Prometheus, http://%s:%d/ for you", host, port, host, port)
        app = make_app(basic_auth(auth).get("Authorization"))
        uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)
