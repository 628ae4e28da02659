"""An updater that is killed at any point leaves production old or new, and whole; the next update goes on."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from flows.live.update import update_line
from tasks.common.settings import project_root
from tasks.versions.history import read_history
from tasks.versions.moves import check_artifacts
from tests.live.killed import POINTS
from tests.live.small_live import AT, LINE, InlineRun, own_store, recipe, rising_desk


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_updater_leaves_production_old_or_new_and_whole(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", "")
    store = own_store(tmp_path)
    outcomes = rising_desk()
    command = [sys.executable, "-m", "tests.live.killed", point, str(outcomes)]
    assert subprocess.run(command, cwd=project_root(), env=os.environ.copy()).returncode == -signal.SIGKILL
    history = read_history(store.objects, LINE)
    assert history.production is not None
    assert history.production.name == ("v2" if point == "after promote" else "v1")
    check_artifacts(store, LINE, history.production)
    update_line(recipe(outcomes), AT + timedelta(hours=4), InlineRun("up"), store, "ada")
    after = read_history(store.objects, LINE).production
    assert after is not None
    assert after.name == "v2"
    check_artifacts(store, LINE, after)
