"""A client killed at any point: no unfinished work counts, and a second run resumes."""

import random
import threading
import time
from multiprocessing.connection import wait

import pytest

from tests.store.faults.children import fetcher, publisher
from tests.store.faults.faults import Harm, Interruption, Request
from tests.store.faults.site import Site, content

N_FETCH_REQUESTS = 16
"""Requests of finding and fetching: the record and each of 7 blobs, twice."""
QUICK, ALL = range(6), range(6, 62)


class Killer:
    """Kills a process during a certain request, in its middle or after it, perhaps a moment later.

    Args:
        seed: Draws the request's number, the point in it and the moment.
        n_requests: Of a whole run.
    """

    def __init__(self, seed: int, n_requests: int) -> None:
        rng = random.Random(seed)  # noqa: S311
        self.n_before = rng.randrange(n_requests)
        self.halfway = rng.random() < 0.5
        self.seconds_later = rng.choice([0.0, rng.random() * 0.03])
        self.started = threading.Event()
        self.child = None

    def __call__(self, request: Request) -> Harm:
        return Interruption(self.kill, self.halfway) if request.n_before == self.n_before else None

    def kill(self) -> None:
        self.started.wait(60)
        if self.seconds_later:
            threading.Timer(self.seconds_later, self.child.kill).start()
            return
        self.child.kill()
        wait([self.child.sentinel], timeout=60)

    def follow(self, child) -> int | None:
        """Wait for the child's end. Returns its exit code."""
        self.child = child
        self.started.set()
        child.join(120)
        assert child.exitcode is not None, "the child neither ended nor was killed"
        return child.exitcode


def publish_killed(site: Site, seed: int) -> None:
    site.publish(site.client())
    n_requests = len(site.proxy.requests)
    site.url += "-killed"
    killer = Killer(seed, n_requests)
    site.proxy.obey(killer)
    exitcode = killer.follow(publisher(site))
    assert exitcode in (-9, 0)
    time.sleep(0.05)  # the proxy finishes the requests in progress
    found, there, before = site.whole_or_absent(), site.blobs_there(), site.record_bytes()
    assert found is not None or exitcode == -9
    assert list(site.fresh().objects.unfinished_uploads()) == []
    site.rerun_completes()
    sent = {path.split("/")[-1].split("?")[0] for method, path in site.proxy.requests if method == "PUT"}
    assert not {name.split("/")[-1] for name in there} & sent, "an existing blob was uploaded again"
    assert before is None or site.record_bytes() == before


def fetch_killed(site: Site, seed: int) -> None:
    ref = site.publish()
    killer = Killer(seed, N_FETCH_REQUESTS)
    site.proxy.obey(killer)
    assert killer.follow(fetcher(site)) in (-9, 0)
    assert len(site.proxy.harms) == 1
    site.cache_holds_nothing_wrong()
    assert content(site.client().fetch(ref)) == content(site.folder)
    assert site.whole_or_absent() == ref


@pytest.mark.parametrize("seed", QUICK)
def test_a_publisher_killed_at_a_random_point_leaves_a_whole_artifact_or_none(site: Site, seed: int) -> None:
    publish_killed(site, seed)


@pytest.mark.parametrize("seed", QUICK)
def test_a_fetcher_killed_at_a_random_point_leaves_no_wrong_file(site: Site, seed: int) -> None:
    fetch_killed(site, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", ALL)
def test_publishers_killed_at_many_points_leave_whole_artifacts_or_none(rclone_site: Site, seed: int) -> None:
    publish_killed(rclone_site, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", ALL)
def test_fetchers_killed_at_many_points_leave_no_wrong_file(rclone_site: Site, seed: int) -> None:
    fetch_killed(rclone_site, seed)
