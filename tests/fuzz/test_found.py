"""Inputs that once were another exception, a hang or a full memory, and their relatives: now one sentence each."""

import gzip
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFReader, GGUFValueType

from tasks.base.errors import NoModel
from tasks.base.gguf_bounds import ARRAY, SCALAR_BYTES, TEXT, check_header
from tasks.checkpoints.dcp import METADATA, read_metadata
from tasks.checkpoints.restricted_pickle import CheckpointUnreadable
from tasks.common.errors import MAX_CHARACTERS, HindsightError
from tasks.common.json_text import read_json
from tasks.common.unpack import unpacked
from tasks.common.yaml_file import load_yaml
from tasks.corpus.errors import DamagedSource
from tasks.live.errors import BadOutcomes
from tasks.live.outcomes_config import TableOutcomes
from tasks.live.outcomes_table import read_outcomes
from tasks.merge.errors import SourceDamaged
from tasks.merge.stored_tensors import read_header
from tasks.mix.errors import BadRow
from tasks.panel.errors import BadTable, UnreadablePrices
from tasks.recipe import BadRecipe, Recipe, load_recipe
from tasks.store.errors import ArtifactDamaged
from tasks.store.records import FileEntry
from tasks.vectors.errors import BadVectors
from tests.fuzz.harness import peak_mb
from tests.fuzz.parsers import (
    PRICES,
    examples,
    file_of,
    gguf_seed,
    lines,
    npy_seed,
    prices,
    record,
    safetensors_seeds,
    sharded,
    table,
    vectors,
    vectors_in_parquet,
    vectors_seeds,
)

DEEP = b"[" * 100_000
PARSES = Callable[[bytes, Path], object]


@pytest.mark.parametrize(
    ("parse", "refusal"),
    [(record, ArtifactDamaged), (lines, DamagedSource), (examples, BadRow)],
    ids=["record", "documents", "examples"],
)
def test_json_that_is_nested_too_deep_is_refused(parse: PARSES, refusal: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        read_json(DEEP)
    with pytest.raises(refusal):
        parse(DEEP, tmp_path)


def header(fields: dict[str, Any], n_data: int) -> bytes:
    written = json.dumps(fields).encode()
    return len(written).to_bytes(8, "little") + written + bytes(n_data)


def entry(shape: list[Any], start: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "content",
    [
        len(DEEP).to_bytes(8, "little") + DEEP,
        (2**63).to_bytes(8, "little") + b"{}",
        header({"a": entry([float("inf")], 0, 8)}, 8),
        header({"a": entry([-1, -2], 0, 8)}, 8),
        header({"a": {"dtype": "F32", "shape": [], "data_offsets": []}}, 8),
        header({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, 12),
        header({"a": entry([2], 0, 8), "b": entry([2], 16, 24)}, 24),
        header({"a": entry([0], 2**60, 2**60)}, 8),
    ],
    ids=["nested", "length", "infinite", "negative", "no-offsets", "overlap", "gap", "outside"],
)
def test_a_safetensors_header_that_its_own_reader_refuses_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(SourceDamaged, match=r"a\.safetensors of .* fetch it again"):
        read_header(file_of(content, tmp_path, "a.safetensors"))
    assert read_header(file_of(safetensors_seeds()[0], tmp_path, "b.safetensors"))


def nested_lists(depth: int) -> list[Any]:
    """A list of 2^depth items in memory for depth lists."""
    found: list[Any] = []
    for _ in range(depth):
        found = [found, found]
    return found


class SpelledOut:
    """A path of lists of lists, in a pickle of 200 bytes."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _posix_path, (nested_lists(60),)


def _posix_path(*_: object) -> None:
    """Pickled by name; the name is replaced below."""


def test_a_metadata_that_would_be_spelled_out_for_ever_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps(SpelledOut(), protocol=2)
    named = content.replace(f"c{__name__}\n_posix_path\n".encode(), b"cpathlib\nPosixPath\n")
    assert named != content
    file_of(named, tmp_path, METADATA)
    with pytest.raises(CheckpointUnreadable, match="cannot be read"):
        read_metadata(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"\x80\x02]r\x00\x00\x00\x01.", b"]p16777216\n.", b"\x80\x05\x96" + (2**28).to_bytes(8, "little") + b"."],
    ids=["number", "number-as-text", "bytearray"],
)
def test_a_metadata_that_reserves_memory_for_what_it_does_not_hold_is_refused(tmp_path: Path, content: bytes) -> None:
    before = peak_mb()
    file_of(content, tmp_path, METADATA)
    with pytest.raises(CheckpointUnreadable, match=r"numbers an object 16777216 and has only|cannot be read"):
        read_metadata(tmp_path)
    assert peak_mb() - before < 64


def test_a_metadata_whose_parts_are_of_other_kinds_is_refused(tmp_path: Path) -> None:
    metadata = pickle.loads(sharded()[0])  # noqa: S301
    for name in metadata.state_dict_metadata:
        if hasattr(metadata.state_dict_metadata[name], "size"):
            metadata.state_dict_metadata[name].size = torch.Size([2**62, 2**62])
    file_of(pickle.dumps(metadata), tmp_path, METADATA)
    with pytest.raises(CheckpointUnreadable):
        read_metadata(tmp_path)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{BOMB}name: *a11\n", "its aliases make [0-9.]+e[+]12 values of it, at most 100,000 are read"),
        ("a: " + "[" * 5_000, "nested too deep"),
        ("a: !!int x", "is not YAML"),
        ("a: !!timestamp x", "is not YAML"),
    ],
    ids=["aliases", "nested", "int", "timestamp"],
)
def test_yaml_that_grows_is_nested_or_lies_about_its_kinds_is_refused(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match=why):
        load_recipe(file_of(text.encode(), tmp_path, "recipe.yaml"))


def test_aliases_within_the_bound_are_read(tmp_path: Path) -> None:
    file = file_of(b"a: &a [1, 2]\nb: [*a, *a]\nc: &c [*c]\n", tmp_path, "a.yaml")
    assert load_yaml(file, HindsightError, "file")["b"] == [[1, 2], [1, 2]]


def npy(header_text: str) -> bytes:
    padded = header_text.ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + bytes(24)


def npz() -> bytes:
    packed = io.BytesIO()
    np.savez(packed, a=np.ones((2, 2)))
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 30000), }"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 92233720368547758080), }"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), "),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }"),
        npz(),
    ],
    ids=["terabytes", "overflow", "cut", "objects", "archive"],
)
def test_vectors_whose_header_lies_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadVectors, match=r"v\.npy is "):
        vectors(content, tmp_path)
    vectors(npy_seed(), tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        PRICES.replace(b"2021-01-04", b"2021\xe901-04"),
        PRICES.replace(b"\n", b"\r").replace(b"2742", b"-1"),
        gzip.compress(PRICES)[:-6],
        gzip.compress(PRICES + b"9" * (110 << 20), 9),
        PRICES.replace(b"2021-01-04", b"2" * 100_000),
    ],
    ids=["latin-1", "carriage-returns", "cut-gzip", "gzip-bomb", "long-value"],
)
def test_a_price_file_that_is_none_is_refused_shortly(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadablePrices) as refused:
        prices(content, tmp_path)
    assert len(str(refused.value)) < MAX_CHARACTERS + 100


@pytest.mark.parametrize("code", ["9" * 25, "9" * 5_000])
def test_a_code_of_many_digits_stays_text(code: str, tmp_path: Path) -> None:
    prices(PRICES.replace(b"\nA,", f"\n{code},".encode()), tmp_path)
    table("t.csv")(f"entity,time,target,x\n{code},2020-01-01,1,2\n7,2020-01-01,2,2\n".encode(), tmp_path)


def test_a_bomb_is_refused_with_its_bound() -> None:
    with pytest.raises(ValueError, match="unpacks to more than 104,857,600, at most 100 times its size and 2 GiB"):
        unpacked(gzip.compress(bytes(101 << 20), 9))
    assert unpacked(gzip.compress(b"a")) == unpacked(b"a") == b"a"


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet", "t.csv", "t.arrow"])
@pytest.mark.parametrize("content", [b"", b'{"entity": "a", "time": "\x8c", "target": 1, "x": 2}\n'])
def test_an_empty_table_and_bytes_that_are_no_text_are_refused(content: bytes, name: str, tmp_path: Path) -> None:
    with pytest.raises(BadTable):
        table(name)(content, tmp_path)


@pytest.mark.parametrize(("name", "content"), [("o.parquet", b"PAR1"), ("o.csv", b"\xff\xfe\x00"), ("o.csv", b"")])
def test_outcomes_that_are_no_table_are_refused(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadOutcomes, match="cannot be read"):
        read_outcomes(TableOutcomes(path=str(file_of(content, tmp_path, name))))


def gguf_field(kind: int, content: bytes) -> bytes:
    return (
        b"GGUF"
        + (3).to_bytes(4, "little")
        + bytes(8)
        + (1).to_bytes(8, "little")
        + ((1).to_bytes(8, "little") + b"k" + kind.to_bytes(4, "little") + content)
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gguf_field(9, bytes(4) + (2**40).to_bytes(8, "little")), "it promises 1,099,511,627,776 values"),
        (gguf_field(8, (2**63).to_bytes(8, "little")), "bytes of text"),
        (gguf_field(77, b""), "the unknown type 77"),
        (gguf_field(9, (9).to_bytes(4, "little") + (1).to_bytes(8, "little") + b"x"), "the unknown type 9"),
        (b"GGUF" + (3).to_bytes(4, "little") + (2**62).to_bytes(8, "little") + bytes(8), "promises .* tensors"),
        (b"GGUF" + (7).to_bytes(4, "little"), "of version 7"),
        (b"GG", "does not begin with GGUF"),
    ],
    ids=["array", "text", "type", "array-of-arrays", "tensors", "version", "magic"],
)
def test_a_gguf_header_that_promises_more_than_the_file_holds_is_refused(
    content: bytes, why: str, tmp_path: Path
) -> None:
    with pytest.raises(NoModel, match=f"GGUF file a.gguf is damaged: .*{why}"):
        check_header(file_of(content, tmp_path, "a.gguf"))


def test_a_gguf_header_is_walked_as_its_reader_reads_it(tmp_path: Path) -> None:
    file = file_of(gguf_seed(), tmp_path, "a.gguf")
    check_header(file)
    assert len(GGUFReader(file).tensors) > 5


@pytest.mark.parametrize("path", ["a\0b", "../a", "/a"])
def test_a_path_that_no_file_can_have_is_no_records(path: str) -> None:
    with pytest.raises(ValueError, match="would leave the artifact's folder"):
        FileEntry(path=path, size=0, sha256="0" * 64)


def test_a_message_is_cut_in_its_middle() -> None:
    message = str(HindsightError("a" * 5_000 + "the way out."))
    assert message.startswith("aaa")
    assert message.endswith("the way out.")
    assert "[2,012 characters are left out]" in message


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "<b>", "../x", "a/b", "a\nb", ""])
def test_a_recipes_name_can_be_neither_a_formula_nor_markup_nor_a_path(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Recipe(name=name)


def test_the_sizes_of_ggufs_values_are_those_of_its_own_reader() -> None:
    of_reader = GGUFReader.gguf_scalar_to_np
    assert {int(kind): np.dtype(scalar).itemsize for kind, scalar in of_reader.items()} == SCALAR_BYTES
    assert (int(GGUFValueType.STRING), int(GGUFValueType.ARRAY)) == (TEXT, ARRAY)


def test_vectors_in_parquet_whose_text_is_not_utf8_are_refused(tmp_path: Path) -> None:
    content = vectors_seeds()[0].replace(b"2021-01-04", b"\xff021-01-04"[:10])
    with pytest.raises(BadVectors, match=r"v\.parquet is no readable table: ArrowInvalid: .*[Ii]nvalid UTF8"):
        vectors_in_parquet(content, tmp_path)
