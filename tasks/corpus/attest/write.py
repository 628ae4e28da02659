"""Writes the statement: cutoff, sources, counts, tokenizer and code, claimed for a corpus's files."""

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tasks.corpus.attest.claim import FROM_LEDGER, PREDICATE_TYPE
from tasks.corpus.config import REVISION, CorpusConfig
from tasks.corpus.errors import AttestationRefused
from tasks.corpus.filters.cutoff import Cutoff
from tasks.provenance.statement import write_statement_of

LEDGER_NAME = "ledger.json"
NOT_CLAIMED = (
    "that a document's date is true: it is the day the source gives, for a crawl the day it was fetched",
    "that no document speaks of later days: the ledger's scan counts such mentions, nothing was dropped for them",
    "that a model trained on it is point-in-time: its base may have read anything",
    "that the tokenizer's vocabulary was chosen before the cutoff",
)


def write_statement(folder: Path, config: CorpusConfig) -> Path:
    """Write `statement.json`: every file's digest, and the claim about them.

    Args:
        folder: The corpus, complete with its ledger.
        config: The corpus's.

    Returns:
        The statement's path. The file holds no time and no name of a machine or signer.

    Raises:
        AttestationRefused: If the ledger is missing, or has another cutoff.
    """
    return write_statement_of(folder, PREDICATE_TYPE, _predicate(read_ledger(folder), config))


def read_ledger(folder: Path) -> dict[str, Any]:
    """A corpus's ledger.

    Raises:
        AttestationRefused: If it is missing or cannot be read.
    """
    try:
        ledger: dict[str, Any] = json.loads((folder / LEDGER_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AttestationRefused(f"{folder / LEDGER_NAME} cannot be read: {error}. Build the corpus again.") from error
    return ledger


def _predicate(ledger: dict[str, Any], config: CorpusConfig) -> dict[str, JsonValue]:
    if (ledger["cutoff"], ledger["side"]) != (str(config.cutoff), config.side):
        raise AttestationRefused(
            f"the ledger has cutoff {ledger['cutoff']}, side {ledger['side']}; the config asks for {config.cutoff}, "
            f"side {config.side}. Please report it with the recipe."
        )
    return {
        "claim": f"every document's date lies {Cutoff(config.cutoff, config.side).words}",
        "not_claimed": [*NOT_CLAIMED],
        "cutoff": str(config.cutoff),
        "side": config.side,
        "config": config.identity(),
        **{name: ledger[name] for name in FROM_LEDGER},
        "tokenizer": {"source": config.tokenizer.model_dump(mode="json"), "sha256": ledger["tokenizer_sha256"]},
        "code": {"package": "hindsight", "version": _version(), "revision": REVISION},
    }


def _version() -> str:
    try:
        return version("hindsight")
    except PackageNotFoundError:
        return "not installed"
