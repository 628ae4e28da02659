"""Which artifacts an audit reads, in which order, and what it reports."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.store import audit as auditing
from tasks.store.audit import AuditConfig, audit, select
from tasks.store.catalogue import ArtifactSummary
from tasks.store.errors import StoreUnreachable
from tasks.store.findings import StoreNotWhole
from tasks.store.leases import new_lease
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published

LETTERS = 5 + 256 * 100


def several(store: Store, folder: Path, n_artifacts: int) -> list[ArtifactRef]:
    """Artifacts that share one blob and have one each."""
    refs = []
    for size in range(n_artifacts):
        (folder / "own.txt").write_text(f"only of {size}")
        refs.append(published(store, folder, ARTIFACT_TYPE.spec(SmallConfig(size=size))))
    return refs


def harm(store: Store, ref: ArtifactRef) -> None:
    """Change the blob that only this artifact has."""
    own = next(entry for entry in store.record(ref).files if entry.path == "own.txt")
    store.objects.write(store.blobs.name_of(own.sha256), b"x" * own.size)


def artifact_of(n_bytes: int, number: int = 0) -> ArtifactSummary:
    ref = ArtifactRef(kind="corpus", label="made", key=f"{number:016x}", digest="0" * 64)
    return ArtifactSummary(ref, n_bytes, ())


def test_every_artifact_is_read_and_gets_a_receipt(store: Store, folder: Path) -> None:
    refs = several(store, folder, 3)
    found = audit(store, AuditConfig())
    assert {finding.path for finding in found.findings} == {ref.path for ref in refs}
    assert {finding.verdict for finding in found.findings} == {"whole"}
    assert {finding.message for finding in found.findings} == {info.name for info in store.objects.list("receipts/")}
    assert found.summary.startswith(f"3 of 3 artifacts of {store.url} read and hashed, 0.1 MB in ")
    found.check()


def test_a_damaged_artifact_hides_no_other_and_both_are_named(store: Store, folder: Path) -> None:
    first, second, whole = several(store, folder, 3)
    harm(store, first)
    harm(store, second)
    found = audit(store, AuditConfig())
    assert [finding.verdict for finding in found.findings] == ["damaged", "damaged", "whole"]
    with pytest.raises(StoreNotWhole, match=r"^2 artifacts of .* are not whole: ") as refused:
        found.check()
    assert all(f"file own.txt of artifact {ref.path} " in str(refused.value) for ref in (first, second))
    assert whole.path not in str(refused.value)


def test_an_unreadable_record_is_reported_and_the_others_are_read(store: Store, folder: Path) -> None:
    cut, _ = several(store, folder, 2)
    store.objects.write(f"{cut.path}/record.json", b'{"schema_version": 2')
    found = audit(store, AuditConfig())
    assert [(finding.path, finding.verdict) for finding in found.wrong] == [(cut.path, "unreadable")]
    assert "is not a valid record" in found.wrong[0].message
    assert [finding.verdict for finding in found.findings] == ["unreadable", "whole"]


def test_a_missing_input_of_another_artifact_is_reported(store: Store, folder: Path) -> None:
    source = published(store, folder)
    child = published(store, folder, ArtifactSpec("train", "letters", 1, SmallConfig(), {"corpus": source}))
    store.objects.delete(f"{source.path}/record.json")
    (missing,) = audit(store, AuditConfig()).wrong
    assert (missing.path, missing.verdict) == (source.path, "missing")
    assert missing.message == (
        f"artifact {source.path}, an input of {child.path}, is not in the store; rerun its stage to build it."
    )


def test_an_artifact_removed_while_it_is_read_is_not_damaged(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = several(store, folder, 1)
    read = auditing.verify

    def given_up_first(*arguments, **named):
        store.objects.delete(f"{ref.path}/record.json")
        return read(*arguments, **named)

    monkeypatch.setattr(auditing, "verify", given_up_first)
    found = audit(store, AuditConfig())
    assert [finding.verdict for finding in found.findings] == ["removed meanwhile"]
    found.check()


def test_after_three_unreadable_artifacts_in_a_row_the_rest_is_skipped(
    folder: Path, own_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = auditing.Store(str(own_state / "store"), own_state / "cache")
    refs = several(store, folder, 5)
    asked = []

    def away(ref: ArtifactRef, url: str) -> None:
        asked.append(ref)
        raise StoreUnreachable("no answer.")

    monkeypatch.setattr(auditing, "verify", away)
    found = audit(store, AuditConfig())
    assert len(asked) == 3
    assert {finding.verdict for finding in found.findings} == {"unread"}
    assert len(found.findings) == len(refs)
    assert found.findings[-1].message.endswith("was skipped: 3 in a row could not be read.")


def test_an_overdue_lease_is_reported_and_is_not_damage(store: Store, folder: Path) -> None:
    (ref,) = several(store, folder, 1)
    lease = new_lease("machine", "a dead parent", "train/h100", ref.path, 60)
    past = datetime.now(UTC) - timedelta(minutes=5)
    store.objects.write("leases/machine.json", lease.model_copy(update={"expires_at": past}).sealed().to_bytes())
    store.objects.write("leases/cut.json", b"{")
    found = audit(store, AuditConfig())
    assert len(found.leases) == 2
    assert found.leases[0].startswith("lease machine of a dead parent on train/h100 is overdue since ")
    assert "leases/cut.json" in found.leases[1]
    found.check()


def test_with_a_bound_every_artifact_is_audited_in_turn(store: Store, folder: Path) -> None:
    refs = several(store, folder, 3)
    one = AuditConfig(max_gigabytes=1.5 * LETTERS / 1e9)
    read = [[finding.path for finding in audit(store, one).findings] for _ in range(4)]
    assert all(len(paths) == 1 for paths in read)
    assert sorted(path for paths in read[:3] for path in paths) == sorted(ref.path for ref in refs)
    assert read[3] == read[0]


def test_another_stages_artifacts_are_not_audited(store: Store, folder: Path) -> None:
    (ref,) = several(store, folder, 1)
    published(store, folder, ArtifactSpec("merge", "letters", 1, SmallConfig()))
    found = audit(store, AuditConfig(kind="corpus"))
    assert ([finding.path for finding in found.findings], found.n_held, found.n_left_out) == ([ref.path], 2, 1)


def test_artifacts_larger_than_the_whole_bound_are_reported() -> None:
    small, large = artifact_of(10**8, 1), artifact_of(10**10, 2)
    assert select([large, small], {}, AuditConfig(max_gigabytes=1)) == ([small], [large])


def test_the_same_seed_draws_the_same_share_and_another_one_another() -> None:
    artifacts = [artifact_of(1, number) for number in range(100)]
    draws = [select(artifacts, {}, AuditConfig(share=0.1, seed=seed))[0] for seed in (1, 1, 2)]
    assert len(draws[0]) == 10
    assert draws[0] == draws[1] != draws[2]


@given(
    sizes=st.lists(st.integers(0, 3 * 10**9), max_size=30),
    share=st.floats(0.01, 1),
    bound=st.none() | st.floats(0.1, 10),
    proofs=st.dictionaries(st.integers(0, 29), st.sampled_from(["20260101", "20260201"])),
)
def test_the_selection_keeps_to_the_bound_and_no_other_artifact_would_have_fitted(sizes, share, bound, proofs) -> None:
    artifacts = [artifact_of(size, number) for number, size in enumerate(sizes)]
    moments = {artifacts[number].ref.path: moment for number, moment in proofs.items() if number < len(artifacts)}
    picked, never_fit = select(artifacts, moments, AuditConfig(share=share, max_gigabytes=bound, seed=1))
    limit = float("inf") if bound is None else bound * 10**9
    n_bytes = sum(artifact.n_bytes for artifact in picked)
    assert n_bytes <= limit
    assert [moments.get(one.ref.path, "") for one in picked] == sorted(moments.get(one.ref.path, "") for one in picked)
    assert all(artifact.n_bytes > limit for artifact in never_fit)
    if share == 1:
        left = [artifact for artifact in artifacts if artifact not in picked]
        assert all(artifact.n_bytes + n_bytes > limit for artifact in left)
