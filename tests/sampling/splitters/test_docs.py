"""The printed folds are the folds."""

import runpy

from tasks.common.settings import project_root


def test_the_splitters_page_shows_what_the_splitters_do():
    page = runpy.run_path(str(project_root() / "docs" / "splitters.py"))["page"]()
    assert (project_root() / "docs" / "splitters.md").read_text() == page, "run `python docs/splitters.py`"
