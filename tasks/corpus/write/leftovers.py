"""What an earlier start left in the work folder, and what of it may be used."""

import hashlib
import json
import logging
import shutil
from collections.abc import Collection, Sequence
from itertools import takewhile
from pathlib import Path

from tasks.common.fsync import write_durably
from tasks.corpus.tokenize.engine import EngineSpec
from tasks.corpus.workers.work_items import Stratum

log = logging.getLogger(__name__)

MADE_BY = "made-by.json"
MADE = ("state.json", "pieces", "shards", "signatures", "files.json")
"""The state first: without it no shard counts, even if a kill leaves the rest."""


def begin_anew_if_made_otherwise(work: Path, engine: EngineSpec) -> None:
    """Remove what was made with another engine or tokenizer, whose ids may be what the new one was chosen against.

    Args:
        work: The corpus's work folder.
        engine: What tokenizes from now on; written down in `made-by.json`.
    """
    page = work / MADE_BY
    now = {"engine": engine.kind, "tokenizer_sha256": engine.tokenizer_sha256}
    before = json.loads(page.read_text()) if page.exists() else None
    if before == now:
        return
    if (work / "state.json").exists() or any((work / "pieces").iterdir()):
        made_by = f"{before['engine']}, tokenizer {before['tokenizer_sha256'][:12]}" if before else "an unknown engine"
        log.warning(
            "corpus: what %s made is removed and drawn anew by %s, tokenizer %s",
            made_by,
            engine.kind,
            engine.tokenizer_sha256[:12],
        )
        _remove(work)
    write_durably(page, json.dumps(now))


def remove_unpacked(scratch: Path, attested: Collection[str]) -> None:
    """Remove unpacked files whose packed file was not identified by an earlier start: it may have changed since.

    Args:
        scratch: Where they lie, named with a digest of the packed file's path.
        attested: Paths that were identified, and are what they were.
    """
    known = {hashlib.sha256(path.encode()).hexdigest()[:12] for path in attested}
    for file in scratch.iterdir():
        if not known & set(file.name.split(".")):
            file.unlink()


def remove_unattested(pieces: Path, strata: Sequence[Stratum], attested: Collection[str]) -> None:
    """Remove pieces of files that were not identified by an earlier start: the ledger would name the file as it is now.

    A piece is known by its unit's number, which stands for the same unit only up to the first file that may have
    changed; all from there on go.

    Args:
        pieces: Where they lie.
        strata: All of them.
        attested: Paths that were identified, and are what they were.
    """
    sure = {}
    for stratum in strata:
        files = list(takewhile(attested.__contains__, stratum.files))
        sure[stratum.index] = Stratum(stratum.index, stratum.name, stratum.quota, files, stratum.places)
    for file in sorted(pieces.iterdir()):
        index, _, number = file.stem.partition("-")
        if file.suffix != ".piece" or sure[int(index)].unit(int(number)) is None:
            file.unlink()


def _remove(work: Path) -> None:
    for path in (work / name for name in MADE):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (work / "pieces").mkdir()
