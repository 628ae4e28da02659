"""Corpora of a few made documents, as the corpus stage lays them out but without token ids."""

import json
from collections.abc import Sequence
from pathlib import Path

from tasks.schemas.artifacts import Document, TextShards


def document(name: str, day: str, text: str | None = None) -> Document:
    return Document(id=name, date=day, text=text or f"A text of {name} that is long enough to be scored. " * 3)


def shards(folder: Path, training: Sequence[Document] = (), validation: Sequence[Document] = ()) -> TextShards:
    for place, documents in ((folder, training), (folder / "validation", validation)):
        (place / "texts").mkdir(parents=True)
        lines = "".join(f"{own.model_dump_json()}\n" for own in documents)
        (place / "texts" / "00000.jsonl").write_text(lines, encoding="utf-8")
    ledger = {"source": {"kind": "sotu"}, "cutoff": "2000-12-31", "side": "known", "n_documents": len(training)}
    (folder / "ledger.json").write_text(json.dumps(ledger))
    return TextShards(folder)
