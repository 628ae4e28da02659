"""Removes what an earlier start left in the work folder and must not be used."""

import hashlib
import json
import logging
import shutil
from collections.abc import Collection, Sequence
from itertools import takewhile
from pathlib import Path

from tasks.common.fsync import write_durably
from tasks.corpus.tokenize.engine import EngineSpec
from tasks.corpus.workers.work_items import Group

log = logging.getLogger(__name__)

MADE_BY = "made-by.json"
MADE = ("state.json", "chunks", "shards", "signatures", "files.json")
"""The state is removed first: without it no shard counts, even if a kill leaves the rest."""


def discard_if_engine_changed(work: Path, engine: EngineSpec) -> None:
    """Remove what another engine or tokenizer made, because its ids may be wrong; save the engine in `made-by.json`."""
    page = work / MADE_BY
    now = {"engine": engine.kind, "tokenizer_sha256": engine.tokenizer_sha256}
    before = json.loads(page.read_text()) if page.exists() else None
    if before == now:
        return
    if (work / "state.json").exists() or any((work / "chunks").iterdir()):
        made_by = f"{before['engine']}, tokenizer {before['tokenizer_sha256'][:12]}" if before else "an unknown engine"
        log.warning(
            "corpus: what %s made is removed; the corpus is built from the start by %s, tokenizer %s",
            made_by,
            engine.kind,
            engine.tokenizer_sha256[:12],
        )
        for name in MADE:
            _remove(work / name)
        (work / "chunks").mkdir()
    write_durably(page, json.dumps(now))


def remove_unverified_copies(scratch_dir: Path, verified: Collection[str]) -> None:
    """Remove Arrow copies, unless their file is among the paths known to be unchanged, and unfinished ones."""
    # Their names hold a digest of the file's path.
    known = {hashlib.sha256(path.encode()).hexdigest()[:12] for path in verified}
    for file in scratch_dir.iterdir():
        if not known & set(file.name.split(".")):
            _remove(file)


def remove_unverified_chunks(chunks_dir: Path, groups: Sequence[Group], verified: Collection[str]) -> None:
    """Remove chunks, unless their file is known to be unchanged, because the ledger names files as they are now.

    A chunk's name holds its work item's number, which means the same work item only up to the first file that may have
    changed. All later chunks of the group are removed.
    """
    sure = {}
    for group in groups:
        files = list(takewhile(verified.__contains__, group.files))
        sure[group.index] = Group(group.index, group.name, group.quota, files, group.row_groups)
    for file in sorted(chunks_dir.iterdir()):
        index, _, number = file.stem.partition("-")
        if file.suffix != ".chunk" or sure[int(index)].item(int(number)) is None:
            file.unlink()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
