"""Signatures: ed25519 over DSSE's encoding, offline, detached.

The signature is kept outside the artifact, so that the signer does not change the artifact's digest.
Source: DSSE v1.0; the framework's envelope layer for the payload type.
"""

import base64
import binascii
import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.corpus.attest.keys import KEY_VARIABLE, load_signer, read_public_key
from tasks.provenance.statement import PAYLOAD_TYPE, Statement

log = logging.getLogger(__name__)


def sign(statement: Path) -> dict[str, JsonValue] | None:
    """Sign a statement file's bytes with the key the environment names.

    Returns:
        A DSSE envelope without its payload, which is the file; None without a key.

    Raises:
        KeyRefused: If the key cannot be used.
        StatementDamaged: If the file is not a statement.
    """
    from securesystemslib.dsse import Envelope

    if (signer := load_signer()) is None:
        log.info("corpus: the statement is not signed, because %s is not set", KEY_VARIABLE)
        return None
    Statement.read(statement)
    payload = statement.read_bytes()
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    detached = {name: value for name, value in envelope.to_dict().items() if name != "payload"}
    return {**detached, "payload_sha256": hashlib.sha256(payload).hexdigest()}


def check_signature(payload: bytes, signature: Mapping[str, JsonValue], public_key: Path) -> str | None:
    """Verify a detached signature with a public key.

    Returns:
        Why it is invalid, or None if it is valid.

    Raises:
        KeyRefused: If the public key cannot be read.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    key = read_public_key(public_key)
    try:
        envelope = Envelope.from_dict(enveloped(payload, signature))
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        return f"the signature is not a DSSE envelope: {type(error).__name__}: {error}"
    if envelope.payload_type != PAYLOAD_TYPE:
        return f"the signature is over a payload of type {envelope.payload_type!r}, not {PAYLOAD_TYPE!r}"
    if key.keyid not in envelope.signatures:
        return f"signed with key {', '.join(envelope.signatures) or 'none'}; {public_key} is key {key.keyid}"
    try:
        envelope.verify([key], threshold=1)
    except VerificationError:
        return f"key {key.keyid} has not signed this statement: the statement or the signature was changed"
    return None


def enveloped(payload: bytes, signature: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The whole DSSE envelope, for other verifiers."""
    signatures = signature["signatures"]
    if not isinstance(signatures, list):
        raise TypeError("'signatures' is not a list")
    copies: list[JsonValue] = [dict(entry) for entry in signatures if isinstance(entry, dict)]
    encoded = base64.b64encode(payload).decode()
    return {"payloadType": signature["payloadType"], "payload": encoded, "signatures": copies}
