"""Two builders of the same spec at once: one whole artifact exists, and a second one with other bytes is counted."""

import hashlib
from pathlib import Path

import pytest

from tasks.store.refs import ArtifactRef
from tasks.store.store import Store
from tests.store.faults.children import publisher
from tests.store.faults.faults import Interruption, Rule
from tests.store.faults.site import SMALL_CHUNK, Site, content, write_files


def other_folder(site: Site) -> Path:
    return write_files(site.scratch / "other", seed=1)


def run(*children) -> None:
    for child in children:
        child.join(60)
        assert child.exitcode == 0


def test_two_processes_with_the_same_bytes_make_one_artifact(each_site: Site) -> None:
    run(publisher(each_site), publisher(each_site))
    ref = each_site.whole_or_absent()
    assert ref is not None
    assert each_site.fresh().records.others(ref) == []


def test_of_two_processes_with_different_bytes_one_artifact_exists_and_is_whole(each_site: Site) -> None:
    folders = [each_site.folder, other_folder(each_site)]
    run(*[publisher(each_site, folder) for folder in folders])
    store = each_site.fresh()
    ref = store.find(each_site.spec)
    assert ref is not None
    assert content(store.fetch(ref)) in [content(folder) for folder in folders]
    assert store.find(each_site.spec) == ref


def test_the_second_builder_gets_the_first_one_s_artifact_and_is_counted(each_site: Site) -> None:
    first, before = each_site.publish(), each_site.record_bytes()
    second = each_site.client().publish(each_site.spec, other_folder(each_site), {"n": 3}, 9.5)
    assert second == first
    assert each_site.record_bytes() == before
    assert each_site.whole_or_absent() == first
    others = each_site.fresh().records.others(first)
    assert [other.seconds for other in others] == [9.5]
    assert others[0].digest != first.digest


def test_a_builder_overtaken_before_its_record_is_counted_if_the_server_has_conditional_writes(
    moto_site: Site,
) -> None:
    overtaken = overtake(moto_site)
    assert moto_site.whole_or_absent() == overtaken
    assert [other.seconds for other in moto_site.fresh().records.others(overtaken)] == [7.5]


def overtake(site: Site) -> ArtifactRef:
    """Have another client publish other bytes while this one's record is on its way. Returns this one's reference."""
    others = site.client("another")
    first: list[ArtifactRef] = []

    def publish_other() -> None:
        first.append(others.publish(site.spec, site.folder, {"n": 2}, 1.5))

    site.obey(Rule(Interruption(publish_other), "PUT", "record.json"))
    second = site.client().publish(site.spec, other_folder(site), {"n": 3}, 7.5)
    assert second == first[0]
    return second


def test_builders_on_a_folder_store_get_conditional_writes(tmp_path: Path, rclone_site: Site) -> None:
    rclone_site.url = str(tmp_path / "store")
    folders = [rclone_site.folder, other_folder(rclone_site)]
    run(*[publisher(rclone_site, folder) for folder in folders * 2])
    store = Store(rclone_site.url, tmp_path / "cache", SMALL_CHUNK)
    ref = store.find(rclone_site.spec)
    assert ref is not None
    fetched = content(store.fetch(ref))
    assert fetched in [content(folder) for folder in folders]
    others = store.records.others(ref)
    assert len(others) == 1
    assert others[0].digest != ref.digest


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_pairs_of_publishers_leave_one_whole_artifact(each_site: Site, seed: int) -> None:
    folders = [each_site.folder, other_folder(each_site)]
    chosen = folders if hashlib.sha256(bytes([seed])).digest()[0] & 1 else [folders[0]] * 2
    run(*[publisher(each_site, folder) for folder in chosen])
    store = each_site.fresh()
    ref = store.find(each_site.spec)
    assert ref is not None
    assert content(store.fetch(ref)) in [content(folder) for folder in chosen]
