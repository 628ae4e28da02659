"""Inputs from seeds: bytes flipped, cut, repeated, moved, spliced with another seed, and replaced by awkward values."""

import gzip
import struct
from collections.abc import Callable, Sequence
from random import Random

MAX_BYTES = 1 << 16
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32_767, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
WORDS = (
    *(b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"-0", b"1e999", b"1e-999", b"-1", b"0", b"true", b"null", b"~"),
    *(b"9" * 25, b"9" * 5_000, b"[" * 1_500, b'{"a":' * 1_500, b"(" * 300, b"- " * 1_500, b"{" * 1_500),
    *(b"../", b"/", b"\\", b"\x00", b"\r", b"\n", b"\r\n", b"\t", b",", b";", b'"', b"'", b"\xff\xfe", b"\xef\xbb\xbf"),
    *("٣".encode(), "１３０１".encode(), "\ufffd".encode(), b"\xed\xa0\x80", b"\\ud800", b"0001-01-01", b"9999-12-31"),
    *(b"2021-02-30", b"2020-01-01T00:00:00+23:59", b"&a ", b"*a ", b"<<: ", b"!!int ", b"!!float ", b"!!binary ", b"? "),
    *(b"!!timestamp ", b"!!set ", b"!!omap ", b"%YAML 9.9\n--- ", b"PK\x03\x04", b"\x1f\x8b", b"BZh9", b"GGUF"),
)  # fmt: skip


def mutated(rng: Random, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One input.

    Args:
        rng: Random generator; the same state gives the same input.
        seeds: Valid inputs.
        words: Of the format's own, inserted beside WORDS.
    """
    content = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 12))):
        rng.choice(STEPS)(rng, content, rng.choice(seeds), (*WORDS, *words * 4))
    return bytes(content[:MAX_BYTES])


def repacked(rng: Random, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One input whose gzip is right in half of the cases, so that what is inside is reached."""
    content = mutated(rng, seeds, words)
    return gzip.compress(content, 1, mtime=0) if rng.random() < 0.1 else content


def _flip(rng: Random, content: bytearray, _: bytes, __: Sequence[bytes]) -> None:
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _set(rng: Random, content: bytearray, _: bytes, __: Sequence[bytes]) -> None:
    if content:
        content[rng.randrange(len(content))] = rng.randrange(256)


def _cut(rng: Random, content: bytearray, _: bytes, __: Sequence[bytes]) -> None:
    del content[rng.randrange(len(content) + 1) :]


def _delete(rng: Random, content: bytearray, _: bytes, __: Sequence[bytes]) -> None:
    start, stop = _range(rng, content)
    del content[start:stop]


def _repeat(rng: Random, content: bytearray, _: bytes, __: Sequence[bytes]) -> None:
    start, stop = _range(rng, content)
    content[start:start] = content[start:stop] * rng.choice((1, 2, 30))


def _splice(rng: Random, content: bytearray, other: bytes, _: Sequence[bytes]) -> None:
    start, stop = _range(rng, bytearray(other))
    at, end = _range(rng, content)
    content[at : end if rng.random() < 0.5 else at] = other[start:stop]


def _insert(rng: Random, content: bytearray, _: bytes, words: Sequence[bytes]) -> None:
    at = rng.randrange(len(content) + 1)
    content[at : at + rng.choice((0, 0, 1, 4))] = rng.choice(words)


def _number(rng: Random, content: bytearray, _: bytes, __: Sequence[bytes]) -> None:
    packed = struct.pack("<Q", rng.choice(NUMBERS))[: rng.choice((1, 2, 4, 8))]
    at = rng.randrange(len(content) + 1)
    content[at : at + len(packed)] = packed


def _digits(rng: Random, content: bytearray, _: bytes, __: Sequence[bytes]) -> None:
    places = [at for at, byte in enumerate(content[:4096]) if byte in b"0123456789"]
    if places:
        at = rng.choice(places)
        content[at : at + 1] = str(rng.choice((-1, *NUMBERS))).encode()


def _range(rng: Random, content: bytearray) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.choice((1, 2, 4, 8, 16, 64, 256)))


Step = Callable[[Random, bytearray, bytes, Sequence[bytes]], None]
STEPS: tuple[Step, ...] = (_flip, _set, _cut, _delete, _repeat, _splice, _insert, _insert, _number, _digits, _digits)
