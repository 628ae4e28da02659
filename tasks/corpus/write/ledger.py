"""`ledger.json`: sources, counts and drops of a corpus. The same input gives the same bytes."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from tasks.corpus.config import CorpusConfig
from tasks.corpus.sources.reader import SourceFile
from tasks.corpus.workers.work_items import Group
from tasks.corpus.write.counts import Counts, GroupCounts, by_month
from tasks.corpus.write.source_manifest import SourceManifest

NAME = "ledger.json"


def write_ledger(
    folder: Path,
    config: CorpusConfig,
    groups: Sequence[Group],
    counts: Counts,
    manifest: SourceManifest,
    scan: dict[str, JsonValue],
    tokenizer_sha256: str,
) -> None:
    """Write an artifact's ledger into its folder; `scan` are the facts of the scan.

    Raises:
        SourceChanged: If a file changed since it was opened.
    """
    content: dict[str, JsonValue] = {
        "cutoff": str(config.cutoff),
        "side": config.side,
        "source": config.source.identity(),
        "dumps": [
            _dump(group, own, manifest.check_after_reading(own.files))
            for group, own in zip(groups, counts.dumps, strict=True)
        ],
        "documents_by_month": dict(by_month(counts.documents_by_day)),
        "tokens_by_month": dict(by_month(counts.tokens_by_day)),
        "first_day": min(counts.tokens_by_day),
        "last_day": max(counts.tokens_by_day),
        "n_documents": counts.n_documents,
        "n_tokens": counts.n_tokens,
        "validation": {"n_documents": counts.n_validation_documents, "n_tokens": counts.n_validation_tokens},
        "scan": scan,
        "tokenizer_sha256": tokenizer_sha256,
    }
    (folder / NAME).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _dump(group: Group, counts: GroupCounts, files: Sequence[SourceFile]) -> JsonValue:
    described: dict[str, JsonValue] = {
        "name": group.name,
        "quota": group.quota,
        "files": [_file(file) for file in sorted(files, key=lambda file: file.path)],
        "n_row_groups": sum(counts.files.values()),
        "n_read": counts.n_read,
        "n_documents": counts.n_documents,
        "n_validation": counts.n_validation,
        "n_tokens": counts.n_tokens,
        "dropped": dict(sorted(counts.all_dropped().items())),
    }
    if counts.corrupt:
        described["corrupt"] = [{"path": path, "why": why} for path, why in sorted(counts.corrupt.items())]
    return described


def _file(file: SourceFile) -> JsonValue:
    return {
        "path": file.path,
        "size": file.size,
        "digest": {"kind": file.digest_kind, "value": file.digest},
    }
