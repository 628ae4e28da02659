"""What the page says of the corpus: its ledger, the signs of later days found in it, and who stands for it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tasks.provenance.statement import STATEMENT_NAME
from tasks.report.figures.corpus import documents_over_time
from tasks.report.tables.provenance import Row
from tasks.report.text import DASH, spaced
from tasks.store.records import Record

N_YEARS = 8
"""Later years with a row of their own; the others share one."""
COUNTS = {
    "row groups": "n_row_groups",
    "read": "n_read",
    "documents": "n_documents",
    "validation": "n_validation",
    "tokens": "n_tokens",
}


def corpus_part(folder: Path, records: Iterable[Record]) -> dict[str, Any] | None:
    """Everything the corpus section needs; None for a corpus without a ledger, as older ones are.

    Args:
        folder: The corpus.
        records: All artifacts of the run, the corpus among them.
    """
    file = folder / "ledger.json"
    if not file.exists():
        return None
    ledger: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    dumps = dump_rows(ledger["dumps"])
    return {
        "ledger": ledger,
        "figure": documents_over_time(ledger["documents_by_month"], ledger["cutoff"], ledger["side"]),
        "dumps": dumps,
        "corrupt": [f"{DASH} {file['path']} was left out: {file['why']}" for file in _corrupt(ledger["dumps"])],
        "numeric": list(dumps[0])[1:] if dumps else [],
        "scan": scan_part(ledger["scan"]) if ledger.get("scan") else None,
        "statement": statement_part(folder / STATEMENT_NAME, records),
    }


def dump_rows(dumps: Sequence[dict[str, Any]]) -> list[Row]:
    """A row per dump with what it gave and what was dropped for which reason; then the sum, where there are several."""
    reasons = sorted({reason for dump in dumps for reason in dump["dropped"]})
    counted = [
        {
            "files": len(dump["files"]),
            **{name: dump[field] for name, field in COUNTS.items()},
            **{spaced(reason): dump["dropped"].get(reason, 0) for reason in reasons},
        }
        for dump in dumps
    ]
    total = {name: sum(row[name] for row in counted) for name in (counted[0] if counted else ())}
    named = [*zip((dump["name"] for dump in dumps), counted, strict=True)] + (
        [("all", total)] if len(dumps) > 1 else []
    )
    return [{"dump": name, **{what: f"{n:,}" for what, n in row.items()}} for name, row in named]


def _corrupt(dumps: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
    return [file for dump in dumps for file in dump.get("corrupt", [])]


def scan_part(scan: dict[str, Any]) -> dict[str, Any]:
    """Later years and canary names as rows, and in how many documents they stand."""
    years = {int(year): n for year, n in scan["later_years"]["n_mentions"].items()}
    shown = dict(sorted(years.items())[:N_YEARS])
    rows = [{"year": str(year), "mentions": f"{n:,}"} for year, n in shown.items()]
    if rest := sum(years.values()) - sum(shown.values()):
        rows.append({"year": f"{max(shown) + 1} and later", "mentions": f"{rest:,}"})
    names = [
        {
            "name": name,
            "known from": found["known_on"],
            "documents": f"{found['n_documents']:,}",
            "such as": ", ".join(found["examples"]),
            "source of the day": found["source"],
        }
        for name, found in scan["canaries"]["found"].items()
    ]
    return {
        "n_documents": scan["n_documents"],
        "n_with_years": scan["later_years"]["n_documents"],
        "years": rows,
        "n_looked_for": len(scan["canaries"]["looked_for"]),
        "names": names,
    }


def statement_part(path: Path, records: Iterable[Record]) -> dict[str, str] | None:
    """The statement's digest, the path of the corpus that has it, and who signed it; None where there is none."""
    if not path.exists():
        return None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    mine = [
        record
        for record in records
        if record.kind == "corpus" and any((file.path, file.sha256) == (path.name, digest) for file in record.files)
    ]
    return {
        "sha256": digest,
        "path": mine[0].ref.path if mine else "CORPUS",
        "signed": _signed(mine[0].facts.get("signature") if mine else None, digest),
    }


def _signed(signature: Any, digest: str) -> str:
    """The signature as recorded: the page has no key to hold it against."""
    if not isinstance(signature, dict):
        return "Nobody has signed it."
    if signature.get("payload_sha256") != digest:
        return "The record holds a signature, but over other bytes than this statement's."
    keys = Counter(str(entry.get("keyid")) for entry in signature.get("signatures", []))
    return f"Signed with key {', '.join(keys)}, as recorded; this page has not checked the signature."
