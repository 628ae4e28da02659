"""A stopped publication writes no record, however late it was stopped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.store.catalogue import record_paths
from tasks.store.publication import PublicationStopped, Stop
from tasks.store.store import open_store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig


def test_stopping_while_the_last_blob_is_read_back_writes_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a.txt").write_text("alpha")
    store, stop = open_store(), Stop()
    pieces = store.objects.stream

    def stop_then_read(name: str) -> Iterator[bytes]:
        stop.set()
        return pieces(name)

    monkeypatch.setattr(store.objects, "stream", stop_then_read)
    with pytest.raises(PublicationStopped, match="no record of it is written"):
        store.publish(ARTIFACT_TYPE.spec(SmallConfig()), tmp_path / "made", {}, 1, stop)
    assert list(record_paths(store)) == []
    assert len(list(store.objects.list("blobs/"))) == 1
