"""`hindsight attest`: make a key, sign or verify a corpus, show its claim, name what a training's states have read."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import JsonValue

from hindsight.cli.output import examples
from tasks.corpus.attest import signing, verdict
from tasks.corpus.attest.keys import KEY_VARIABLE, MAKE_ONE, make_keys
from tasks.corpus.attest.verdict import Verdict
from tasks.corpus.errors import AttestationRefused, KeyRefused
from tasks.provenance.statement import STATEMENT_NAME, Statement
from tasks.schemas.artifacts import TextShards
from tasks.store.catalogue import resolve
from tasks.store.digests import sha256_of_file
from tasks.store.records import RECORD_NAME, Record
from tasks.store.store import existing_store
from tasks.train.errors import BoundaryUnknown
from tasks.train.pipeline.boundary_statement import boundary_statement, differences

Signature = Mapping[str, JsonValue] | None
NO_TOKEN_IDS = 3
"""Exit status if the tokenizer cannot be loaded, so that not all checks of docs/corpus.md were made."""
EPILOGUE = "PATH is a corpus's folder, or corpus/label/key in the store. How to build and verify: docs/corpus.md."
Flag = Annotated[bool, Parameter(negative="")]

app = App(
    name="attest",
    help="Sign or verify a corpus's statement, or one of what a training's states have read.",
    help_epilogue=EPILOGUE,
)


@app.command(help_epilogue=examples("hindsight attest keygen committee"))
def keygen(file: Path, /) -> None:
    """Write a private and a public ed25519 key.

    Args:
        file: The private key's path; the public one gets .pub appended.
    """
    key_id = make_keys(file)
    print(
        f"private key {file}, readable by its owner: set {KEY_VARIABLE} to this path where corpora are built\n"
        f"public key {file}.pub, key id {key_id}: send it to the verifiers by another way than the corpus"
    )


@app.command(
    help_epilogue=examples(
        "hindsight attest verify corpus/LABEL/latest",
        "hindsight attest verify audit-2026/corpus/LABEL/KEY --public-key committee.pub --all",
    )
)
def verify(
    path: str,
    /,
    *,
    signature: Path | None = None,
    public_key: Path | None = None,
    all_token_ids: Annotated[bool, Parameter("--all", negative="")] = False,
) -> int:
    """Compare all files, counts, dates and token ids with the statement.

    Exit status 0: the corpus holds; 1: it does not; 3: it holds, but no token id could be checked.

    Args:
        path: The corpus.
        signature: A signature's file; by default the one in the record.
        public_key: PEM, from a source of your own.
        all_token_ids: Tokenize every document, not only a sample.
    """
    _check_file(public_key, "public key")
    folder, signed = _corpus(path, signature)
    found = verdict.verify(folder, signed, public_key, all_token_ids=all_token_ids)
    for failure in found.failures:
        print(f"hindsight: {failure}", file=sys.stderr)
    for unchecked in found.unchecked:
        print(f"not checked: {unchecked}")
    print(_summary(found, public_key))
    if not found.holds:
        return 1
    return 0 if found.token_ids_unchecked is None else NO_TOKEN_IDS


@app.command(
    help_epilogue=examples(
        "HINDSIGHT_SIGNING_KEY=committee hindsight attest sign audit-2026/corpus/LABEL/KEY > signature.json"
    )
)
def sign(path: Path, /) -> None:
    """Print a signature of an existing corpus or statement; verify it first.

    Args:
        path: The corpus's folder, or a statement's file.
    """
    signature = signing.sign(path / STATEMENT_NAME if path.is_dir() else path)
    if signature is None:
        raise KeyRefused(f"{KEY_VARIABLE} names no key; set it to the private key's path. {MAKE_ONE}.")
    print(json.dumps(signature, indent=1))


@app.command(help_epilogue=examples("hindsight attest show corpus/LABEL/latest --envelope"))
def show(path: str, /, *, signature: Path | None = None, envelope: Flag = False) -> None:
    """Show the claim and who signed it.

    Args:
        path: The corpus.
        signature: A signature's file; by default the one in the record.
        envelope: The whole DSSE envelope, for other verifiers.
    """
    folder, signed = _corpus(path, signature)
    file = folder / STATEMENT_NAME
    statement = Statement.read(file)
    if envelope:
        if signed is None:
            raise AttestationRefused(f"{file} is not signed; set {KEY_VARIABLE} and build the corpus again.")
        print(json.dumps(signing.enveloped(file.read_bytes(), signed), indent=1))
        return
    claim = {name: value for name, value in statement.predicate.items() if name not in ("dumps", "config")}
    print(json.dumps(claim, indent=1, ensure_ascii=False))
    by = f"signed by {_signers(signed)}" if signed else "not signed"
    print(f"of {len(statement.subject)} files; sha256 {sha256_of_file(file)}, {by}")


@app.command(
    help_epilogue=examples(
        "hindsight attest boundary train/LABEL/latest > boundary.json",
        "hindsight attest boundary train/LABEL/KEY --statement boundary.json --signature s.json --public-key key.pub",
    )
)
def boundary(
    path: str,
    /,
    *,
    step: Annotated[tuple[int, ...], Parameter(negative="")] = (),
    statement: Path | None = None,
    signature: Path | None = None,
    public_key: Path | None = None,
) -> int:
    """State the last document that each saved state of a training has read, or verify such a statement.

    Computed from the checkpoint's record and its corpus. Exit status 1: the statement does not hold.

    Args:
        path: train/label/key in the store, trained on text.
        step: More steps to name.
        statement: Verify this file.
        signature: Its signature's file.
        public_key: PEM, from a source of your own.
    """
    _check_file(public_key, "public key")
    store = existing_store()
    checkpoint = store.records.read(resolve(store, path).path)
    if "corpus" not in checkpoint.inputs:
        raise BoundaryUnknown(f"{path} was not trained on a corpus; name an artifact train/LABEL/KEY.")
    corpus = TextShards(store.fetch(checkpoint.inputs["corpus"]))
    if statement is None:
        print(boundary_statement(checkpoint, corpus, step), end="")
        return 0
    failures = [*differences(Statement.read(statement), checkpoint, corpus)]
    if public_key:
        signed = _read_signature(signature) if signature else None
        unsigned = "there is no signature to verify with the public key"
        why = signing.check_signature(statement.read_bytes(), signed, public_key) if signed else unsigned
        failures += [why] if why else []
    for failure in failures:
        print(f"hindsight: {failure}", file=sys.stderr)
    by = f", signed with {public_key}" if public_key else "; not checked: who signed"
    print(f"DOES NOT HOLD: {len(failures)} failures" if failures else f"holds{by}")
    return 1 if failures else 0


def _summary(found: Verdict, public_key: Path | None) -> str:
    counted = (
        f"{found.n_files} files hashed, {found.n_documents:,} documents and {found.n_tokens:,} tokens counted, "
        f"{found.n_tokenized} documents tokenized; the last day is {found.last_day}, "
        f"the cutoff {found.cutoff}; statement {found.statement_sha256}"
    )
    if not found.holds:
        why = found.token_ids_unchecked
        unchecked = f"\nnot checked: the token ids: {why}" if why else ""
        return f"{counted}{unchecked}\nDOES NOT HOLD: {len(found.failures)} failures"
    signed = f", signed with {public_key}" if public_key else ""
    if why := found.token_ids_unchecked:
        return f"{counted}\nholds, but for the token ids: none was checked{signed}: {why}"
    return f"{counted}\nholds{signed}"


def _corpus(path: str, signature: Path | None) -> tuple[Path, Signature]:
    """The corpus's folder, and the signature given, or else the one in its record."""
    if Path(path).is_dir():
        folder, record = Path(path), _record_in(Path(path))
    else:
        store = existing_store()
        ref = resolve(store, path)
        folder, record = store.fetch(ref), store.records.read(ref.path)
    if signature:
        return folder, _read_signature(signature)
    found = record.facts.get("signature") if record else None
    return folder, found if isinstance(found, dict) else None


def _check_file(file: Path | None, what: str) -> None:
    if file is not None and not file.is_file():
        raise KeyRefused(f"{what} {file} is not a file; nothing was verified. Give its path.")


def _record_in(folder: Path) -> Record | None:
    file = folder / RECORD_NAME
    try:
        return Record.model_validate_json(file.read_bytes()) if file.exists() else None
    except ValueError as error:
        raise AttestationRefused(f"{file} is not a valid record: {error}. Export the artifact again.") from error


def _read_signature(file: Path) -> Signature:
    try:
        signature = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise AttestationRefused(f"{file} is not a signature: {error}.") from error
    return signature if isinstance(signature, dict) else {}


def _signers(signature: Signature) -> str:
    entries = (signature or {}).get("signatures")
    named = entries if isinstance(entries, list) else []
    return ", ".join(str(entry.get("keyid")) for entry in named if isinstance(entry, dict))
