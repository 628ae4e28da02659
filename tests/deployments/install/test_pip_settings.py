"""uv installs what pip would, from where pip would."""

import subprocess
import sys
from pathlib import Path

import pytest

from deployments.install.installer import by_uv, installer_of
from deployments.install.pip_settings import effective, for_uv, not_translated, read
from tests.deployments.install.conftest import UV
from tests.deployments.install.wheels import make_index, make_wheel

PYTHON = Path(sys.executable)


def test_every_setting_of_pips_has_its_variable_of_uvs() -> None:
    settings = {
        "index-url": "https://one/simple",
        "extra-index-url": "https://two/simple\nfile:///three",
        "find-links": "/wheels https://four",
        "constraint": "/a.txt /b.txt",
        "trusted-host": "two",
        "cert": "/ca.pem",
        "default-timeout": "180",
        "retries": "9",
    }
    assert for_uv(settings, {}) == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": "https://one/simple",
        "UV_INDEX": "https://two/simple file:///three",
        "UV_FIND_LINKS": "/wheels,https://four",
        "UV_CONSTRAINT": "/a.txt /b.txt",
        "UV_INSECURE_HOST": "two",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_HTTP_TIMEOUT": "180",
        "UV_HTTP_RETRIES": "9",
    }


def test_what_the_user_has_set_for_uv_is_left() -> None:
    theirs = {"UV_DEFAULT_INDEX": "https://theirs", "UV_INDEX": "", "REQUESTS_CA_BUNDLE": "/bundle.pem"}
    settings = {"index-url": "https://pips", "extra-index-url": "https://more"}
    assert for_uv(settings, theirs) == {"UV_INDEX_STRATEGY": "unsafe-best-match", "SSL_CERT_FILE": "/bundle.pem"}
    assert for_uv({"cert": "/pips.pem"}, theirs)["SSL_CERT_FILE"] == "/pips.pem"


def test_variables_override_the_section_install_which_overrides_global() -> None:
    lines = [
        ":env:.timeout='3'",
        "global.timeout='1'",
        "install.timeout='2'",
        "install.retries='7'",
        "global.retries='6'",
    ]
    assert effective(lines) == {"timeout": "3", "retries": "7"}


def test_pips_own_files_and_variables_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nfind-links = /a\n  /b\ntimeout = 5\n[install]\nretries = 2\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_TIMEOUT", "60")
    variables = for_uv(read(PYTHON), {})
    assert variables["UV_FIND_LINKS"] == "/a,/b"
    assert variables["UV_HTTP_TIMEOUT"] == "60"
    assert variables["UV_HTTP_RETRIES"] == "2"


def test_pip_installs_if_uv_does_not_know_a_setting_whose_value_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_NO_BINARY", "secret")
    monkeypatch.setenv("PIP_QUIET", "1")
    assert installer_of(PYTHON, tmp_path / "uv.txt").name == "uv"
    monkeypatch.delenv("UV")
    assert installer_of(PYTHON, tmp_path / "uv.txt").name == "pip, in minutes"
    assert capsys.readouterr().out == "uv does not know pip's settings no-binary.\n"
    assert not_translated({"no-binary": "x", "no-index": "1", "quiet": "1", "cert": "/c"}) == ["no-binary", "no-index"]


def test_uv_takes_the_best_version_of_all_of_pips_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv's first index lacks two packages and has an old version of the third; a CPU build is in the links."""
    for name, version in (("here", "1"), ("here", "2"), ("there", "1"), ("build", "1")):
        make_wheel(tmp_path / "made", name, version)
    make_wheel(tmp_path / "links", "build", "1+cpu")
    made = {file.name.removesuffix("-py3-none-any.whl"): file for file in (tmp_path / "made").iterdir()}
    monkeypatch.setenv("PIP_INDEX_URL", make_index(tmp_path / "main", made["here-2"], made["there-1"], made["build-1"]))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", make_index(tmp_path / "extra", made["here-1"]))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    installer = by_uv(str(UV), PYTHON, read(PYTHON))
    command = [*installer.install, "--target", str(tmp_path / "target"), "here", "there", "build==1"]
    subprocess.run(command, env=dict(installer.variables), check=True, capture_output=True)
    installed = {folder.name for folder in (tmp_path / "target").glob("*.dist-info")}
    assert installed == {"here-2.dist-info", "there-1.dist-info", "build-1+cpu.dist-info"}
