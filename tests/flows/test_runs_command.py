"""`hindsight runs` where it cannot tell of runs."""

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from hindsight.cli.main import main
from tests.s3_server import free_port


def test_without_a_server_the_command_says_where_one_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert main(["runs"]) == 1
    assert "PREFECT_API_URL names no Prefect server; `hindsight up` starts one" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"http://127.0.0.1:{free_port()}/api"
    with temporary_settings(updates={PREFECT_API_URL: address}):
        assert main(["runs"]) == 1
    assert f"no Prefect server answers at {address}" in capsys.readouterr().err


def test_a_figure_is_svg_or_png(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--figure", "spend.gif"]) == 2
    assert "'spend.gif' is neither .svg nor .png" in capsys.readouterr().err
