"""The files a corpus is made of: their digests, and checks that they did not change."""

import json
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tasks.common.fsync import write_durably
from tasks.corpus.errors import SourceChanged
from tasks.corpus.sources.reader import SourceFile

Identify = Callable[[str, SourceFile | None], SourceFile]


class SourceManifest:
    """The files that were opened. A thread hashes them while their documents are read.

    Args:
        identify: The reader's method.
        page: Where they are saved for a resume.
    """

    def __init__(self, identify: Identify, page: Path) -> None:
        self._identify, self._page = identify, page
        self._before: dict[str, SourceFile] = {}
        if page.exists():
            self._before = {path: SourceFile(**fields) for path, fields in json.loads(page.read_text()).items()}
        self._found: dict[str, Future[SourceFile]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="identify")

    @property
    def verified(self) -> Collection[str]:
        """Paths that an earlier start identified; unchanged once `check` has passed."""
        return self._before.keys()

    def check(self) -> None:
        """Compare the files of an earlier start with their current state.

        Raises:
            SourceChanged: If one differs.
        """
        for path in self._before:
            self.open(path)
        for path in self._before:
            self._unchanged(path)

    def open(self, path: str) -> None:
        """Start to identify a file whose documents are about to be read."""
        if path not in self._found:
            self._found[path] = self._thread.submit(self._identify, path, self._before.get(path))

    def save(self, sampled: Iterable[str]) -> None:
        """Save the digests known by now.

        Args:
            sampled: Files from which documents were sampled. Waits for their digests, so that a later start can tell
                whether they changed.

        Raises:
            SourceChanged: If one of them differs from its earlier state.
        """
        for path in sampled:
            self._unchanged(path)
        # The error of a file that was only read ahead is raised when a document of it is needed.
        done = {path: file.result() for path, file in self._found.items() if file.done() and not file.exception()}
        known = {path: asdict(file) for path, file in ({**self._before, **done}).items()}
        write_durably(self._page, json.dumps(known, indent=1))

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def check_after_reading(self, paths: Iterable[str]) -> list[SourceFile]:
        """The files as they are now, after all documents were read.

        Raises:
            SourceChanged: If one changed since it was opened.
        """
        files = []
        for path in paths:
            was = self._unchanged(path)
            files.append(_check_unchanged(was, self._identify(path, was)))
        return files

    def _unchanged(self, path: str) -> SourceFile:
        now = self._found[path].result()
        return _check_unchanged(self._before.get(path, now), now)


def _check_unchanged(was: SourceFile, now: SourceFile) -> SourceFile:
    if not was.same_content(now):
        raise SourceChanged(
            f"{now.path} has {now.digest_kind} {now.digest[:12]} and {now.size:,} bytes; when its documents were first "
            f"read it had {was.digest_kind} {was.digest[:12]} and {was.size:,} bytes. Put the old file back, or remove "
            "the work folder of this corpus (below work/ in the state folder) to build it from the start."
        )
    return now
