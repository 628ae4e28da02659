"""A statement of what each saved state of a training has read, made from the checkpoint's record and the corpus.

It is detached from the checkpoint: it needs no weights, changes no artifact's bytes, and can be made of a checkpoint
that was trained before this file existed.
"""

from collections.abc import Iterator, Sequence

from pydantic import JsonValue, ValidationError

from tasks.provenance.statement import STATEMENT_NAME, Statement, statement_text
from tasks.schemas.artifacts import TextShards
from tasks.store.digests import sha256_of_file
from tasks.store.records import Record
from tasks.train.config import TrainConfig
from tasks.train.errors import BoundaryUnknown
from tasks.train.pipeline.boundary import Boundaries, read_boundaries

PREDICATE_TYPE = "urn:hindsight:checkpoint-boundary:v1"
NOT_CLAIMED = (
    "that a document's date is true: it is the day the source gives, for a crawl the day it was fetched",
    "that a state has read no later day than its last document's: a corpus may be shuffled; latest_day is of all "
    "documents read up to then",
    "what the base had read before this training",
)


def boundary_statement(checkpoint: Record, corpus: TextShards, steps: Sequence[int] = ()) -> str:
    """The statement, as JSON.

    Args:
        checkpoint: Record of a training on text.
        corpus: What it was trained on; its documents and token offsets are read, not its ids.
        steps: Optimizer steps to name beside those of the last attempt's saved states and of the checkpoint.

    Raises:
        BoundaryUnknown: If it is no record of a training on text, a step is not one of its steps, or its config cannot
            be read.
        TokensMissed: If the trainer's count of tokens is not that of the corpus's rows at some step.
    """
    boundaries = read_boundaries(_config(checkpoint), corpus)
    _check_curve(checkpoint, boundaries)
    if wrong := [step for step in steps if not 1 <= step <= boundaries.n_steps]:
        raise BoundaryUnknown(f"step {wrong[0]} is not one of the training's steps 1 to {boundaries.n_steps}.")
    predicate = _predicate(checkpoint, corpus, boundaries, sorted({*steps, *_saved(checkpoint), boundaries.n_steps}))
    files = {entry.path: entry.sha256 for entry in checkpoint.files}
    return statement_text(files, PREDICATE_TYPE, predicate)


def differences(found: Statement, checkpoint: Record, corpus: TextShards) -> Iterator[str]:
    """What a statement says otherwise than the record and the corpus; nothing if it holds.

    Args:
        found: Of an unknown author.
        checkpoint: Record of the training.
        corpus: What it was trained on.

    Raises:
        BoundaryUnknown: If the statement is of another type, or names steps that are none.
        TokensMissed: As in `boundary_statement`.
    """
    if found.predicateType != PREDICATE_TYPE:
        raise BoundaryUnknown(f"the statement is of type {found.predicateType}, not {PREDICATE_TYPE}.")
    own = Statement.model_validate_json(boundary_statement(checkpoint, corpus, _steps_of(found)))
    if found.digests != own.digests:
        yield "it is about other files than the checkpoint's"
    for name in sorted(own.predicate.keys() | found.predicate.keys()):
        said, true = found.predicate.get(name), own.predicate.get(name)
        if said == true:
            continue
        if name != "boundaries" or not isinstance(said, list) or not isinstance(true, list):
            yield f"{name} is {said!r}, and {true!r} from the record and the corpus"
            continue
        yield from (f"boundary {line!r} is none of the corpus's" for line in said if line not in true)
        yield from (f"boundary {line!r} is missing" for line in true if line not in said)


def _config(checkpoint: Record) -> TrainConfig:
    if checkpoint.kind != "train":
        raise BoundaryUnknown(f"{checkpoint.ref.path} is of kind {checkpoint.kind}; name an artifact train/LABEL/KEY.")
    try:
        config = TrainConfig.model_validate(checkpoint.config)
    except ValidationError as error:
        raise BoundaryUnknown(
            f"the config of {checkpoint.ref.path} cannot be read: {error.errors()[0]['msg']}; use the version of "
            "hindsight that trained it."
        ) from error
    if config.objective.kind != "text":
        raise BoundaryUnknown(
            f"{checkpoint.ref.path} was tuned on {config.objective.kind} examples, which have no days; name a training "
            "on text."
        )
    return config


def _check_curve(checkpoint: Record, boundaries: Boundaries) -> None:
    curve = checkpoint.facts.get("loss_curve")
    lines = curve if isinstance(curve, list) else []
    if len(lines) != boundaries.n_steps:
        raise BoundaryUnknown(
            f"the record of {checkpoint.ref.path} counts tokens of {len(lines):,} steps, the rows make "
            f"{boundaries.n_steps:,}; this is not the corpus or the config it was trained with."
        )
    for step, line in enumerate(lines, start=1):
        boundaries.check({"step": step, "tokens_seen": line[0] if isinstance(line, list) else None})


def _predicate(
    checkpoint: Record, corpus: TextShards, boundaries: Boundaries, steps: Sequence[int]
) -> dict[str, JsonValue]:
    of_corpus = checkpoint.inputs["corpus"]
    final, first = boundaries.final, boundaries.first_step_with_the_latest_day
    return {
        "claim": "after a step the weights have been trained on the corpus's documents up to `position`, in the "
        "corpus's order from 0, and on no later one; tokens up to there are tokens_seen",
        "not_claimed": [*NOT_CLAIMED],
        "checkpoint": {"path": checkpoint.ref.path, "digest": checkpoint.digest},
        "corpus": {
            "path": of_corpus.path,
            "digest": of_corpus.digest,
            "statement_sha256": sha256_of_file(corpus.path / STATEMENT_NAME),
        },
        "n_steps": boundaries.n_steps,
        "boundaries": [boundaries.after(step).model_dump(mode="json") for step in steps],
        "says": [
            f"The checkpoint was trained up to document {final.position:,}, {final.id} of {final.day}; the latest day "
            f"it has read is {final.latest_day}.",
            f"Every state from step {first:,} on, of {boundaries.n_steps:,}, has read a document of that day.",
        ],
    }


def _saved(checkpoint: Record) -> list[int]:
    """Steps of the states that the last attempt saved; earlier records do not name them."""
    return _steps(checkpoint.facts.get("boundaries_of_states"))


def _steps_of(statement: Statement) -> list[int]:
    return _steps(statement.predicate.get("boundaries"))


def _steps(boundaries: JsonValue) -> list[int]:
    lines = boundaries if isinstance(boundaries, list) else []
    return [step for line in lines if isinstance(line, dict) and isinstance(step := line.get("step"), int)]
