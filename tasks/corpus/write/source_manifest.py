"""Which files a corpus is made of: what they hash to, and that they stay what they were."""

import json
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tasks.common.fsync import write_durably
from tasks.corpus.errors import SourceChanged
from tasks.corpus.sources.reader import SourceFile
from tasks.store.digests import sha256_of_file

Identify = Callable[[str, SourceFile | None], SourceFile]


def identify_local(file: Path, name: str, known: SourceFile | None = None) -> SourceFile:
    """A file of this machine: its size and sha256.

    Args:
        file: Where it lies.
        name: What the ledger calls it.
        known: What it was; believed, and not hashed again, if size and time of change are the same.
    """
    now = file.stat()
    if known and (known.size, known.modified) == (now.st_size, now.st_mtime_ns):
        return known
    return SourceFile(name, now.st_size, "sha256", sha256_of_file(file), now.st_mtime_ns)


class FileBook:
    """The files that were opened, hashed on the side while their documents are read.

    Args:
        identify: The reader's.
        page: Where they are written down for a resume.
    """

    def __init__(self, identify: Identify, page: Path) -> None:
        self._identify, self._page = identify, page
        self._before: dict[str, SourceFile] = {}
        if page.exists():
            self._before = {path: SourceFile(**fields) for path, fields in json.loads(page.read_text()).items()}
        self._found: dict[str, Future[SourceFile]] = {}
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="identify")

    def check(self) -> None:
        """Hold the files of an earlier start against what they are now.

        Raises:
            SourceChanged: If one is another.
        """
        for path in self._before:
            self.open(path)
        self.of(self._before)

    @property
    def attested(self) -> Collection[str]:
        """Files that an earlier start has identified."""
        return self._before.keys()

    def open(self, path: str) -> None:
        """Note a file whose documents are about to be read."""
        if path not in self._found:
            self._found[path] = self._threads.submit(self._identify, path, self._before.get(path))

    def of(self, paths: Iterable[str]) -> list[SourceFile]:
        """Files as they are, unchanged since the first start.

        Raises:
            SourceChanged: If one is another than it was.
        """
        return [self._unchanged(path) for path in paths]

    def save(self, drawn: Iterable[str]) -> None:
        """Write down what is known of files by now.

        Args:
            drawn: Files of which documents were drawn; they are waited for, so that a later start can tell whether they
                are still what they were.

        Raises:
            SourceChanged: If one of them is another than it was.
        """
        self.of(drawn)
        # A file that is only read ahead may fail; that is said when a document of it is wanted.
        done = {path: file.result() for path, file in self._found.items() if file.done() and not file.exception()}
        known = {path: asdict(file) for path, file in ({**self._before, **done}).items()}
        write_durably(self._page, json.dumps(known, indent=1))

    def close(self) -> None:
        """End the thread that hashes."""
        self._threads.shutdown(cancel_futures=True)

    def unchanged_at_the_end(self, paths: Iterable[str]) -> list[SourceFile]:
        """Files as they are now that everything is read, which must be what they were when they were opened.

        Raises:
            SourceChanged: If one was changed meanwhile.
        """
        files = []
        for path in paths:
            was = self._unchanged(path)
            files.append(_refuse_change(was, self._identify(path, was)))
        return files

    def _unchanged(self, path: str) -> SourceFile:
        now = self._found[path].result()
        return _refuse_change(self._before.get(path, now), now)


def _refuse_change(was: SourceFile, now: SourceFile) -> SourceFile:
    if not was.same_content(now):
        raise SourceChanged(
            f"{now.path} has {now.digest_kind} {now.digest[:12]} and {now.size:,} bytes; when its documents were first "
            f"read it had {was.digest_kind} {was.digest[:12]} and {was.size:,} bytes. Put the old file back, or remove "
            "the work folder of this corpus (below work/ in the state folder) to draw it anew."
        )
    return now
