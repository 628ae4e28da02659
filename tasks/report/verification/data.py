"""Claims about corpus, training, base and merge."""

import re
from collections.abc import Iterator
from datetime import date

from tasks.provenance.model_statement import CORPUS_STATEMENT_NAME
from tasks.provenance.statement import STATEMENT_NAME
from tasks.report.verification.evidence import Evidence, claim, file_digest, status_of
from tasks.schemas.results import Claim
from tasks.store.records import Record

COMMIT = re.compile(r"[0-9a-f]{40}")


def of_corpus(found: Evidence) -> Iterator[Claim]:
    """The corpus ends at the cutoff; no sign of later days; its statement is signed."""
    record, predicate = found.corpus_record, found.statement().get("predicate") or {}
    what = "The corpus ends at the cutoff."
    if not predicate or record is None:
        yield claim(what, "null", "The corpus has no statement that its record holds.")
        return
    statement = file_digest(record, STATEMENT_NAME)
    last, cutoff = (str(predicate.get(name, "")) for name in ("last_day", "cutoff"))
    is_known = predicate.get("side") == "known"
    ends = bool(last and cutoff) and is_known and date.fromisoformat(last) <= date.fromisoformat(cutoff)
    how = f"Its statement has documents dated up to {last}, and the cutoff {cutoff}. The dates are the source's own."
    yield claim(what, status_of(ends), how, statement)
    yield _signs_of_later_days(found, record)
    signature = record.facts.get("signature")
    yield claim(
        "The corpus's statement is signed.",
        "not verified" if isinstance(signature, dict) else "null",
        "Signed, as recorded; `hindsight attest verify CORPUS --public-key FILE` checks it, this report has no key."
        if isinstance(signature, dict)
        else "The record holds no signature.",
        statement if isinstance(signature, dict) else None,
    )


def _signs_of_later_days(found: Evidence, record: Record) -> Claim:
    what = "No name that was unknown at the cutoff is in the corpus."
    scan = found.ledger().get("scan")
    if not scan:
        return claim(what, "null", "The corpus was not searched for such names.")
    names, n_searched = list(scan["canaries"]["found"]), len(scan["canaries"]["looked_for"])
    how = f"Found: {', '.join(names)}." if names else f"None of {n_searched} searched names was found."
    return claim(what, status_of(not names), how, file_digest(record, "ledger.json"))


def of_training(found: Evidence) -> Iterator[Claim]:
    """Training saw this corpus alone, as the statement in the checkpoint says, and the merge is what was trained."""
    corpus = found.corpus_record
    for train in found.of_kind("train"):
        source = train.inputs.get("corpus")
        if source is None or (corpus and source.digest != corpus.digest):
            # The placebo arm is trained on text from after the cutoff, by design.
            continue
        what = f"Training saw nothing but this corpus ({train.label})."
        copy = file_digest(train, CORPUS_STATEMENT_NAME)
        own = file_digest(corpus, STATEMENT_NAME) if corpus else None
        if copy is None or own is None:
            yield claim(
                what, "null", "The checkpoint holds no statement of the corpus it was trained on.", train.digest
            )
            continue
        how = (
            "The corpus statement in the checkpoint is this corpus's, byte for byte; other inputs than the base: none."
        )
        only = set(train.inputs) <= {"corpus", "base"}
        yield claim(what, status_of(copy == own and only), how, train.digest, own)
    yield from (_merge(record) for record in found.of_kind("merge"))


def _merge(record: Record) -> Claim:
    lora = record.facts.get("arm") == "lora"
    with_what = "PEFT's merge" if lora else "the checkpoint"
    what = f"The merged model computes what {with_what} computes ({record.label})."
    names = ("difference", "moved", "noise", "tolerance")
    numbers = [record.facts.get(name) for name in names]
    difference, moved, noise, tolerance = (
        float(number) if isinstance(number, int | float) else float("nan") for number in numbers
    )
    if any(number is None for number in numbers):
        return claim(what, "null", "The record holds no comparison.", record.digest)
    allowed = max(tolerance * moved, noise) if lora else tolerance * moved
    by_what = f"training moved them by {moved:.2g}, other arithmetic by {noise:.2g}"
    how = f"Logits differ by at most {difference:.2g}; {by_what}."
    return claim(what, status_of(difference <= allowed), how, record.digest)


def of_bases(found: Evidence) -> Iterator[Claim]:
    """Hub models are pinned by commit."""
    for record in found.of_kind("base"):
        repo, revision = record.facts.get("repo"), record.facts.get("revision")
        what = f"The base model is pinned by revision ({record.label})."
        if not repo:
            how = "Its weights were made or brought by the run; the digest of its files pins them."
            yield claim(what, "null", how, record.digest)
            continue
        is_pinned = isinstance(revision, str) and bool(COMMIT.fullmatch(revision))
        yield claim(what, status_of(is_pinned), f"{repo} at {revision or 'no revision'}.", record.digest)
