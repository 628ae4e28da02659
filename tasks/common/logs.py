"""Log lines: as text, or as JSON, one object a line with the run, the stage and the artifact that it is about.

HINDSIGHT_LOG_FORMAT=json asks for JSON; `PREFECT_JSON` is what Prefect's own logging needs for the same.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from tasks.common.errors import BadEnvironment
from tasks.common.settings import without_secrets

VARIABLE = "HINDSIGHT_LOG_FORMAT"
PREFECT_JSON = {
    "PREFECT_LOGGING_FORMATTERS_JSON_CLASS": "tasks.common.logs.JsonLines",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER": "json",
    "PREFECT_LOGGING_COLORS": "false",
}
"""Environment of a server, a worker and its runs whose lines are JSON."""


@dataclass(frozen=True)
class About:
    """What lines are about; None where they are about none.

    Args:
        run: Id of the flow run.
        stage: Its stage.
        artifact: Key of the artifact that it builds.
    """

    run: str | None = None
    stage: str | None = None
    artifact: str | None = None


_ABOUT: ContextVar[About | None] = ContextVar("hindsight_log_about", default=None)
_alive: list[About] = []
"""Of this process's stages. A thread of a library's has no context: with one stage here its lines are that one's."""


@contextmanager
def lines_about(about: About) -> Iterator[None]:
    """Lines that are logged inside are about this."""
    token = _ABOUT.set(about)
    stages = [about] if about.stage else []
    _alive.extend(stages)
    try:
        yield
    finally:
        for stage in stages:
            _alive.remove(stage)
        _ABOUT.reset(token)


class JsonLines(JsonFormatter):
    """Formats a record as one JSON object: time, level, logger, run, stage, artifact, message, and error if any.

    A record's other attributes stay out: anybody may have put anything there.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # `logging.config` passes a format, which Prefect's table has for a formatter of its own.
        super().__init__()

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Fill in the object."""
        about = asdict(_ABOUT.get() or (_alive[0] if len(_alive) == 1 else About()))
        about["run"] = about["run"] or getattr(record, "flow_run_id", None)
        log_data |= {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            **about,
            "message": without_secrets(record.getMessage()),
        }
        if error := message_dict.get("exc_info"):
            log_data["error"] = without_secrets(str(error))


def wants_json() -> bool:
    """Whether the environment asks for JSON lines.

    Raises:
        BadEnvironment: If it asks for an unknown format.
    """
    wanted = os.environ.get(VARIABLE, "text")
    if wanted not in ("text", "json"):
        raise BadEnvironment(f"{VARIABLE}={wanted!r} is unknown; set it to text or json.")
    return wanted == "json"


def start_logging(default: str, line: str = "%(asctime)s %(message)s") -> None:
    """Log to stderr at HINDSIGHT_LOG's level, in HINDSIGHT_LOG_FORMAT.

    Raises:
        BadEnvironment: If the level or the format is unknown.
    """
    level = os.environ.get("HINDSIGHT_LOG", default).upper()
    if level not in logging.getLevelNamesMapping():
        raise BadEnvironment(f"HINDSIGHT_LOG={level!r} is unknown; set it to DEBUG, INFO, WARNING or ERROR.")
    logging.basicConfig(level=level, format=line, datefmt="%H:%M:%S")
    if wants_json():
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())
