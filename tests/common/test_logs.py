"""Log lines as JSON: what each line has, whose it is, and what it never shows."""

import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.common.errors import BadEnvironment
from tasks.common.logs import About, JsonLines, lines_about, start_logging

STAGE = About("0f0f", "train", "a1b2")


def line(message: str, *arguments: object, **options: object) -> dict[str, object]:
    record = logging.LogRecord("tasks.train", logging.WARNING, "file.py", 1, message, arguments, None)
    record.__dict__.update(options)
    text = JsonLines().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_has_run_stage_artifact_level_and_message() -> None:
    with lines_about(STAGE):
        made = line("step %d\nof %d", 3, 10)
    assert made.pop("time").endswith("+00:00")
    assert made == {
        "level": "WARNING",
        "logger": "tasks.train",
        "run": "0f0f",
        "stage": "train",
        "artifact": "a1b2",
        "message": "step 3\nof 10",
    }


def test_outside_of_a_stage_they_are_null_and_the_run_is_prefects() -> None:
    made = line("hello", flow_run_id="77aa")
    assert (made["run"], made["stage"], made["artifact"]) == ("77aa", None, None)
    assert line("hello")["run"] is None


def test_a_thread_without_a_context_speaks_for_the_only_stage_and_for_none_of_two() -> None:
    def stage_in_a_thread() -> object:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: line("upload")["stage"]).result()

    with lines_about(About("parent")), lines_about(STAGE):
        assert stage_in_a_thread() == "train"
        with lines_about(About("0e0e", "embed", "c3d4")):
            assert stage_in_a_thread() is None
            assert line("own")["stage"] == "embed"
    assert stage_in_a_thread() is None


def test_no_secret_of_an_address_and_no_attribute_of_a_record_is_shown() -> None:
    try:
        raise ValueError("https://key:secret@host/file?X-Amz-Signature=secret")
    except ValueError:
        made = line("from %s", "s3://key:secret@host?token=secret", exc_info=sys.exc_info(), password="secret")
    assert "key:" not in json.dumps(made)
    assert "=secret" not in json.dumps(made)
    assert "ValueError: https://...@host/file?..." in str(made["error"])


def test_the_command_line_logs_json_if_it_is_asked_to() -> None:
    code = "import logging; from tasks.common.logs import start_logging; start_logging('INFO'); logging.info('hi')"
    for wanted, is_json in (("json", True), ("text", False)):
        environment = {**os.environ, "HINDSIGHT_LOG_FORMAT": wanted}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stderr.startswith("{") is is_json
        assert not is_json or json.loads(done.stderr)["message"] == "hi"


def test_an_unknown_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_LOG_FORMAT", "xml")
    with pytest.raises(BadEnvironment, match=r"HINDSIGHT_LOG_FORMAT='xml' is unknown; set it to text or json\."):
        start_logging("INFO")
