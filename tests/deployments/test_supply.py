"""The list of what is installed is the locks', valid and the same each time; an audit must have a complete answer."""

import json
from pathlib import Path

import pytest

from deployments import supply
from deployments.supply import UNREACHABLE, VULNERABLE, SupplyError, audit, main, write_sboms
from tasks.common.settings import project_root
from tests.test_dependencies import pins

LOCK = Path("constraints-supply.txt")
TOOLS = project_root() / supply.TOOLS


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project_root())


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a program in the place of the tools."""

    def put(status: int, out: str = "", err: str = "") -> None:
        for name in ("pip-audit", "cyclonedx-py"):
            (tmp_path / name).write_text(
                f"#!/bin/sh\ncat > /dev/null\nprintf '{out}'\nprintf '{err}' >&2\nexit {status}\n"
            )
            (tmp_path / name).chmod(0o755)
        monkeypatch.setattr(supply, "TOOLS", tmp_path)

    return put


@pytest.mark.skipif(not TOOLS.is_dir(), reason="`make sbom` installs the tools")
def test_a_list_is_valid_has_every_pin_with_its_hashes_and_equal_bytes(tmp_path: Path) -> None:
    (first,) = write_sboms([LOCK], tmp_path / "a")
    (second,) = write_sboms([LOCK], tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    listed = json.loads(first.read_text())
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    found = {part["name"]: part for part in listed["components"]}
    assert {name: found[name]["version"] for name in pins(LOCK.name)} == pins(LOCK.name)
    hashes = [each["hashes"] for each in found["pip-audit"]["externalReferences"] if "hashes" in each]
    assert {own["alg"] for each in hashes for own in each} == {"SHA-256"}
    assert found["torch"]["version"] == "2.13.0"


@pytest.mark.parametrize(
    ("status", "out", "err", "found"),
    [
        (0, "", "No known vulnerabilities found", 0),
        (1, "Name Version ID Fix Versions\\nflask 0.5 PYSEC-2019-179 1.0\\n", "Found 1", VULNERABLE),
        (1, "", "ERROR: uv: Dependency not found on PyPI and could not be audited: uv", UNREACHABLE),
        (1, "", "requests.exceptions.ConnectionError: Max retries exceeded", UNREACHABLE),
    ],
    ids=["none", "some", "not-known", "away"],
)
def test_an_audit_says_none_only_if_all_was_compared(tool, status: int, out: str, err: str, found: int) -> None:
    tool(status, out, err)
    assert audit([LOCK]) == found


def test_what_fails_otherwise_is_a_sentence(tool, tmp_path: Path) -> None:
    tool(2, "", "no such option")
    with pytest.raises(SupplyError, match="pip-audit failed: no such option"):
        audit([LOCK])
    with pytest.raises(SupplyError, match=r"no list of constraints-supply.txt was written: no such option"):
        write_sboms([LOCK], tmp_path / "a")
    with pytest.raises(SupplyError, match="name sbom or audit, and locks"):
        main(["sbom"])


def test_no_environment_of_users_has_the_tools() -> None:
    for name in ("constraints.txt", "constraints-trainer.txt", "constraints-export.txt", "infra/images/pipeline.txt"):
        assert {"pip-audit", "cyclonedx-bom"} & set(pins(name)) == set()
