"""What a mix's config refuses."""

import pytest
from pydantic import ValidationError

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
