"""Faults during an upload: a short one is survived, a lasting one is reported, and no partial artifact is left."""

from contextlib import suppress

import pytest

from tasks.common.errors import HindsightError
from tasks.store.build import build
from tests.store.faults.faults import Fault, Interruption, Rule
from tests.store.faults.site import Site, content, stored

FOR_EVER = 1000
slow = pytest.mark.slow
N_BLOBS = 7
"""Blobs of the published folder: 1 of nothing, 1 of a few bytes, 1 of one chunk, 4 of the large file."""
UPLOAD_FAULTS = [Fault.SLOW_DOWN, Fault.RESET, Fault.LOST_REPLY, Fault.STALL, Fault.FLIP_SENT, Fault.LIE]


@pytest.mark.parametrize("fault", UPLOAD_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_on_every_first_upload_of_a_blob_is_survived(site: Site, fault: Fault) -> None:
    site.obey(Rule(fault, "PUT", times=1, of_each=True))
    ref = site.publish()
    assert len(site.proxy.harms) == N_BLOBS
    assert site.whole_or_absent() == ref


@pytest.mark.parametrize(
    "fault",
    [Fault.SLOW_DOWN, Fault.LOST_REPLY, pytest.param(Fault.RESET, marks=slow), pytest.param(Fault.STALL, marks=slow)],
    ids=lambda fault: fault.name,
)
def test_a_fault_on_the_upload_of_the_record_is_survived(each_site: Site, fault: Fault) -> None:
    each_site.obey(Rule(fault, "PUT", "record.json", times=1))
    ref = each_site.publish()
    assert each_site.proxy.harms == [fault]
    assert each_site.whole_or_absent() == ref
    assert each_site.fresh().records.others(ref) == []


@pytest.mark.parametrize(
    "fault", [Fault.SLOW_DOWN, Fault.RESET, Fault.LOST_REPLY, Fault.CUT, Fault.FLIP], ids=lambda f: f.name
)
def test_a_fault_on_every_first_reading_back_is_survived(rclone_site: Site, fault: Fault) -> None:
    rclone_site.obey(Rule(fault, "GET", "blobs/|record", times=1, of_each=True))
    ref = rclone_site.publish()
    assert rclone_site.whole_or_absent() == ref


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.LOST_REPLY, Fault.STALL], ids=lambda fault: fault.name)
@pytest.mark.parametrize(("method", "part"), [("HEAD", "record.json"), ("GET", "list-type")], ids=["head", "listing"])
def test_a_fault_on_listing_existing_objects_is_survived(site: Site, fault: Fault, method: str, part: str) -> None:
    site.obey(Rule(fault, method, part, times=1))
    ref = site.publish()
    assert site.proxy.harms == [fault]
    assert site.whole_or_absent() == ref


def test_a_burst_of_eight_times_503_is_survived(site: Site) -> None:
    site.obey(Rule(Fault.SLOW_DOWN, "PUT", times=8, of_each=True))
    ref = site.publish()
    assert site.proxy.harms == [Fault.SLOW_DOWN] * 8 * N_BLOBS
    assert site.whole_or_absent() == ref


@pytest.mark.parametrize("part", ["/blobs/", "record.json"])
@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.RESET, Fault.FLIP_SENT, Fault.LIE], ids=lambda f: f.name)
def test_a_fault_that_lasts_is_named_and_leaves_no_artifact(
    site: Site, few_tries: None, fault: Fault, part: str
) -> None:
    site.obey(Rule(fault, "PUT", part, times=FOR_EVER))
    with pytest.raises(HindsightError, match=part.strip("/")):
        site.publish()
    assert site.whole_or_absent() is None
    site.rerun_completes()


@pytest.mark.parametrize("part", ["/blobs/", pytest.param("record.json", marks=slow)])
def test_an_upload_whose_replies_never_arrive_is_found_complete(site: Site, few_tries: None, part: str) -> None:
    site.obey(Rule(Fault.STALL, "PUT", part, times=FOR_EVER))
    # The server executes each; only its answers are missing. A blob that reads back right was uploaded.
    ref = site.publish()
    assert site.whole_or_absent() == ref


def test_lost_replies_are_no_failure_where_the_object_reads_back_right(each_site: Site, few_tries: None) -> None:
    each_site.obey(Rule(Fault.LOST_REPLY, "PUT", "", times=FOR_EVER))
    ref = each_site.publish()
    assert each_site.whole_or_absent() == ref


def test_a_server_that_answers_nothing_is_named_with_its_address_and_without_secrets(
    site: Site, few_tries: None
) -> None:
    site.proxy.obey(lambda request: Fault.RESET)
    with pytest.raises(HindsightError, match=site.proxy.endpoint) as refusal:
        site.publish()
    assert all(secret not in str(refusal.value) for secret in (site.server.environment()["AWS_SECRET_ACCESS_KEY"],))
    assert site.whole_or_absent() is None


def test_publishing_again_uploads_only_what_is_missing(site: Site, few_tries: None) -> None:
    site.obey(Rule(Fault.SLOW_DOWN, "PUT", skip=3, times=FOR_EVER))
    with pytest.raises(HindsightError):
        site.publish()
    there = site.blobs_there()
    assert 3 <= len(there) < N_BLOBS
    site.rerun_completes()
    uploaded = {path.split("?")[0].split("/")[-1] for method, path in site.proxy.requests if method == "PUT"}
    assert len([name for name in uploaded if len(name) == 64]) == N_BLOBS - len(there)
    assert not any(name.split("/")[-1] in uploaded for name in there)


def test_a_published_artifact_stays_as_it_was_when_it_is_published_again(each_site: Site) -> None:
    ref, before = each_site.publish(), each_site.record_bytes()
    each_site.obey(Rule(Fault.LOST_REPLY, "PUT", "", times=1, of_each=True))
    assert each_site.publish() == ref
    assert each_site.record_bytes() == before


@pytest.mark.parametrize(
    "harm", ["cut", "other", pytest.param("grown", marks=slow), pytest.param("removed", marks=slow)]
)
def test_a_file_that_changes_while_it_is_published_yields_no_wrong_artifact(site: Site, harm: str) -> None:
    changing = site.folder / "deep" / "one-chunk.bin"
    before = changing.read_bytes()
    after = {"cut": before[:1000], "grown": before + b"more", "other": before[::-1], "removed": None}[harm]
    site.monkeypatch.setenv("HINDSIGHT_TRANSFERS", "1")

    def change() -> None:
        changing.unlink() if after is None else changing.write_bytes(after)

    site.obey(Rule(Interruption(change), "PUT"))
    with suppress(HindsightError, FileNotFoundError):
        site.publish()
    store = site.fresh()
    if ref := store.find(site.spec):
        assert stored(store, ref) == content(store.fetch(ref))
        assert stored(store, ref)["deep/one-chunk.bin"] in (before, after)


def test_an_exception_in_the_builder_publishes_nothing(site: Site) -> None:
    def make(inputs, folder):
        (folder / "half.txt").write_text("half")
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        build(site.client(), site.spec, make)
    assert site.proxy.count("PUT", "/blobs/") == 0
    assert site.record_bytes() is None
