"""`ledger.json`: what the corpus was drawn from and what became of everything read, the same for the same input."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from tasks.corpus.config import CorpusConfig
from tasks.corpus.sources.reader import SourceFile
from tasks.corpus.workers.work_items import Stratum
from tasks.corpus.write.counts import Census, DumpCensus
from tasks.corpus.write.source_manifest import FileBook

NAME = "ledger.json"


def write_ledger(
    folder: Path,
    config: CorpusConfig,
    strata: Sequence[Stratum],
    census: Census,
    files: FileBook,
    scan: dict[str, JsonValue],
    tokenizer_sha256: str,
) -> None:
    """Write an artifact's ledger.

    Args:
        folder: The artifact's.
        config: What was drawn.
        strata: In their order.
        census: Counts.
        files: What the files hash to.
        scan: Signs of later days in the text.
        tokenizer_sha256: What made the ids.

    Raises:
        SourceChanged: If a file is not what it was when it was opened.
    """
    content: dict[str, JsonValue] = {
        "cutoff": str(config.cutoff),
        "side": config.side,
        "source": config.source.identity(),
        "dumps": [
            _dump(stratum.name, stratum.quota, dump, files.unchanged_at_the_end(dump.files))
            for stratum, dump in zip(strata, census.dumps, strict=True)
        ],
        "documents_by_month": dict(census.by_month(census.documents_by_day)),
        "tokens_by_month": dict(census.by_month(census.tokens_by_day)),
        "first_day": min(census.tokens_by_day),
        "last_day": max(census.tokens_by_day),
        "n_documents": census.n_documents,
        "n_tokens": census.n_tokens,
        "validation": {"n_documents": census.n_validation_documents, "n_tokens": census.n_validation_tokens},
        "scan": scan,
        "tokenizer_sha256": tokenizer_sha256,
    }
    (folder / NAME).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _dump(name: str, quota: int, dump: DumpCensus, files: Sequence[SourceFile]) -> JsonValue:
    described: dict[str, JsonValue] = {
        "name": name,
        "quota": quota,
        "files": [_file(file) for file in sorted(files, key=lambda file: file.path)],
        "n_row_groups": sum(dump.files.values()),
        "n_read": dump.n_read,
        "n_documents": dump.n_documents,
        "n_validation": dump.n_validation,
        "n_tokens": dump.n_tokens,
        "dropped": dict(sorted(dump.settled().items())),
    }
    if dump.corrupt:
        described["corrupt"] = [{"path": path, "why": why} for path, why in sorted(dump.corrupt.items())]
    return described


def _file(file: SourceFile) -> JsonValue:
    return {
        "path": file.path,
        "size": file.size,
        "digest": {"kind": file.digest_kind, "value": file.digest},
    }
