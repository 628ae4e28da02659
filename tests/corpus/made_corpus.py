"""A small corpus written by hand, with its ledger, in the layout the corpus stage publishes."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tasks.corpus.config import CorpusConfig, SotuSource
from tasks.schemas.artifacts import Document
from tasks.schemas.tokenizer import tokenizer_digest
from tests.model_fixtures import qwen

digest_of = cache(tokenizer_digest)
"""Of the tokenizer, made once: writing out 248,077 tokens takes a second."""
CONFIG = CorpusConfig(source=SotuSource(), cutoff="2017-07-02", token_budget=1_000, validation_share=0.2)
DAYS = ["2013-05-19", "2015-03-01", "2015-03-31", "2016-12-31", "2017-06-30", "2017-07-02"]
VALIDATION_DAYS = ["2014-01-01"]


def documents(days: list[str], name: str) -> list[Document]:
    text = "Markets opened higher on the news and closed lower. "
    return [Document(id=f"{name}-{n}", date=day, text=text * (n + 1)) for n, day in enumerate(days)]


def make_corpus(folder: Path, config: CorpusConfig = CONFIG, days: list[str] = DAYS, **changed: Any) -> Path:
    """Two shards for training, one for validation, and the ledger."""
    training, validation = documents(days, "d"), documents(VALIDATION_DAYS, "v")
    half = len(training) // 2
    write_shard(folder, "00000", training[:half])
    write_shard(folder, "00001", training[half:])
    write_shard(folder / "validation", "00000", validation)
    ledger = ledger_of(config, training, validation) | changed
    (folder / "ledger.json").write_text(json.dumps(ledger, indent=1) + "\n")
    return folder


def write_shard(folder: Path, name: str, shard: list[Document]) -> None:
    for part in ("texts", "tokens"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "texts" / f"{name}.jsonl").write_text("".join(f"{each.model_dump_json()}\n" for each in shard))
    ids = [ids_of(each) for each in shard]
    np.save(folder / "tokens" / f"{name}.npy", np.concatenate(ids).astype(np.uint32))
    np.save(folder / "tokens" / f"{name}.offsets.npy", np.cumsum([0, *map(len, ids)]).astype(np.int64))


def ids_of(document: Document) -> list[int]:
    ids: list[int] = qwen()(document.text, add_special_tokens=False)["input_ids"]
    return ids


def ledger_of(config: CorpusConfig, training: list[Document], validation: list[Document]) -> dict[str, Any]:
    tokens = {each.id: len(ids_of(each)) for each in [*training, *validation]}
    n_tokens, n_validation = (sum(tokens[each.id] for each in part) for part in (training, validation))
    by_month: Counter[str] = Counter()
    for each in training:
        by_month[f"{each.date:%Y-%m}"] += tokens[each.id]
    dump = {
        "name": "sotu",
        "files": [{"path": "sotu", "size": 1, "digest": {"kind": "sha256", "value": "0" * 64}}],
        "n_row_groups": 1,
        "n_read": len(tokens) + 4,
        "n_documents": len(training),
        "n_validation": len(validation),
        "n_tokens": n_tokens,
        "dropped": {"after_cutoff": 3, "empty_text": 1},
    }
    return {
        "cutoff": str(config.cutoff),
        "side": config.side,
        "source": config.source.model_dump(mode="json"),
        "dumps": [dump],
        "documents_by_month": dict(sorted(Counter(f"{each.date:%Y-%m}" for each in training).items())),
        "tokens_by_month": dict(sorted(by_month.items())),
        "first_day": str(min(each.date for each in training)),
        "last_day": str(max(each.date for each in training)),
        "n_documents": len(training),
        "n_tokens": n_tokens,
        "validation": {"n_documents": len(validation), "n_tokens": n_validation},
        "scan": {},
        "tokenizer_sha256": digest_of(qwen()),
    }
