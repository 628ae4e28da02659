"""Many random faults at once: every law holds, whether the work completes or fails."""

import pytest

from tasks.common.errors import HindsightError
from tests.store.faults.faults import Fault, drawn
from tests.store.faults.site import Site, content

MIX = [Fault.SLOW_DOWN, Fault.RESET, Fault.LOST_REPLY, Fault.CUT, Fault.FLIP, Fault.FLIP_SENT, Fault.STALL_HALFWAY]
MIX += [Fault.STALL, Fault.LIE]


def works_under_faults(site: Site, seed: int, rate: float) -> None:
    site.monkeypatch.setenv("HINDSIGHT_S3_TIMEOUT", "0.25")
    site.proxy.obey(drawn(seed, rate, MIX))
    try:
        published = site.publish()
    except HindsightError:
        published = None
    found = site.whole_or_absent()
    assert found is not None or published is None
    ref, before = site.rerun_completes(), site.record_bytes()
    site.proxy.obey(drawn(seed + 1_000_000, rate, MIX))
    store = site.client("under-faults")
    try:
        assert content(store.fetch(ref)) == content(site.folder)
        assert site.publish() == ref
    except HindsightError as refusal:
        assert ref.path in str(refusal) or "blobs/" in str(refusal) or site.proxy.endpoint in str(refusal)  # noqa: PT017
    site.cache_holds_nothing_wrong("under-faults")
    site.rerun_completes()
    assert site.record_bytes() == before


@pytest.mark.parametrize("seed", range(6))
def test_under_random_faults_an_artifact_is_whole_or_absent(site: Site, seed: int) -> None:
    works_under_faults(site, seed, 0.25)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 150))
def test_under_many_random_faults_an_artifact_is_whole_or_absent(rclone_site: Site, seed: int) -> None:
    works_under_faults(rclone_site, seed, 0.15 + 0.1 * (seed % 5))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 212))
def test_under_many_random_faults_on_another_server_too(moto_site: Site, seed: int) -> None:
    works_under_faults(moto_site, seed, 0.15 + 0.1 * (seed % 5))
