"""A server that is killed and restarted during a transfer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3_server import S3Server, serve_s3, serve_seaweedfs
from tests.store.faults.conftest import cap_pauses, site_of
from tests.store.faults.faults import Interruption, Rule
from tests.store.faults.site import Site, content


@pytest.fixture(params=["rclone", pytest.param("seaweedfs", marks=pytest.mark.slow)])
def mortal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[S3Server]:
    """A server that no other test uses."""
    (tmp_path / "s3").mkdir()
    serve = {"rclone": serve_s3, "seaweedfs": serve_seaweedfs}[request.param]
    with serve(tmp_path / "s3") as server:
        yield server


@pytest.fixture
def mortal_site(mortal: S3Server, request: pytest.FixtureRequest) -> Iterator[Site]:
    for site in site_of(mortal, request):
        # Pauses long enough for a server that comes back in a second.
        cap_pauses(site.monkeypatch, 1.0)
        yield site


@pytest.mark.parametrize("part", ["/blobs/", "record.json"])
def test_an_upload_survives_a_server_killed_in_its_middle_and_started_again(mortal_site: Site, part: str) -> None:
    mortal_site.obey(Rule(Interruption(mortal_site.server.restart), "PUT", part))
    ref = mortal_site.publish()
    assert len(mortal_site.proxy.harms) == 1
    assert mortal_site.whole_or_absent() == ref


@pytest.mark.parametrize("halfway", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_fetch_survives_a_server_killed_in_its_middle_and_started_again(mortal_site: Site, halfway: bool) -> None:
    ref = mortal_site.publish()
    mortal_site.obey(Rule(Interruption(mortal_site.server.restart, halfway), "GET", skip=2))
    assert content(mortal_site.client().fetch(ref)) == content(mortal_site.folder)
    assert len(mortal_site.proxy.harms) == 1
    assert mortal_site.whole_or_absent() == ref


@pytest.mark.slow
@pytest.mark.parametrize("n_request", range(0, 24, 2))
def test_a_server_killed_at_any_request_of_a_publication_harms_nothing(mortal_site: Site, n_request: int) -> None:
    restart = Interruption(mortal_site.server.restart, halfway=n_request % 4 == 0)
    mortal_site.proxy.obey(lambda request: restart if request.n_before == n_request else None)
    ref = mortal_site.publish()
    assert mortal_site.whole_or_absent() == ref
    assert mortal_site.rerun_completes() == ref


@pytest.mark.parametrize("harmed", ["PUT", "GET"])
def test_requests_are_retried_after_the_clients_own_attempts(
    mortal_site: Site, harmed: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ref = mortal_site.publish() if harmed == "GET" else None
    cap_pauses(monkeypatch, 0.02)
    monkeypatch.setattr("tasks.store.s3_client.N_ATTEMPTS", 2)
    monkeypatch.setattr("tasks.store.s3_objects.RETRY_SECONDS", 60.0)
    absence = Interruption(lambda: mortal_site.server.restart(seconds_down=3))
    mortal_site.obey(Rule(absence, harmed, "/blobs/"))
    if ref is None:
        ref = mortal_site.publish()
    else:
        assert content(mortal_site.client().fetch(ref)) == content(mortal_site.folder)
    assert "retry 1 in 1.0 s" in caplog.text
    assert mortal_site.whole_or_absent() == ref
