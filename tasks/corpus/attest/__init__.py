"""Attestation: what a corpus claims, who signed it, and whether its shards bear it out."""

from tasks.corpus.attest.keys import refuse_unusable_key
from tasks.corpus.attest.signing import sign
from tasks.corpus.attest.verdict import Verdict, verify
from tasks.corpus.attest.write import write_statement

__all__ = ["Verdict", "refuse_unusable_key", "sign", "verify", "write_statement"]
