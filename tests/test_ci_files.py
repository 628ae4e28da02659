"""The code host's files: CI calls the same make targets as a desk, and the issue forms are ones it can show."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.common.settings import project_root
from tests.test_commands_in_docs import commands_of, make_refuses

GITHUB = project_root() / ".github"
FORMS = sorted(file for file in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if file.name != "config.yml")
TYPES = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def read(file: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(file.read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def steps() -> list[dict[str, Any]]:
    workflow = read(GITHUB / "workflows" / "ci.yml")
    # YAML 1.1 reads the key `on` as true.
    assert {"push", "pull_request"} == set(workflow[True])
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_ci_runs_the_script_of_a_fresh_clone_and_make_targets_that_exist(steps: list[dict[str, Any]]) -> None:
    lines = [line for step in steps for line in step.get("run", "").splitlines()]
    assert ".ci/run" in lines
    makes = [named for line in lines for named in commands_of("ci.yml", line, in_block=True)]
    assert [" ".join(named.words) for named in makes] == [line for line in lines if line != ".ci/run"]
    assert "make docs" in lines
    assert make_refuses(makes) == ""


def test_ci_pins_actions_by_major_version_may_only_read_and_knows_no_secret(steps: list[dict[str, Any]]) -> None:
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"actions/[\w-]+@v\d+", action)] == []
    assert read(GITHUB / "workflows" / "ci.yml")["permissions"] == {"contents": "read"}
    assert "secrets." not in (GITHUB / "workflows" / "ci.yml").read_text()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_an_issue_form_has_what_the_code_host_requires(form: Path) -> None:
    asked = read(form)
    assert {"name", "description", "body"} <= asked.keys()
    assert {field["type"] for field in asked["body"]} <= TYPES
    ids = [field["id"] for field in asked["body"]]
    assert len(set(ids)) == len(ids)
    assert all(field["attributes"]["label"] for field in asked["body"])


def test_a_fault_is_reported_with_command_recipe_version_and_store() -> None:
    asked = {field["id"] for field in read(GITHUB / "ISSUE_TEMPLATE" / "bug.yml")["body"]}
    assert {"command", "recipe", "version", "store"} <= asked
