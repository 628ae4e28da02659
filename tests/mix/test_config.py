"""What a mix's config refuses, and what identifies a mix."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.formulas.files import FILES as CATALOGUE
from tasks.formulas.files import catalogue_sha256
from tasks.mix.config import FilesSource, MixConfig

FILES = [{"path": "/data/a.jsonl"}]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"sources": [{"kind": "features"}, {"kind": "scenarios", "name": "features"}]},
            "two sources are named 'featu",
        ),
        ({"sources": [{"kind": "features", "weight": 0}, {"kind": "pairs"}]}, r"role sft \(features\) sum to 0"),
        ({"sources": [{"kind": "files", "name": "a", "role": "rl", "files": FILES}]}, "be 'sft' or 'preference'"),
        ({"sources": [{"kind": "pairs", "role": "sft"}]}, "Input should be 'preference'"),
        ({"sources": [{"kind": "features", "weight": float("nan")}]}, "finite number"),
        ({"sources": [{"kind": "features", "weight": 0.001}]}, "weight=0.001 is below 0.01"),
        ({"holdout_from": "2020-01-02", "train_until": "2020-01-02"}, "the hold-out starts before the training ends"),
    ],
)
def test_a_mix_that_cannot_be_made_is_refused_before_it_is_started(settings, message):
    with pytest.raises(ValidationError, match=message):
        MixConfig(**settings)


def test_a_relative_path_needs_a_digest():
    with pytest.raises(ValidationError, match=r"'a\.jsonl' is relative, so that another folder's files would count"):
        FilesSource(name="a", role="sft", files=[{"path": "a.jsonl"}])
    assert FilesSource(name="a", role="sft", files=[{"path": "a.jsonl", "sha256": "0" * 64}])


def test_a_source_of_weight_zero_is_left_out_of_a_role_that_has_another():
    assert MixConfig(sources=[{"kind": "features", "weight": 0}, {"kind": "scenarios"}])


def test_an_edited_catalogue_gives_another_mix(tmp_path):
    assert MixConfig().identity()["catalogue_sha256"] == catalogue_sha256(CATALOGUE)
    copies = [Path(shutil.copy(file, tmp_path)) for file in CATALOGUE]
    assert catalogue_sha256(copies) == catalogue_sha256(CATALOGUE)
    copies[-1].write_text(copies[-1].read_text() + "\n")
    assert catalogue_sha256(copies) != catalogue_sha256(CATALOGUE)


def test_the_config_loads_neither_torch_nor_pandas():
    code = "import sys, tasks.mix.config; print({'torch', 'transformers', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
