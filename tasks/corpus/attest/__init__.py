"""Attestation: a corpus's statement, its signature, and their verification.

write: `statement.json`. keys, signing: ed25519 over DSSE. verdict: `verify`, which compares files, counts (recount) and
token ids with the statement's claim (claim, checks). cli: `hindsight attest`.
"""

from tasks.corpus.attest.keys import check_signing_key
from tasks.corpus.attest.signing import sign
from tasks.corpus.attest.verdict import Verdict, verify
from tasks.corpus.attest.write import write_statement

__all__ = ["Verdict", "check_signing_key", "sign", "verify", "write_statement"]
