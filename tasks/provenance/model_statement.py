"""The statement in the folder of a model that was trained on a corpus, or tuned on examples.

A continued model knows everything its base has read. The statement says so in words, names base and corpus by digest,
and never calls such a model point-in-time.
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.common.errors import HindsightError
from tasks.provenance.statement import STATEMENT_NAME, Statement, write_statement_of

PREDICATE_TYPE = "urn:hindsight:continued-model:v1"
TUNED_TYPE = "urn:hindsight:tuned-model:v1"
"""Of a model tuned on conversations or preference pairs, which have no statement of their own."""
CORPUS_STATEMENT_NAME = "corpus-statement.json"
"""A copy of the corpus's statement beside the model's."""
UNKNOWN = "unknown"


class UnknownCorpus(HindsightError):
    """The given corpus statement is not about a corpus."""


def model_statement(
    base_facts: Mapping[str, JsonValue],
    corpus_statement: Path,
    arm: str,
    *,
    base_digest: str,
    tokens_seen: int,
) -> dict[str, JsonValue]:
    """The claim about a model trained on a corpus.

    Args:
        base_facts: Of the base's record: `repo` and `revision` of a hub model, `pretrained`, and `knowledge_cutoff`
            if known.
        corpus_statement: The corpus's `statement.json`.
        arm: How it was trained, such as `lora`.
        base_digest: Digest of the base artifact.
        tokens_seen: Tokens it was trained on.

    Returns:
        The predicate of an in-toto statement: the same arguments give the same JSON.

    Raises:
        StatementDamaged: If the corpus's statement cannot be read.
        UnknownCorpus: If it is about something else.
    """
    corpus, base = _corpus(corpus_statement), _base(base_facts, base_digest)
    read_nothing = base_facts.get("pretrained") is False
    return {
        "base": base,
        "corpus": corpus,
        "training": {"arm": arm, "tokens_seen": tokens_seen},
        "point_in_time": "weights only" if read_nothing and corpus["side"] == "known" else "no",
        "says": [*_sentences(base, corpus, read_nothing)],
    }


def tuned_model_statement(
    base_facts: Mapping[str, JsonValue],
    examples: Mapping[str, str],
    training_facts: Mapping[str, JsonValue],
    *,
    base_digest: str,
) -> dict[str, JsonValue]:
    """The claim about a model tuned on conversations or preference pairs.

    Args:
        base_facts: Of the base's record, as for `model_statement`.
        examples: Digests of the `tokenized` examples and of the `mix` they come from; `adapter_before` of an
            adapter that the training went on from.
        training_facts: Of the training: objective, arm, n_epochs and tokens_seen.
        base_digest: Digest of the base artifact.

    Returns:
        The predicate of an in-toto statement: the same arguments give the same JSON.
    """
    training = {name: training_facts[name] for name in ("objective", "arm", "n_epochs", "tokens_seen")}
    return {
        "base": _base(base_facts, base_digest),
        "examples": dict(examples),
        "training": training,
        "point_in_time": "no",
        "says": [
            f"It was tuned on {training['objective']} examples of the mix with digest {examples['mix']}; nothing is "
            "claimed here of the days on which their texts could be known.",
            "This model is not point-in-time: tuning removes nothing that its base had read.",
        ],
    }


def write_tuned_statement(folder: Path, predicate: Mapping[str, JsonValue]) -> Path:
    """Write the statement of a tuned model into its finished folder, with every file's digest.

    Args:
        folder: The model's files, all of them.
        predicate: From `tuned_model_statement`.
    """
    return write_statement_of(folder, TUNED_TYPE, predicate)


def write_model_statement(folder: Path, predicate: Mapping[str, JsonValue], corpus_statement: Path) -> Path:
    """Write the corpus's statement and the model's into a finished model folder; the latter has every file's digest.

    Args:
        folder: The model's files, all of them.
        predicate: From `model_statement`.
        corpus_statement: The corpus's `statement.json`, or its copy in a checkpoint.

    Returns:
        Path of the model's statement.
    """
    shutil.copyfile(corpus_statement, folder / CORPUS_STATEMENT_NAME)
    return write_statement_of(folder, PREDICATE_TYPE, predicate)


def carry_model_statement(source: Path, folder: Path) -> Path:
    """Write the checkpoint's claim into the folder of the model merged from it, with the digest of its statement.

    Args:
        source: The checkpoint's folder.
        folder: The merged model's files, all of them.

    Raises:
        StatementDamaged: If the checkpoint has no statement.
    """
    path = source / STATEMENT_NAME
    statement = Statement.read(path)
    carried: dict[str, JsonValue] = {**statement.predicate, "merged_from": {"statement_sha256": _sha256(path)}}
    if statement.predicateType == TUNED_TYPE:
        return write_tuned_statement(folder, carried)
    return write_model_statement(folder, carried, source / CORPUS_STATEMENT_NAME)


def _base(facts: Mapping[str, JsonValue], digest: str) -> dict[str, JsonValue]:
    read_nothing = facts.get("pretrained") is False
    return {
        "repo": facts.get("repo") or "none, weights made here",
        "revision": facts.get("revision") or "none",
        "digest": digest,
        "pretrained": facts.get("pretrained", UNKNOWN),
        "knowledge_cutoff": "it had read nothing" if read_nothing else facts.get("knowledge_cutoff") or UNKNOWN,
    }


def _corpus(path: Path) -> dict[str, JsonValue]:
    claim = Statement.read(path).predicate
    try:
        named = {name: claim[name] for name in ("claim", "cutoff", "side", "n_documents", "n_tokens")}
    except KeyError as error:
        raise UnknownCorpus(f"{path} has no {error} and is not a corpus's statement; rebuild the corpus.") from error
    return {"statement_sha256": _sha256(path), **named}


def _sentences(base: Mapping[str, JsonValue], corpus: Mapping[str, JsonValue], read_nothing: bool) -> list[str]:
    claim = f"Of the text it was trained on here, the corpus's statement claims: {corpus['claim']}."
    if read_nothing:
        return [
            claim,
            "Its base had read nothing, so that its weights hold what the corpus holds and no more; its tokenizer's "
            "vocabulary was chosen on other text, of days nobody recorded.",
        ]
    cutoff = base["knowledge_cutoff"]
    known = f"is said to be {cutoff}" if cutoff != UNKNOWN else "is unknown"
    return [
        claim,
        f"It was continued from {base['repo']} at revision {base['revision']}, whose own knowledge cutoff {known}.",
        "This model is not point-in-time: continued training removes nothing that its base had read.",
    ]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
