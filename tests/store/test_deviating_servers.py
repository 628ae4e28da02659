"""What the store does where a server is not as S3 is. Whole suite against each: `make test-slow`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hindsight.cli.main import main
from tasks.store.gc import find_garbage, remove
from tasks.store.s3_listing import IncompleteListing, list_uploads
from tasks.store.store import Store, open_store
from tests.store.mimic import Deviations, Mimic, serve_mimic
from tests.store.small_artifact import published

Serve = Callable[..., Mimic]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a server with deviations, and make it the store's."""
    with ExitStack() as running:

        def start(**deviations: object) -> Mimic:
            mimic = running.enter_context(serve_mimic(Deviations(**deviations)))
            for name, value in mimic.environment().items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("HINDSIGHT_STORE", f"s3://{mimic.bucket}/p")
            return mimic

        yield start


def names(store: Store, prefix: str = "") -> list[str]:
    return [info.name for info in store.objects.list(prefix)]


@pytest.mark.parametrize("next_page", ["token", "none", "marker"])
@pytest.mark.parametrize("n_objects", [0, 1, 3, 4, 10])
def test_a_listing_is_whole_however_the_server_goes_on(serve: Serve, next_page: str, n_objects: int) -> None:
    serve(page_size=3, next_page=next_page)
    store = open_store()
    expected = [f"corpus/ä {number:02d}+%" for number in range(n_objects)]
    for name in expected:
        store.objects.write(name, b"x")
    assert names(store) == expected
    assert names(store, "corpus/ä 0") == expected
    assert names(store, "train/") == []


def test_a_listing_whose_rest_is_not_given_is_an_error_and_gc_removes_nothing(serve: Serve, folder: Path) -> None:
    mimic = serve()
    store = open_store()
    published(store, folder)
    kept = set(mimic.objects)
    mimic.deviations = Deviations(page_size=1, next_page="never")
    with pytest.raises(IncompleteListing, match=r"incomplete: the server says that more follows after 'p/blobs/"):
        remove(store, find_garbage(store, older_than_hours=0))
    assert set(mimic.objects) == kept
    assert main(["store", "ls"]) == 1
    with pytest.raises(IncompleteListing):
        list(store.objects.list(""))


def test_a_store_of_more_than_a_page_keeps_its_blobs(serve: Serve, folder: Path) -> None:
    """A page has 1,000 keys: without the rest the records would not be seen, and their blobs removed."""
    mimic = serve(next_page="none")
    store = open_store()
    ref = published(store, folder)
    for number in range(1_100):
        mimic.objects[f"p/aaa/{number:04d}"] = next(iter(mimic.objects.values()))
    assert find_garbage(store, older_than_hours=0).blobs == ()
    remove(store, find_garbage(store, older_than_hours=0))
    assert open_store().fetch(ref).is_dir()


def test_unfinished_uploads_that_go_on_nowhere_are_an_error() -> None:
    with pytest.raises(IncompleteListing, match="unfinished uploads"):
        list(list_uploads(lambda operation, arguments: {"IsTruncated": True, "Uploads": []}, "p/"))


@pytest.mark.parametrize("condition", ["ignored", "400", "bare 501", "NotImplemented"])
def test_only_412_and_409_are_enforcement_and_a_server_that_refuses_the_header_is_written_without(
    serve: Serve, condition: str, folder: Path
) -> None:
    mimic = serve(condition=condition)
    store = open_store()
    assert not store.probe().conditional_writes
    ref = published(store, folder)
    assert open_store().fetch(ref).is_dir()
    assert store.objects.write_new("corpus/one", b"first")
    assert not store.objects.write_new("corpus/one", b"second")
    assert mimic.objects["p/corpus/one"][0] == b"first"


def test_a_server_that_enforces_says_so(serve: Serve) -> None:
    serve()
    found = open_store().probe()
    assert (found.conditional_writes, found.checks_sha256, found.checks_md5) == (True, True, True)


def test_a_range_is_the_range_where_the_server_sends_the_whole(serve: Serve) -> None:
    serve(ranges=False)
    objects = open_store().objects
    objects.write("blobs/x", bytes(range(200)))
    assert objects.read_range("blobs/x", 20, 30) == bytes(range(20, 30))
    assert objects.read_range("blobs/x", 190, 200) == bytes(range(190, 200))
    assert objects.read_range("blobs/x", 0, 200) == bytes(range(200))
