"""What the command line says to bad input: one sentence, exit code 1, nothing published."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tasks.common.settings import project_root
from tests.s3_server import free_port

SMOKE = yaml.safe_load((project_root() / "configs" / "smoke.yaml").read_text())


def run(tmp_path: Path, recipe: dict[str, object], **environment: str) -> "subprocess.CompletedProcess[str]":
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe))
    return subprocess.run(
        [sys.executable, "-m", "hindsight", "run", str(file)],
        cwd=project_root(),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_an_unknown_key(tmp_path: Path) -> None:
    said = refusal(run(tmp_path, {**SMOKE, "trian": {}}))
    assert said.startswith("hindsight: recipe ")
    assert "trian is an unknown key" in said


def test_a_value_out_of_range(tmp_path: Path) -> None:
    said = refusal(run(tmp_path, {**SMOKE, "premium": {"n_folds": 1}}))
    assert "premium.n_folds = 1: input should be greater than or equal to 2" in said


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refusal(run(tmp_path, SMOKE, HINDSIGHT_STORE=str(tmp_path / "file" / "store")))
    assert "file/store cannot be written: NotADirectoryError" in said
    assert not (tmp_path / "state" / "cache").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"corpus": {**SMOKE["corpus"], "cutoff": "1780-01-01"}}, ("1780-01-01", "1790-01-08")),
        ({"panel": {"n_stocks": 3, "test_from": "2030-01-01"}}, ("test_from=2030-01-01", "ends on 2022-12-")),
    ],
    ids=["a cutoff before the first document", "a panel without test rows"],
)
def test_inputs_that_cannot_be_measured(tmp_path: Path, changed: dict[str, object], sentence: tuple[str, str]) -> None:
    said = refusal(run(tmp_path, {**SMOKE, **changed}))
    assert all(part in said for part in sentence), said
    assert not (tmp_path / "state" / "store" / "train").exists()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"base": {"source": {"kind": "hub"}}},
            "model Qwen/Qwen3.5-35B-A3B-Base at revision 0f0813072d23 was not fetched",
        ),
        # Slow, for a corpus tries eight times within two minutes.
        pytest.param(
            {"corpus": {"source": {"kind": "fineweb"}}},
            "datasets/HuggingFaceFW/fineweb@9bb295d",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["base", "corpus"],
)
def test_a_hub_that_does_not_answer(tmp_path: Path, changed: dict[str, object], sentence: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    said = refusal(run(tmp_path, {**SMOKE, **changed}, HF_ENDPOINT=nobody, HF_HUB_OFFLINE="0"))
    assert sentence in said
    assert "heck the network" in said
