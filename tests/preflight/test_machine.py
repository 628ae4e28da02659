"""Free space for the results: in the store, on this machine, on a rented one."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tasks.base.config import BaseConfig, HubSource, TinySource
from tasks.base.errors import HubUnavailable
from tasks.base.task import publish_base
from tasks.base.tiny import tiny_config
from tasks.common.settings import project_root
from tasks.preflight.checks.machine import _to_disk, _to_store, machine_checks
from tasks.preflight.planned_run import PlannedRun
from tasks.recipe import Recipe, load_recipe
from tasks.schemas.artifacts import Check
from tasks.store.store import Store, open_store
from tests.architectures import qwen_35b
from tests.corpus.hub_server import Answer, Hub, hub_of_model, refusal
from tests.embed.small_encoders import word_tokenizer

P = 34_660_610_688
TOKEN = "hf_ofThisTest"
GATED = BaseConfig(source=HubSource(repo="someone/gated", revision="a" * 40))


def subject(name: str, architecture: Any, **changed: Any) -> PlannedRun:
    fields = load_recipe(project_root() / "configs" / f"{name}.yaml").model_dump(mode="json")
    return PlannedRun.of(Recipe.model_validate(fields | changed), architecture, 30_000)


def lines(looked_at: PlannedRun, url: str, tmp_path: Path) -> dict[str, Check]:
    return {check.name: check for check in machine_checks(looked_at, Store(url, tmp_path / "cache"))}


def test_a_store_folder_without_room_for_the_full_weights_states_is_refused(tmp_path: Path) -> None:
    large = subject("fineweb-2017-26-full-weight", qwen_35b(moe_intermediate_size=512_000))
    space = lines(large, str(tmp_path / "store"), tmp_path)["store space"]
    embedded_twice = 2 * (2 * 4 * 30_000 * 2_048)
    needed = 3 * large.training.state_bytes + large.training.output_bytes + large.merged_bytes + embedded_twice
    assert shutil.disk_usage(tmp_path).free < needed
    assert not space.passed
    assert space.value.startswith(f"{needed / 1e9:,.1f} GB needed")


def test_a_bucket_has_no_quota_and_its_line_informs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    checks = lines(subject("fineweb-2017-26-full-weight", qwen_35b()), "s3://bucket/prefix", tmp_path)
    assert checks["store space"].passed
    assert "1,039.8 GB of it for training states" in checks["store space"].value
    assert "a bucket has no known quota" in checks["store space"].value
    assert checks["credentials"].value.startswith("store access by AWS_ACCESS_KEY_ID")
    assert "someone" not in checks["credentials"].value


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("url", ["{tmp_path}/store", "s3://bucket/prefix"])
def test_the_credentials_line_informs_of_what_opens_store_and_hub_and_shows_no_secret(
    url: str, token: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    smoke = subject("smoke", tiny_config(TinySource()))
    line = lines(smoke, url.format(tmp_path=tmp_path), tmp_path)["credentials"]
    assert (line.passed, line.bound) == (True, "for information")
    assert ("HF_TOKEN set" if token else "no HF_TOKEN") in line.value
    assert TOKEN not in line.value
    opened = "a profile or role of this machine" if "://" in url else "the store is a folder"
    assert opened in line.value


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with one small model, which is the hub of this process."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"model_type": "qwen3_5_moe_text"}))
    save_file({"weight": torch.ones(2)}, model / "model.safetensors")
    word_tokenizer().save_pretrained(model)
    with hub_of_model(model, "a" * 40, monkeypatch) as served:
        yield served


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusal(403, "GatedRepo", "Access to model someone/gated is restricted"), "it is gated: accept its terms"),
        (refusal(401, "GatedRepo", "You must be authenticated"), "it is gated: accept its terms on the hub and set HF"),
        (
            refusal(401, "RepoNotFound", "Invalid username"),
            "the hub has no such repository, or hides it from you: check the name",
        ),
        (refusal(404, "RevisionNotFound", "Invalid rev id"), "it has no such commit"),
        (
            refusal(401, "", "Invalid credentials in Authorization header"),
            r"the hub refuses it \(HTTP 401\): check that HF",
        ),
        (refusal(403, "", "Forbidden"), r"the hub refuses it \(HTTP 403\): check that HF_TOKEN is valid"),
    ],
)
@pytest.mark.parametrize("where", ["/tree/", "/resolve/"])
def test_a_gated_base_ends_before_preflight_and_before_anything_is_rented(
    hub: Hub, where: str, answer: Answer, reason: str
) -> None:
    hub.instead += [(where, answer)] * 20
    with pytest.raises(
        HubUnavailable, match=f"model someone/gated at revision aaaaaaaaaaaa was not fetched; .*{reason}"
    ):
        publish_base.fn(GATED)
    assert list(open_store().objects.list("base/")) == []


def test_with_a_token_a_gated_base_is_fetched_once_and_no_later_stage_accesses_the_hub(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    base = publish_base.fn(GATED)
    n_asked, asked = len(hub.requests), [request for request in hub.requests if "/tree/" in request.path]
    assert {request.headers["authorization"] for request in asked} == {f"Bearer {TOKEN}"}
    folder = open_store().fetch(publish_base.fn(GATED))
    assert (folder / "model.safetensors").stat().st_size > 0
    assert open_store().record(base).facts["repo"] == "someone/gated"
    said = (folder / "config.json").read_bytes() + open_store().record(base).model_dump_json().encode()
    assert TOKEN.encode() not in said
    line = lines(subject("smoke", tiny_config(TinySource())), str(tmp_path / "store"), tmp_path)["credentials"]
    assert line.value.endswith("base, tokenizer and corpus are in the store, so no later stage accesses the hub")
    assert len(hub.requests) == n_asked


def test_a_rented_machine_needs_base_three_states_and_the_result_twice(tmp_path: Path) -> None:
    disk = lines(subject("fineweb-2017-26-full-weight", qwen_35b()), str(tmp_path), tmp_path)["disk of h100x8"]
    assert disk.value.startswith(f"{(2 + 3 * 10 + 2 * 2) * P / 1e9:,.1f} GB needed: base 69.3 GB, 3 states of 346.6 GB")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the free bytes of every disk."""

    def leave(n_bytes: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=n_bytes))

    return leave


def test_store_and_state_folder_of_one_file_system_share_its_free_bytes(
    tmp_path: Path, free: Callable[[int], None]
) -> None:
    smoke = subject("smoke", tiny_config(TinySource()))
    in_store, here = _to_store(smoke), _to_disk(smoke)
    assert min(in_store, here) > 0
    for n_bytes, passed in ((in_store + here, True), (in_store + here - 1, False)):
        free(n_bytes)
        checks = lines(smoke, str(tmp_path / "store"), tmp_path)
        assert [checks[name].passed for name in ("store space", "disk of this machine")] == [passed, passed]
    assert "of it for the store, which is on the same file system" in checks["disk of this machine"].bound


def test_folders_of_two_file_systems_have_their_own_free_bytes(tmp_path: Path, free: Callable[[int], None]) -> None:
    other = Path("/dev", "shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second file system to write to")
    smoke = subject("smoke", tiny_config(TinySource()))
    free(max(_to_store(smoke), _to_disk(smoke)))
    with TemporaryDirectory(dir=other) as store:
        checks = lines(smoke, store, tmp_path)
    assert checks["store space"].passed
    assert checks["disk of this machine"].passed


@pytest.mark.parametrize(
    ("asked", "base", "precision", "number_bytes"),
    [
        ("fp32", "bfloat16", "bf16", 4),
        ("bf16", "float32", "fp32", 2),
        ("base", "float32", "bf16", 4),
        ("base", "bfloat16", "fp32", 2),
        ("base", None, "fp32", 4),
    ],
)
def test_a_merged_number_has_the_bytes_of_merges_dtype_or_the_bases(
    asked: str, base: str | None, precision: str, number_bytes: int
) -> None:
    fields = load_recipe(project_root() / "configs" / "fineweb-2017-26-lora.yaml").model_dump(mode="json")
    asked_for = subject(
        "fineweb-2017-26-lora",
        qwen_35b(dtype=base),
        merge={"dtype": asked},
        train=fields["train"] | {"precision": precision},
    )
    assert asked_for.merged_bytes == number_bytes * P


def test_a_model_merged_to_fp32_takes_the_store_and_the_disk_its_own_bytes_more() -> None:
    route = {"train": "h100", "merge": "cpu"}
    sixteen, wide = (
        subject("fineweb-2017-26-lora", qwen_35b(dtype="bfloat16"), merge={"dtype": dtype}, route=route)
        for dtype in ("bf16", "fp32")
    )
    assert _to_store(wide) - _to_store(sixteen) == 2 * P
    assert _to_disk(wide) - _to_disk(sixteen) == 2 * P


def test_this_machine_needs_space_only_for_its_own_results(tmp_path: Path) -> None:
    rented = subject("fineweb-2017-26-full-weight", qwen_35b())
    assert "at least 0.0 MB" in lines(rented, "s3://b/p", tmp_path)["disk of this machine"].bound
    merged_here = subject(
        "fineweb-2017-26-full-weight",
        qwen_35b(moe_intermediate_size=512_000),
        route={"train": "h100x8", "merge": "cpu"},
    )
    assert not lines(merged_here, "s3://b/p", tmp_path)["disk of this machine"].passed
    smoke = subject("smoke", tiny_config(TinySource()))
    assert lines(smoke, str(tmp_path), tmp_path)["disk of this machine"].passed
