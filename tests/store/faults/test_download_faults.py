"""Faults during a download: the right bytes in the final file, or an error and no file."""

import pytest

from tasks.common.errors import HindsightError
from tests.store.faults.faults import Fault, Rule
from tests.store.faults.site import Site, content

FOR_EVER = 1000
N_BLOBS = 7
DOWNLOAD_FAULTS = [Fault.SLOW_DOWN, Fault.LOST_REPLY, Fault.CUT, Fault.FLIP, Fault.STALL, Fault.STALL_HALFWAY]
QUICK_FAULTS = [Fault.SLOW_DOWN, Fault.CUT, Fault.FLIP, Fault.STALL]
SLOWER_FAULTS = QUICK_FAULTS + [
    pytest.param(fault, marks=pytest.mark.slow) for fault in DOWNLOAD_FAULTS if fault not in QUICK_FAULTS
]


@pytest.mark.parametrize("fault", DOWNLOAD_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_on_every_first_get_of_a_blob_is_survived(site: Site, fault: Fault) -> None:
    ref = site.publish()
    site.obey(Rule(fault, "GET", times=1, of_each=True))
    assert content(site.client().fetch(ref)) == content(site.folder)
    assert site.proxy.harms == [fault] * N_BLOBS


@pytest.mark.parametrize("fault", SLOWER_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_on_the_first_get_of_the_record_is_survived(site: Site, fault: Fault) -> None:
    ref = site.publish()
    site.obey(Rule(fault, "GET", "record.json", times=1))
    assert site.client().find(site.spec) == ref
    assert site.proxy.harms == [fault]


@pytest.mark.parametrize("fault", SLOWER_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_that_lasts_is_named_and_leaves_no_wrong_file(site: Site, few_tries: None, fault: Fault) -> None:
    ref = site.publish()
    site.obey(Rule(fault, "GET", times=FOR_EVER))
    with pytest.raises(HindsightError, match="blobs/"):
        site.client().fetch(ref)
    site.cache_holds_nothing_wrong()
    folder = site.scratch / "cache" / ref.path
    assert [path.name for path in folder.rglob("*") if path.suffix == ".part"] == []
    site.obey()
    assert content(site.client().fetch(ref)) == content(site.folder)


@pytest.mark.parametrize("fault", SLOWER_FAULTS, ids=lambda fault: fault.name)
def test_a_record_that_cannot_be_read_is_not_taken_for_an_absent_one(site: Site, few_tries: None, fault: Fault) -> None:
    site.publish()
    site.obey(Rule(fault, "GET", "record.json", times=FOR_EVER))
    with pytest.raises(HindsightError, match=r"record\.json"):
        site.client().find(site.spec)


def test_an_interrupted_fetch_resumes_with_the_files_it_has(rclone_site: Site, few_tries: None) -> None:
    ref = rclone_site.publish()
    rclone_site.obey(Rule(Fault.CUT, "GET", skip=5, times=FOR_EVER))
    with pytest.raises(HindsightError):
        rclone_site.client().fetch(ref)
    kept = content(rclone_site.scratch / "cache" / ref.path)
    assert kept
    rclone_site.obey()
    rclone_site.client().fetch(ref)
    assert rclone_site.proxy.count("GET", "/blobs/") < N_BLOBS


def test_a_long_lived_client_sees_another_s_artifact_at_once(site: Site) -> None:
    watcher = site.client("watcher")
    assert watcher.find(site.spec) is None
    ref = site.publish()
    assert watcher.find(site.spec) == ref
    assert content(watcher.fetch(ref)) == content(site.folder)
