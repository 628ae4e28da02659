"""The rights that infra/ grants are those the code needs, compared with the requests it sends."""

import json
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session

from hindsight.cli.main import main
from tasks.common.settings import project_root
from tasks.store import s3_client
from tasks.store.export import export
from tasks.store.gc import find_garbage, remove
from tasks.store.leases import new_lease, renew, take
from tasks.store.objects import UnfinishedUpload
from tasks.store.receipts import release_compute, verify
from tasks.store.store import open_store
from tests.store.small_artifact import published

WORKER_POLICY, GC_POLICY = "s3-policy.json", "s3-policy-gc.json"
ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
}
"""Source: AWS Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"."""

Request = tuple[str, str, str]
"""Action, resource, prefix of a listing."""


def several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements(name: str) -> list[dict[str, Any]]:
    policy = json.loads((project_root() / "infra" / name).read_text())
    assert policy["Version"] == "2012-10-17"
    return policy["Statement"]


def is_allowed(name: str, request: Request) -> bool:
    action, resource, prefix = request
    for statement in statements(name):
        fits = action in several(statement["Action"])
        fits = fits and any(fnmatchcase(resource, pattern) for pattern in several(statement["Resource"]))
        wanted = statement.get("Condition", {}).get("StringLikeIfExists", {}).get("s3:prefix")
        if fits and (not prefix or wanted is None or fnmatchcase(prefix, wanted)):
            return True
    return False


@pytest.fixture
def requests(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Every request of this process's clients, with the policy's names for bucket and prefix."""
    seen: list[Request] = []
    bucket, prefix = s3_store.removeprefix("s3://").split("/")

    def note(params: dict[str, Any], model: Any, **others: Any) -> None:
        assert params["Bucket"] == bucket
        key = params.get("Key", "").replace(prefix, "PREFIX", 1)
        listed = params.get("Prefix", "").replace(prefix, "PREFIX", 1)
        resource = f"arn:aws:s3:::BUCKET/{key}" if key else "arn:aws:s3:::BUCKET"
        seen.append((ACTIONS[model.name], resource, listed))

    def session() -> Any:
        made = get_session()
        made.register("before-parameter-build.s3", note)
        return made

    monkeypatch.setattr(s3_client, "get_session", session)
    return seen


def work(folder: Path, target: Path) -> None:
    """Everything that a worker, a parent or a person does with a store, except gc."""
    store = open_store()
    store.probe()
    ref = published(store, folder)
    assert open_store().fetch(ref).is_dir()
    lease = take(store, new_lease("node-1", "one", "train/h100", ref.path, 60))
    renew(store, lease, 60)
    release_compute(store, "node-1", verify(ref), lambda: None)
    export(store, ref, target)
    for words in (["ls"], ["ls", "corpus"], ["show", "corpus/letters/latest"], ["leases"]):
        assert main(["store", *words]) == 0
    with pytest.raises(FileNotFoundError):
        store.objects.read("leases/missing.json")


def collect_garbage() -> None:
    store = open_store()
    remove(store, find_garbage(store, older_than_hours=0))
    store.objects.delete(f"blobs/{'0' * 64}")


@pytest.fixture
def swept(requests: list[Request], folder: Path) -> list[Request]:
    published(open_store(), folder)
    requests.clear()
    collect_garbage()
    return requests


def test_a_worker_may_do_all_it_does(requests: list[Request], folder: Path, tmp_path: Path) -> None:
    work(folder, tmp_path / "out")
    assert {action for action, _, _ in requests} == {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"}
    assert [request for request in requests if not is_allowed(WORKER_POLICY, request)] == []


def test_gc_may_do_all_it_does(swept: list[Request]) -> None:
    assert {"s3:DeleteObject", "s3:ListBucketMultipartUploads"} <= {action for action, _, _ in swept}
    assert [request for request in swept if not is_allowed(GC_POLICY, request)] == []


def test_an_unfinished_upload_is_aborted_with_a_granted_right(requests: list[Request]) -> None:
    store = open_store()
    store.objects.abort(UnfinishedUpload("blobs/x", "no-such-upload", datetime.now(UTC)))
    aborts = [request for request in requests if request[0] == "s3:AbortMultipartUpload"]
    assert len(aborts) == 1
    assert is_allowed(GC_POLICY, aborts[0])


@pytest.mark.parametrize("name", ["blobs/x", "train/letters/0123/record.json", "receipts/train/letters/0123/x.json"])
def test_a_worker_removes_nothing_that_was_published(name: str) -> None:
    assert not is_allowed(WORKER_POLICY, ("s3:DeleteObject", f"arn:aws:s3:::BUCKET/PREFIX/{name}", ""))
    assert is_allowed(WORKER_POLICY, ("s3:GetObject", f"arn:aws:s3:::BUCKET/PREFIX/{name}", ""))


@pytest.mark.parametrize("policy", [WORKER_POLICY, GC_POLICY])
@pytest.mark.parametrize("action", sorted(set(ACTIONS.values())))
def test_nothing_outside_the_prefix_is_granted(policy: str, action: str) -> None:
    assert not is_allowed(policy, (action, "arn:aws:s3:::BUCKET/elsewhere/blobs/x", ""))
    assert not is_allowed(policy, (action, "arn:aws:s3:::another", ""))
    assert not is_allowed(policy, (action, "arn:aws:s3:::BUCKET", "elsewhere/"))


def test_gc_writes_nothing_and_reads_only_records() -> None:
    assert not is_allowed(GC_POLICY, ("s3:PutObject", "arn:aws:s3:::BUCKET/PREFIX/blobs/x", ""))
    assert not is_allowed(GC_POLICY, ("s3:GetObject", "arn:aws:s3:::BUCKET/PREFIX/blobs/x", ""))


@pytest.mark.parametrize("policy", [WORKER_POLICY, GC_POLICY])
def test_no_policy_grants_by_wildcard(policy: str) -> None:
    granted = [action for statement in statements(policy) for action in several(statement["Action"])]
    assert [action for action in granted if "*" in action] == []
    assert all(statement["Effect"] == "Allow" for statement in statements(policy))
