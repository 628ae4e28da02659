"""Blobs larger than one send buffer: a retry starts at the first byte."""

import os

import pytest

from tests.store.faults.faults import Fault, Interruption, Rule
from tests.store.faults.site import Site, content

MB = 1 << 20


@pytest.fixture
def large_site(site: Site) -> Site:
    """Blobs of 3 MB, one file of 7 MB."""
    site.chunk_bytes = 3 * MB
    site.folder = site.scratch / "large"
    site.folder.mkdir()
    (site.folder / "model.bin").write_bytes(os.urandom(7 * MB))
    return site


@pytest.mark.parametrize(
    ("fault", "method"),
    [(Fault.RESET, "PUT"), (Fault.SLOW_DOWN, "PUT"), (Fault.FLIP_SENT, "PUT"), (Fault.CUT, "GET"), (Fault.FLIP, "GET")],
    ids=lambda part: getattr(part, "name", part),
)
def test_a_fault_on_each_large_blob_is_survived(large_site: Site, fault: Fault, method: str) -> None:
    large_site.obey(Rule(fault, method, times=1, of_each=True))
    ref = large_site.publish()
    assert large_site.proxy.harms == [fault] * 3
    assert large_site.whole_or_absent() == ref
    large_site.obey(Rule(fault, method, times=1, of_each=True))
    assert content(large_site.client().fetch(ref)) == content(large_site.folder)


def test_an_upload_from_a_file_that_is_overwritten_meanwhile_is_of_what_was_hashed(large_site: Site) -> None:
    before = content(large_site.folder)

    def overwrite() -> None:
        (large_site.folder / "model.bin").write_bytes(bytes(7 * MB))

    large_site.monkeypatch.setenv("HINDSIGHT_TRANSFERS", "3")
    # All three are in memory when the third is on its way.
    large_site.obey(Rule(Interruption(overwrite), "PUT", skip=2))
    ref = large_site.publish()
    assert content(large_site.fresh().fetch(ref)) == before
