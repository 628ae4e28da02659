"""A bucket that fails in the middle of a file: read again where that can help, else refused with file and status."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.corpus.errors import CorpusError, DamagedSource, SourceChanged, SourceRefused, SourceUnreachable
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.mirror import Mirror
from tasks.corpus.sources.parquet import ParquetFiles
from tasks.corpus.sources.remote import MAX_ATTEMPTS
from tasks.schemas.artifacts import TextShards
from tests.corpus.sources.test_fineweb import build, fineweb
from tests.s3_server import S3Server
from tests.store.faults.conftest import cap_pauses
from tests.store.faults.faults import Fault, Refusal, Rule, first_of
from tests.store.faults.proxy import FaultProxy, fault_proxy
from tests.store.mimic import Deviations, serve_mimic

ROOT, PREFIX = "s3://hindsight/failing", "failing"
FILE = "data/CC-MAIN-2013-20/000_00000.parquet"
N_ATTEMPTS = 2
"""Of botocore, within each of ours."""


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    cap_pauses(monkeypatch, 0.01)
    monkeypatch.setenv("HINDSIGHT_S3_TIMEOUT", "0.5")
    monkeypatch.setattr("tasks.common.s3.N_ATTEMPTS", N_ATTEMPTS)
    monkeypatch.setattr("tasks.corpus.sources.remote.LONGEST_WAIT_SECONDS", 0.01)


@pytest.fixture
def proxy(
    mirror: Path, s3_store: str, s3_server: S3Server, short_waits: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultProxy]:
    """The mirror in a bucket, behind a proxy that adds faults."""
    for file in mirror.rglob("*.parquet"):
        s3_server.put(f"{PREFIX}/{file.relative_to(mirror)}", file.read_bytes())
    with fault_proxy(s3_server.address) as running:
        monkeypatch.setenv("HINDSIGHT_S3_ENDPOINT", running.endpoint)
        yield running


def documents(root: str) -> list[RawDocument]:
    """The last row group's, by a reader whose every range is a request."""
    path = f"{root.removeprefix('s3://')}/{FILE}"
    parquet = ParquetFiles(Mirror(root), with_scores=False)
    return list(parquet.documents(path, len(parquet.rows_by_group(path)) - 1))


@pytest.fixture
def no_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.corpus.sources.mirror.READ_AHEAD_BYTES", 1)


PASSING = [
    Refusal(429),
    Refusal(429, "TooManyRequests"),
    Refusal(500, "InternalError"),
    Refusal(503),
    Refusal(503, "SlowDown"),
    Refusal(400, "RequestTimeout"),
    Fault.CUT,
    Fault.LOST_REPLY,
    Fault.STALL_HALFWAY,
]


@pytest.mark.parametrize("harm", PASSING, ids=str)
def test_an_error_that_passes_in_the_middle_of_a_file_changes_no_document(
    proxy: FaultProxy, mirror: Path, no_read_ahead: None, harm: Fault | Refusal
) -> None:
    # The footer, then pages; each fault outlasts botocore's own attempts once.
    proxy.obey(Rule(harm, "GET", "parquet", times=N_ATTEMPTS + 1, skip=1))
    assert documents(ROOT) == documents(str(mirror))
    assert proxy.harms == [harm] * (N_ATTEMPTS + 1)


@pytest.mark.parametrize(
    ("harm", "error", "message"),
    [
        (Refusal(403, "AccessDenied"), SourceRefused, r"answers 403 Forbidden \(AccessDenied: .* the AWS_\* keys need"),
        (Refusal(400, "ExpiredToken"), SourceRefused, r"answers 400 Bad Request \(ExpiredToken: As the script says"),
        (Refusal(416), SourceUnreachable, r"answers 416 Requested Range Not Satisfiable"),
        (Refusal(501, "NotImplemented"), SourceUnreachable, r"answers 501 Not Implemented \(NotImplemented"),
        (Refusal(404, "NoSuchKey"), SourceChanged, r"is missing now, although it was listed"),
    ],
)
def test_an_error_that_lasts_is_refused_at_once_with_file_and_status(
    proxy: FaultProxy,
    no_read_ahead: None,
    harm: Refusal,
    error: type[CorpusError],
    message: str,
) -> None:
    proxy.obey(Rule(harm, "GET", "parquet", times=1_000, skip=1))
    with pytest.raises(error, match=rf"^{ROOT}/{FILE} .*{message}"):
        documents(ROOT)
    assert len(proxy.harms) == 1


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (Refusal(429), "the server answers 429 Too Many Requests"),
        (Refusal(500, "InternalError"), r"the server answers 500 Internal Server Error \(InternalError: As the script"),
        (Refusal(503), "the server answers 503 Service Unavailable"),
        (Fault.CUT, "the answer broke off, or none came"),
        (Fault.LOST_REPLY, "no answer from the S3 server"),
    ],
)
def test_a_server_that_stays_busy_or_away_is_refused_with_file_and_status(
    proxy: FaultProxy, no_read_ahead: None, harm: Fault | Refusal, message: str
) -> None:
    proxy.obey(Rule(harm, "GET", "parquet", times=1_000, skip=1))
    with pytest.raises(SourceUnreachable, match=rf"^{ROOT}/{FILE} cannot be read: .*{message}.* or name a mirror"):
        documents(ROOT)
    assert len(proxy.harms) >= MAX_ATTEMPTS


def test_a_corpus_read_through_a_failing_server_is_the_one_of_its_files(
    proxy: FaultProxy, mirror: Path, tmp_path: Path
) -> None:
    # Of each listing, file and last look at a digest.
    first, second = Rule(Refusal(429), "GET", ".", of_each=True), Rule(Fault.CUT, "GET", ".", of_each=True, skip=1)
    build(fineweb(mirror), tmp_path / "local")
    proxy.obey(first_of(first, second))
    build(fineweb(ROOT), tmp_path / "s3")
    assert proxy.harms.count(first.harm) >= 5
    assert proxy.harms.count(second.harm) >= 5
    local, remote = TextShards(tmp_path / "local"), TextShards(tmp_path / "s3")
    assert list(remote.documents()) == list(local.documents())


def test_a_server_that_sends_the_whole_file_for_a_range_is_refused(
    mirror: Path, short_waits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_mimic(Deviations(ranges=False)) as mimic:
        for name, value in mimic.environment().items():
            monkeypatch.setenv(name, value)
        S3Server(mimic.endpoint, [], mirror).put(f"mirror/{FILE}", (mirror / FILE).read_bytes())
        with pytest.raises(
            SourceUnreachable, match=rf"s3://hindsight/mirror/{FILE} cannot be read by ranges: .* sends"
        ):
            documents("s3://hindsight/mirror")


def test_a_damaged_footer_is_not_a_server_that_is_away(mirror: Path) -> None:
    content = bytearray((mirror / FILE).read_bytes())
    content[-600:-300] = b"\xff" * 300
    (mirror / FILE).write_bytes(content)
    with pytest.raises(DamagedSource, match=rf"{FILE} cannot be read as parquet: .* Fetch the file again"):
        documents(str(mirror))
