"""The corpus section: counts from the ledger, signs of later dates in the texts, and the signed statement."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tasks.common.text import DASH, Row
from tasks.provenance.statement import STATEMENT_NAME
from tasks.report.figures.training import documents_over_time
from tasks.report.text import spaced
from tasks.store.records import Record

N_YEARS = 8
"""Later years with a row each; the remaining ones share a row."""
COUNTS = {
    "row groups": "n_row_groups",
    "read": "n_read",
    "documents": "n_documents",
    "validation": "n_validation",
    "tokens": "n_tokens",
}


def corpus_section(folder: Path, records: Iterable[Record]) -> dict[str, Any] | None:
    """Everything the corpus section shows, from the corpus's folder and all records; None without a ledger."""
    file = folder / "ledger.json"
    if not file.exists():
        return None
    ledger: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    dumps = dump_rows(ledger["dumps"])
    corrupt = [file for dump in ledger["dumps"] for file in dump.get("corrupt", [])]
    return {
        "ledger": ledger,
        "figure": documents_over_time(ledger["documents_by_month"], ledger["cutoff"], ledger["side"]),
        "dumps": dumps,
        "corrupt": [f"{DASH} {file['path']} was left out: {file['why']}" for file in corrupt],
        "numeric": list(dumps[0])[1:] if dumps else [],
        "scan": scan_section(ledger["scan"]) if ledger.get("scan") else None,
        "statement": statement_section(folder / STATEMENT_NAME, records),
    }


def dump_rows(dumps: Sequence[dict[str, Any]]) -> list[Row]:
    """A row per dump with its counts and the documents dropped by reason; a sum below if there are several."""
    reasons = sorted({reason for dump in dumps for reason in dump["dropped"]})
    rows: list[tuple[str, dict[str, int]]] = [
        (
            dump["name"],
            {
                "files": len(dump["files"]),
                **{name: dump[field] for name, field in COUNTS.items()},
                **{spaced(reason): dump["dropped"].get(reason, 0) for reason in reasons},
            },
        )
        for dump in dumps
    ]
    if len(rows) > 1:
        rows.append(("all", {column: sum(counts[column] for _, counts in rows) for column in rows[0][1]}))
    return [{"dump": name, **{column: f"{n:,}" for column, n in counts.items()}} for name, counts in rows]


def scan_section(scan: dict[str, Any]) -> dict[str, Any]:
    """Mentions of later years and canary names as rows, with the numbers of documents."""
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
            "examples": ", ".join(found["examples"]),
            "source of the date": found["source"],
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


def statement_section(path: Path, records: Iterable[Record]) -> dict[str, str] | None:
    """The statement's digest, its corpus's path in the store, and its signature; None without a statement."""
    if not path.exists():
        return None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    own = next(
        (
            record
            for record in records
            if record.kind == "corpus" and any((file.path, file.sha256) == (path.name, digest) for file in record.files)
        ),
        None,
    )
    return {
        "sha256": digest,
        "path": own.ref.path if own else "CORPUS",
        "signed": _signature_sentence(own.facts.get("signature") if own else None, digest),
    }


def _signature_sentence(signature: Any, digest: str) -> str:
    """The signature as recorded: the page has no key to verify it with."""
    if not isinstance(signature, dict):
        return "It is not signed."
    if signature.get("payload_sha256") != digest:
        return "The record holds a signature, but over other bytes than this statement's."
    keys = dict.fromkeys(str(entry.get("keyid")) for entry in signature.get("signatures", []))
    return f"Signed with key {', '.join(keys)}, as recorded; this page has not verified the signature."
