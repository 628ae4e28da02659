"""gc and verify during faults: no needed blob is removed, and no receipt is wrong."""

from contextlib import suppress

import pytest

from tasks.common.errors import HindsightError
from tasks.store.gc import find_garbage, remove
from tasks.store.receipts import verify
from tests.store.faults.faults import Fault, Rule, drawn
from tests.store.faults.site import Site
from tests.store.faults.test_random_faults import MIX

FOR_EVER = 1000


def collect_garbage(site: Site) -> None:
    store = site.client()
    remove(store, find_garbage(store, older_than_hours=0))


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.CUT, Fault.FLIP], ids=lambda f: f.name)
@pytest.mark.parametrize("part", ["list-type", "record.json"])
def test_gc_that_reads_wrong_bytes_removes_no_blob_of_an_artifact(
    site: Site, few_tries: None, fault: Fault, part: str
) -> None:
    ref = site.publish()
    site.obey(Rule(fault, "GET", part, times=FOR_EVER))
    with suppress(HindsightError):
        collect_garbage(site)
    assert site.whole_or_absent() == ref


def test_gc_under_random_faults_removes_no_blob_of_an_artifact(rclone_site: Site, few_tries: None) -> None:
    ref = rclone_site.publish()
    rclone_site.monkeypatch.setenv("HINDSIGHT_S3_TIMEOUT", "0.4")
    for seed in range(4):
        rclone_site.proxy.obey(drawn(seed, 0.3, MIX))
        with suppress(HindsightError):
            collect_garbage(rclone_site)
        assert rclone_site.fresh().find(rclone_site.spec) == ref


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.FLIP, Fault.LIE], ids=lambda fault: fault.name)
def test_no_receipt_is_written_for_a_blob_that_cannot_be_read(site: Site, few_tries: None, fault: Fault) -> None:
    ref = site.publish()
    site.client()
    site.obey(Rule(fault, "GET", times=FOR_EVER))
    with pytest.raises(HindsightError, match=r"blobs/|file few\.txt|file empty|file deep"):
        verify(ref, site.url)
    assert [info.name for info in site.fresh().objects.list("receipts/")] == []
    site.obey()
    assert verify(ref, site.url).n_blobs == 7
