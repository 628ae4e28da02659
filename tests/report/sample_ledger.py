"""A sample corpus of three dumps as the corpus stage writes it, in sizes of a real run."""

import json
from pathlib import Path
from typing import Any

BY_MONTH = {"2013-05": 310, "2013-06": 12, "2015-03": 290, "2017-05": 8, "2017-06": 280}
SCAN = {
    "n_documents": 900,
    "later_years": {
        "n_documents": 41,
        "n_mentions": {"2018": 30, "2019": 9, "2020": 14} | {str(year): 1 for year in range(2021, 2034)},
        "examples": ["<urn:uuid:1>"],
    },
    "canaries": {
        "looked_for": ["COVID-19", "ChatGPT"],
        "found": {
            "COVID-19": {
                "known_on": "2020-02-11",
                "source": "World Health Organization",
                "n_mentions": 3,
                "n_documents": 2,
                "examples": ["<urn:uuid:7>", "<urn:uuid:9>"],
            }
        },
    },
}


def made_dump(name: str, n_documents: int, **dropped: int) -> dict[str, Any]:
    return {
        "name": name,
        "files": [{"path": f"{name}/{n}", "size": 9, "digest": {"kind": "etag", "value": "e"}} for n in range(2)],
        "n_row_groups": 3,
        "n_read": n_documents + 2 + sum(dropped.values()),
        "n_documents": n_documents,
        "n_validation": 2,
        "n_tokens": 671 * n_documents,
        "dropped": dropped,
    }


def made_ledger(**changed: Any) -> dict[str, Any]:
    dumps = [
        made_dump("2013-20", 322, empty_text=2),
        made_dump("2015-14", 290),
        made_dump("2017-26", 288, after_cutoff=1_040, beyond_budget=17),
    ]
    ledger = {
        "cutoff": "2017-07-02",
        "side": "known",
        "source": {"kind": "fineweb"},
        "dumps": dumps,
        "documents_by_month": BY_MONTH,
        "tokens_by_month": {month: 671 * n for month, n in BY_MONTH.items()},
        "first_day": "2013-05-18",
        "last_day": "2017-06-29",
        "n_documents": 900,
        "n_tokens": 603_900,
        "validation": {"n_documents": 6, "n_tokens": 4_026},
        "scan": SCAN,
        "tokenizer_sha256": "a" * 64,
    }
    return ledger | changed


def write_made_corpus(folder: Path, **changed: Any) -> None:
    (folder / "ledger.json").write_text(json.dumps(made_ledger(**changed)))
    (folder / "statement.json").write_text('{"made": "up"}\n')
