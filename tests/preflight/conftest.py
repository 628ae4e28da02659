"""The smoke recipe's inputs and its preflight artifact, made once for all tests of preflight."""

from pathlib import Path

import pytest

from tasks.base.task import publish_base
from tasks.common.settings import project_root
from tasks.corpus.task import publish_corpus
from tasks.panel.task import publish_panel
from tasks.preflight.task import publish_preflight
from tasks.recipe import load_recipe
from tasks.store.refs import ArtifactRef

SMOKE = load_recipe(project_root() / "configs" / "smoke.yaml")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, ArtifactRef]]:
    """A state folder whose store has base, corpus and panel, and what preflight published of them, as `passed`."""
    state = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HINDSIGHT_STATE", str(state))
        refs = {
            "base": publish_base.fn(SMOKE.base),
            "corpus": publish_corpus.fn(SMOKE.corpus),
            "panel": publish_panel.fn(SMOKE.panel),
        }
        return state, refs | {"passed": publish_preflight.fn(SMOKE, **refs)}
