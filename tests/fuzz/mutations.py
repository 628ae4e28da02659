"""Inputs from seeds: bytes flipped, cut, repeated, moved, spliced with another seed, and replaced by awkward values."""

import gzip
import json
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tasks.store.digests import sha256_of_json

MAX_BYTES = 1 << 16
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        -1,
        0,
        1,
        2**31,
        2**63,
        2**64,
        10**30,
        1e308,
        -0.0,
        float("nan"),
        float("inf"),
        "",
        "a",
        "\x00",
        "..",
    ),
    *("../a", "/etc/passwd", "\ud800", "0" * 64, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", [], {}, [[]]),
    *({"": None}, [None] * 50, [0, -1], [2**62, 2**62], "x" * 5_000),
)
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32_767, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
WORDS = (
    *(b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"-0", b"1e999", b"1e-999", b"-1", b"0", b"true", b"~"),
    *(b"9" * 25, b"9" * 5_000, b"[" * 1_500, b'{"a":' * 1_500, b"(" * 300, b"- " * 1_500, b"{" * 1_500),
    *(b"../", b"/", b"\\", b"\x00", b"\r", b"\n", b"\r\n", b"\t", b",", b";", b'"', b"'", b"\xff\xfe", b"\xef\xbb\xbf"),
    *("\uff11\uff13".encode(), "\ufffd".encode(), b"\xed\xa0\x80", b"\\ud800", b"0001-01-01", b"9999-12-31"),
    *(b"2021-02-30", b"2020-01-01T00:00:00+23:59", b"&a ", b"*a ", b"<<: ", b"!!int ", b"!!float ", b"!!binary "),
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


def resealed(rng: Random, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One sealed file, half of them with another value in one field and a right seal, as a writer of the store can."""
    if rng.random() < 0.5:
        return mutated(rng, seeds, words)
    fields = json.loads(rng.choice(seeds))
    _replace_one(rng, fields)
    fields.pop("seal", None)
    try:
        return json.dumps({**fields, "seal": sha256_of_json(fields)}).encode()
    except ValueError:  # NaN, and halves of surrogate pairs, have no seal
        return json.dumps({**fields, "seal": "0" * 64}).encode()


def in_header(rng: Random, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One safetensors file, half of them with another value in its header and a right length."""
    content = rng.choice(seeds)
    if rng.random() < 0.5:
        return mutated(rng, seeds, words)
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])
    _replace_one(rng, header)
    written = json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written + content[8 + n_header :]


def _replace_one(rng: Random, value: Any) -> None:
    """Replace one value, at any depth."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = rng.choice(keys)
    if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.8:
        _replace_one(rng, value[key])
    elif isinstance(value[key], str) and value[key] and rng.random() < 0.5:
        value[key] = mutated(rng, [value[key].encode()]).decode("utf-8", "replace")
    else:
        value[key] = rng.choice(VALUES)


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
