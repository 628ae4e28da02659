"""`python -m tasks.corpus.attest`: make a key, sign or verify a corpus, show its claim."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.common.errors import HindsightError
from tasks.common.settings import start_logging
from tasks.corpus.attest.keys import KEY_VARIABLE, MAKE_ONE, make_keys
from tasks.corpus.attest.signing import enveloped, sign
from tasks.corpus.attest.verdict import Verdict, verify
from tasks.corpus.errors import AttestationRefused, KeyRefused
from tasks.provenance.statement import STATEMENT_NAME, Statement
from tasks.store.catalogue import resolve
from tasks.store.digests import sha256_of_file
from tasks.store.records import RECORD_NAME, Record
from tasks.store.store import open_store

Signature = Mapping[str, JsonValue] | None
NO_TOKEN_IDS = 3
"""Exit status if the tokenizer cannot be loaded, so that not all checks of docs/corpus.md were made."""


def main(arguments: list[str] | None = None) -> int:
    """Parse, act, print.

    Returns:
        0: done, and the corpus holds; 1: refused, or it does not hold; 2: bad arguments; 3: it holds, but no token id
        was checked.
    """
    options = _parser().parse_args(arguments)
    act: Callable[[argparse.Namespace], int] = options.act
    try:
        start_logging("WARNING", "%(message)s")
        return act(options)
    except HindsightError as error:
        print(f"hindsight: {error}", file=sys.stderr)
        return 1


def _keygen(options: argparse.Namespace) -> int:
    key_id = make_keys(options.file)
    print(
        f"private key {options.file}, readable by its owner: set {KEY_VARIABLE} to this path where corpora are built\n"
        f"public key {options.file}.pub, key id {key_id}: send it to the verifiers by another way than the corpus"
    )
    return 0


def _verify(options: argparse.Namespace) -> int:
    folder, signature = _corpus(options)
    verdict = verify(folder, signature, options.public_key, all_token_ids=options.all)
    for failure in verdict.failures:
        print(f"hindsight: {failure}", file=sys.stderr)
    for unchecked in verdict.unchecked:
        print(f"not checked: {unchecked}")
    print(_summary(verdict, options.public_key))
    if not verdict.holds:
        return 1
    return 0 if verdict.token_ids_unchecked is None else NO_TOKEN_IDS


def _sign(options: argparse.Namespace) -> int:
    signature = sign(options.folder / STATEMENT_NAME)
    if signature is None:
        raise KeyRefused(f"{KEY_VARIABLE} names no key; set it to the private key's path. {MAKE_ONE}.")
    print(json.dumps(signature, indent=1))
    return 0


def _show(options: argparse.Namespace) -> int:
    folder, signature = _corpus(options)
    path = folder / STATEMENT_NAME
    statement = Statement.read(path)
    if options.envelope:
        if signature is None:
            raise AttestationRefused(f"{path} is not signed; set {KEY_VARIABLE} and build the corpus again.")
        print(json.dumps(enveloped(path.read_bytes(), signature), indent=1))
        return 0
    claim = {name: value for name, value in statement.predicate.items() if name not in ("dumps", "config")}
    print(json.dumps(claim, indent=1, ensure_ascii=False))
    signed = f"signed by {_signers(signature)}" if signature else "not signed"
    print(f"of {len(statement.subject)} files; sha256 {sha256_of_file(path)}, {signed}")
    return 0


def _summary(verdict: Verdict, public_key: Path | None) -> str:
    counted = (
        f"{verdict.n_files} files hashed, {verdict.n_documents:,} documents and {verdict.n_tokens:,} tokens counted, "
        f"{verdict.n_tokenized} documents tokenized; the last day is {verdict.last_day}, "
        f"the cutoff {verdict.cutoff}; statement {verdict.statement_sha256}"
    )
    if not verdict.holds:
        why = verdict.token_ids_unchecked
        unchecked = f"\nnot checked: the token ids: {why}" if why else ""
        return f"{counted}{unchecked}\nDOES NOT HOLD: {len(verdict.failures)} failures"
    signed = f", signed with {public_key}" if public_key else ""
    if why := verdict.token_ids_unchecked:
        return f"{counted}\nholds, but for the token ids: none was checked{signed}: {why}"
    return f"{counted}\nholds{signed}"


def _corpus(options: argparse.Namespace) -> tuple[Path, Signature]:
    """The corpus's folder, and the signature given, or else the one in its record."""
    path = Path(options.path)
    if path.is_dir():
        folder, record = path, _record_in(path)
    else:
        store = open_store()
        ref = resolve(store, options.path)
        folder, record = store.fetch(ref), store.records.read(ref.path)
    if options.signature:
        return folder, _read_signature(options.signature)
    signature = record.facts.get("signature") if record else None
    return folder, signature if isinstance(signature, dict) else None


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tasks.corpus.attest", description=__doc__)
    commands = parser.add_subparsers(required=True)
    keygen = commands.add_parser("keygen", help="write a private and a public ed25519 key")
    keygen.set_defaults(act=_keygen)
    keygen.add_argument("file", type=Path, help="the private key's path; the public one gets .pub appended")
    signing = commands.add_parser("sign", help="print a signature of an existing corpus; verify it first")
    signing.set_defaults(act=_sign)
    signing.add_argument("folder", type=Path, help="the corpus's folder")
    for name, act, text in (
        ("verify", _verify, "compare all files, counts, dates and token ids with the statement"),
        ("show", _show, "show the claim and the signer"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(act=act)
        command.add_argument("path", metavar="PATH", help="a corpus's folder, or corpus/label/key in the store")
        command.add_argument("--signature", type=Path, metavar="FILE", help="default: the one in the record")
        if name == "verify":
            command.add_argument("--public-key", type=Path, metavar="FILE", help="PEM, from a source of your own")
            command.add_argument("--all", action="store_true", help="tokenize every document, not only a sample")
        else:
            command.add_argument("--envelope", action="store_true", help="the whole DSSE envelope, for other verifiers")
    return parser
