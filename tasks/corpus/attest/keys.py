"""Ed25519 keys as PEM files. A private key never reaches a log, record, parameter or message."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.corpus.errors import KeyRefused

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

log = logging.getLogger(__name__)

KEY_VARIABLE = "HINDSIGHT_SIGNING_KEY"
"""Path of the private key, a PEM file. If unset, nothing is signed."""
MAKE_ONE = "`hindsight attest keygen FILE` makes one"


def make_keys(path: Path) -> str:
    """Write a new private key, readable only by its owner, and its public key beside it.

    Args:
        path: Of the private key; the public one gets `.pub` appended.

    Returns:
        The key's id.

    Raises:
        KeyRefused: If one of the files exists or cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public_path = path.with_name(f"{path.name}.pub")
    _write_new(public_path, public, 0o644)
    try:
        _write_new(path, pem, 0o600)
    except KeyRefused:
        public_path.unlink()
        raise
    return str(read_public_key(public_path).keyid)


def read_public_key(path: Path) -> "SSlibKey":
    """Read a PEM file's ed25519 public key.

    Raises:
        KeyRefused: If it holds none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    key = _load(path, "public", load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise KeyRefused(f"{path} holds no ed25519 public key; {MAKE_ONE}, its public half ends in .pub.")
    return SSlibKey.from_crypto(key)


def check_signing_key() -> None:
    """Load the configured key, so that an unusable one is refused before hours of work.

    Raises:
        KeyRefused: If it cannot be used.
    """
    load_signer()


def load_signer() -> "CryptoSigner | None":
    """The private key the environment names, or None.

    Raises:
        KeyRefused: If it cannot be used.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    if not (name := os.environ.get(KEY_VARIABLE)):
        return None
    path = Path(name)
    key = _load(path, "private", lambda pem: load_pem_private_key(pem, password=None))
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRefused(f"{path}, which {KEY_VARIABLE} names, holds no ed25519 private key; {MAKE_ONE}.")
    if path.stat().st_mode & 0o077:
        # Not refused: secrets mounted into a container are readable by its group, which has no other members.
        log.warning("%s, the private key, can be read by others than its owner", path)
    return CryptoSigner(key)


def _way_out(half: str) -> str:
    return MAKE_ONE if half == "private" else "give the .pub file that the corpus's publisher sent you"


def _load(path: Path, half: str, load: Callable[[bytes], object]) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load(path.read_bytes())
    except OSError as error:
        raise KeyRefused(f"the {half} key {path} cannot be read: {error.strerror}; {_way_out(half)}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Neither the library's message nor the file's content: both may hold parts of the key.
        raise KeyRefused(f"{path} is not an unencrypted PEM file with a {half} key; {_way_out(half)}.") from None


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        # The mode is set at creation, so that others can read it at no moment.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except OSError as error:
        raise KeyRefused(
            f"{path} cannot be written: {error.strerror}; a key is never overwritten, name a new file."
        ) from error
