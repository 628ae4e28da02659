"""Axolotl's merge inside the training job does not run: asked of axolotl's own last save, with our settings."""

import pytest

from tests.train.trainer.axolotl_answers import facts

pytestmark = pytest.mark.trainer


def test_a_checkpoint_folder_alone_would_make_axolotl_merge() -> None:
    # The control: the layout axolotl leaves by itself.
    assert facts()["in_job_merges"]["checkpoint folder"]


@pytest.mark.parametrize("layout", ["marker", "neither", "checkpoint folder and marker"])
def test_neither_without_checkpoint_folders_nor_with_our_marker_does_axolotl_merge(layout: str) -> None:
    assert not facts()["in_job_merges"][layout]
