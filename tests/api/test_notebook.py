"""The notebook runs in a folder of the user's and shows the outputs it was committed with."""

import os
import runpy
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tasks.common.settings import project_root
from tasks.panel.build import write_panel
from tasks.panel.config import ARTIFACT_TYPE, PanelConfig
from tasks.store.build import build
from tasks.store.store import open_store

FILE = project_root() / "docs" / "notebooks" / "leakage_premium.ipynb"


def texts_of(notebook: NotebookNode) -> list[str]:
    """What each code cell prints and returns, as text; a figure by its kind."""
    return [
        "".join(output.get("text", "") or output["data"]["text/plain"] for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NotebookNode:
    """The notebook run by Jupyter's kernel in an empty folder; hindsight as this process imports it."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(project_root()), os.environ.get("PYTHONPATH", "")]))
    folder = tmp_path / "mine"
    folder.mkdir()
    return runpy.run_path(str(project_root() / "docs" / "notebook.py"))["executed"](folder)


@pytest.mark.slow
def test_the_notebook_shows_what_it_was_committed_with(executed: NotebookNode) -> None:
    committed = nbformat.read(FILE, as_version=4)
    assert texts_of(executed) == texts_of(committed), "run `python docs/notebook.py` and read the notebook again"
    shown = [output for cell in committed.cells for output in cell.get("outputs", [])]
    assert [output.output_type for output in shown if output.output_type not in ("execute_result", "stream")] == [
        "display_data"
    ]
    assert any("image/png" in output.get("data", {}) for output in shown)


def test_its_last_cell_opens_the_panel_of_a_smoke_run(capsys: pytest.CaptureFixture[str]) -> None:
    config = PanelConfig(n_stocks=20)
    build(open_store(), ARTIFACT_TYPE.spec(config, {}), lambda _, folder: write_panel(config, folder))
    last = nbformat.read(FILE, as_version=4).cells[-1].source
    exec(compile("import pandas as pd\n" + last, str(FILE), "exec"), {})  # noqa: S102
    assert capsys.readouterr().out == "600 rows of 20 stocks, up to 2022-09-26\n"
