"""Neither Kaggle's key nor a download's signed address is stored anywhere or sent to others."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.common.settings import project_root, state_dir
from tasks.panel.errors import (
    KaggleUnreachable,
    RulesNotAccepted,
)
from tasks.panel.kaggle.config import ARTIFACT_TYPE, PricesConfig
from tasks.panel.kaggle.publish import publish
from tasks.store.store import open_store
from tests.panel.kaggle.site import KEY, SIGNATURE, TOKEN, USERNAME, Site, pinned, published, refusal

TO_SITE = (
    "import sys; from kagglesdk import kaggle_env as env; env._env_to_endpoint[env.KaggleEnv.PROD] = sys.argv[1]; "
    "import logging; logging.basicConfig(level=logging.DEBUG); "
    "from tasks.panel.kaggle.config import PricesConfig; from tasks.panel.kaggle.publish import publish; "
    "from tasks.store.store import open_store; "
    "print(publish(open_store(), PricesConfig(sha256=sys.argv[2])).path)"
)
"""A process of its own that publishes the site's prices, with the log level DEBUG."""


def started(site: Site, csv: bytes, log: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "VERBOSE": "1", "HINDSIGHT_LOG": "DEBUG"}
    command = [sys.executable, "-c", TO_SITE, site.api, str(pinned(csv).sha256)]
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=project_root(), env=environment)


def test_a_user_name_and_a_key_serve_too_and_never_reach_the_storage(
    site: Site, csv: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    site.to_fetch = [100_000]
    assert published(pinned(csv)) == csv
    assert len(site.fetched) == 3
    assert not any("Authorization" in headers for headers in site.fetched)


def test_a_refusal_that_quotes_the_token_is_shown_without_it(site: Site, csv: bytes) -> None:
    site.to_ask = [refusal(403, f"token {TOKEN} may not")]
    with pytest.raises(RulesNotAccepted, match=r"token \*\*\* may not"):
        publish(open_store(), pinned(csv))


def test_a_download_killed_in_the_middle_is_resumed_by_the_next_start_and_no_secret_is_left_anywhere(
    site: Site, csv: bytes, tmp_path: Path
) -> None:
    site.hold_at = 300_000
    first = started(site, csv, tmp_path / "first.log")
    body = state_dir() / "work" / f"prices-{ARTIFACT_TYPE.spec(pinned(csv)).key}" / PricesConfig().file
    for _ in range(600):
        if body.exists() and body.stat().st_size > 200_000:
            break
        assert first.poll() is None, (tmp_path / "first.log").read_text()
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    site.hold_at = None
    site.let_go.set()
    n_before = body.stat().st_size
    assert n_before > 200_000
    second = started(site, csv, tmp_path / "second.log")
    assert second.wait(60) == 0, (tmp_path / "second.log").read_text()
    assert site.ranges == [None, None, f"bytes={n_before}-"]
    assert published(pinned(csv)) == csv
    log = (tmp_path / "second.log").read_text()
    assert "MB resumed from an earlier start" in log
    assert "prices: received " in log
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name == "record.json" for file in files)
    secrets = [secret.encode() for secret in (TOKEN, SIGNATURE)]
    assert [file for file in files if any(secret in file.read_bytes() for secret in secrets)] == []


def test_errors_and_log_lines_do_not_contain_the_link_or_the_key(
    site: Site, csv: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    denied = (403, {"Content-Type": "text/xml"}, b"<Error>ExpiredToken</Error>")
    site.to_fetch = [denied] * 20
    with pytest.raises(KaggleUnreachable) as error:
        publish(open_store(), pinned(csv))
    assert "the server answered 403" in str(error.value)
    assert error.value.__suppress_context__
    assert SIGNATURE not in caplog.text + str(error.value)
    assert TOKEN not in caplog.text
