"""Every parser of what others wrote, with inputs that it parses."""

import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
import torch.distributed.checkpoint as dcp
from safetensors.numpy import save

from flows.pipelines.registry import load
from tasks.base.gguf_bounds import check_header
from tasks.checkpoints.dcp import METADATA, read_metadata
from tasks.checkpoints.torch_save import find_tensor_data
from tasks.common.settings import project_root
from tasks.corpus.config import DatasetSource, FineWebSource
from tasks.corpus.filters.clip import ClipCounts, RawDocument, clip
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.sources.dataset.json_lines import json_batches
from tasks.corpus.sources.fineweb import choose_dumps
from tasks.formulas.language import parse as parse_formula
from tasks.merge.stored_tensors import INDEX, SINGLE, find_safetensors
from tasks.mix.config import DataFile, FilesSource, MixConfig
from tasks.mix.files import read_files
from tasks.panel.kaggle.unpack import write_plain
from tasks.panel.sources.csv_file import parse_prices
from tasks.panel.table.config import TableSource
from tasks.panel.table.read import read_table
from tasks.panel.table.rows import table_rows
from tasks.store.folder_objects import FolderObjects
from tasks.store.record_files import RecordFiles
from tasks.store.records import BlobEntry, FileEntry, Record
from tasks.vectors.config import VectorsConfig
from tasks.vectors.read import read_vectors
from tasks.versions.history import Evidence, Move, read_history
from tests.base.test_sources import tiny_gguf
from tests.fuzz.harness import Parser
from tests.fuzz.mutations import in_header, repacked, resealed

SHA = "0" * 64
PATH = "corpus/a/0123456789abcdef"
PRICES = b"SecuritiesCode,Date,Close,Volume\n1301,2021-01-04,2742,31400\n1301,2021-01-05,2738.5,0\nA,2021-01-05,1,2\n"
TABLE = b"entity,time,target,x\nwar,2020-12-01,0.5,1\nwar,2020-12-03T10:00,-1e3,\ntax,2020-12-01,1,4\n"
KEYS = b"code,date\nA,2021-01-04\nB,2021-01-05\n"


def file_of(content: bytes, folder: Path, name: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def safetensors(content: bytes, folder: Path) -> None:
    file_of(content, folder, SINGLE)
    for tensor in find_safetensors(folder).values():
        for each in tensor.byte_ranges() if tensor.dtype == "F32" else ():
            assert each.start >= 0
            assert each.start + each.n_bytes <= len(content)


def safetensors_seeds() -> Sequence[bytes]:
    arrays = {"a.weight": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.float16), "c": np.zeros((), np.int64)}
    return [save(arrays), save({"x": np.zeros((1, 0, 2), np.float32)}), save(arrays, {"format": "pt"})]


def index(content: bytes, folder: Path) -> None:
    (folder / SINGLE).unlink(missing_ok=True)
    file_of(safetensors_seeds()[0], folder, "model-1.safetensors")
    file_of(content, folder, INDEX)
    find_safetensors(folder)


@cache
def sharded() -> tuple[bytes, dict[str, bytes]]:
    """The metadata and the files of a checkpoint of one process."""
    state = {"weight": torch.arange(12.0).reshape(3, 4), "half": torch.zeros(5).bfloat16(), "groups": [{"lr": 0.1}]}
    with TemporaryDirectory() as folder:
        dcp.save(state, checkpoint_id=folder, no_dist=True)
        files = {file.name: file.read_bytes() for file in Path(folder).iterdir()}
    return files.pop(METADATA), files


def metadata(content: bytes, folder: Path) -> None:
    for name, data in sharded()[1].items():
        if not (folder / name).exists():
            file_of(data, folder, name)
    file_of(content, folder, METADATA)
    read_metadata(folder)


def saved_tensor() -> bytes:
    packed = io.BytesIO()
    torch.save(torch.arange(12.0).reshape(3, 4), packed)
    return packed.getvalue()


def tensor(content: bytes, _: Path) -> None:
    start = find_tensor_data(io.BytesIO(content), 0, len(content), "F32", (3, 4), "tensor a")
    assert 0 <= start <= len(content) - 48


def record_seed() -> bytes:
    blob = BlobEntry(sha256=SHA, size=3)
    return (
        Record(
            kind="corpus", label="a", key="0123456789abcdef", identity={"kind": "corpus", "revision": 1},
            config={"n": 1.5}, inputs={}, files=[FileEntry(path="texts/a.jsonl", size=3, sha256=SHA, blobs=(blob,))],
            facts={"n_tokens": 10}, seconds=1.0, finished_at=datetime(2026, 1, 1, tzinfo=UTC), versions={},
            git_commit=None,
        )
        .sealed()
        .to_bytes()
    )  # fmt: skip


def record(content: bytes, folder: Path) -> None:
    file_of(content, folder, f"{PATH}/record.json")
    RecordFiles(FolderObjects(folder)).read(PATH)


def move_seed() -> bytes:
    ref = {"kind": "train", "label": "a", "key": "0123456789abcdef", "digest": SHA}
    evidence = Evidence.model_validate({"artifacts": {"adapter": ref}})
    moved = Move(
        line="fx", number=1, previous=None, action="register", version="v1", by="a", why="b", evidence=evidence,
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return moved.sealed().to_bytes()


def moves(content: bytes, folder: Path) -> None:
    file_of(content, folder, "versions/fx/000001.json")
    read_history(FolderObjects(folder), "fx")


def prices(content: bytes, _: Path) -> None:
    parse_prices(content, "prices.csv", ["SecuritiesCode", "Date", "Close"], ["Volume"])


def price_seeds() -> Sequence[bytes]:
    return [PRICES, PRICES.replace(b",", b";"), gzip.compress(PRICES)]


def table(name: str):
    def parse(content: bytes, folder: Path) -> None:
        source = TableSource(path=str(file_of(content, folder, name)), features=("x",))
        raw, _ = read_table(source)
        table_rows(raw, source)

    return parse


def parquet_of(content: bytes) -> bytes:
    packed = io.BytesIO()
    pd.read_csv(io.BytesIO(content)).to_parquet(packed)
    return packed.getvalue()


def npy_seed() -> bytes:
    packed = io.BytesIO()
    np.save(packed, np.ones((2, 3), np.float32))
    return packed.getvalue()


def vectors(content: bytes, folder: Path) -> None:
    file, keys = file_of(content, folder, "v.npy"), file_of(KEYS, folder, "keys.csv")
    read_vectors(VectorsConfig(file=str(file), keys=str(keys)))


def vector_keys(content: bytes, folder: Path) -> None:
    file, keys = file_of(npy_seed(), folder, "v.npy"), file_of(content, folder, "keys.csv")
    read_vectors(VectorsConfig(file=str(file), keys=str(keys)))


def vectors_in_parquet(content: bytes, folder: Path) -> None:
    read_vectors(VectorsConfig(file=str(file_of(content, folder, "v.parquet"))))


def vectors_seeds() -> Sequence[bytes]:
    rows = {"code": ["A", "B"], "date": ["2021-01-04", "2021-01-05"]}
    tables = [{**rows, "v": [[1.0, 2.0], [3.0, 4.0]]}, {**rows, "x": [1.0, 2.0], "y": [3, 4]}]
    packed = [io.BytesIO() for _ in tables]
    for own, file in zip(tables, packed, strict=True):
        pd.DataFrame(own).to_parquet(file, compression=None)
    return [file.getvalue() for file in packed]


def archive(content: bytes, folder: Path) -> None:
    write_plain(file_of(content, folder, "packed"), folder / "plain", "the file")


def archive_seeds() -> Sequence[bytes]:
    packed = {}
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        packed[method] = io.BytesIO()
        with zipfile.ZipFile(packed[method], "w", method) as zipped:
            zipped.writestr("train_files/stock_prices.csv", PRICES)
    return [gzip.compress(PRICES), *(file.getvalue() for file in packed.values())]


def recipe(content: bytes, folder: Path) -> None:
    load(file_of(content, folder, "recipe.yaml"))


def recipe_seeds() -> Sequence[bytes]:
    smoke = (project_root() / "configs" / "smoke.yaml").read_bytes()
    return [b"name: x\npanel: {n_stocks: 3}\ncorpus:\n  cutoff: 1960-12-31\n  seed: 1\nplacebo: true\n", smoke]


class FewDumps:
    """A mirror with two dumps."""

    def dumps(self) -> set[str]:
        return {"CC-MAIN-2017-26", "CC-MAIN-2016-50"}


def dump_name(content: bytes, _: Path) -> None:
    name, cutoff = content.decode("utf-8", "surrogateescape"), Cutoff(datetime(2017, 7, 2).date())
    counts = ClipCounts()
    list(clip([RawDocument("a", name, name, name)], cutoff, counts))
    assert counts.n_read == 1
    source = FineWebSource.model_construct(root="mirror", dumps=(name,), dumps_after=())
    choose_dumps(source, cutoff, FewDumps())  # type: ignore[arg-type]


def lines(content: bytes, folder: Path) -> None:
    file = file_of(content, folder, "texts.jsonl")
    source = DatasetSource(path=str(folder / "texts.jsonl"))
    list(json_batches(file, str(file), "texts.jsonl", source, folder))


def examples(content: bytes, folder: Path) -> None:
    file = DataFile(path=str(file_of(content, folder, "rows.jsonl")))
    read_files(FilesSource(name="a", role="sft", files=(file,), day="day"), MixConfig.model_construct(system=None))


def gguf(content: bytes, folder: Path) -> None:
    check_header(file_of(content, folder, "a.gguf"))


def gguf_seed() -> bytes:
    with TemporaryDirectory() as folder:
        tiny_gguf(Path(folder) / "a.gguf")
        return (Path(folder) / "a.gguf").read_bytes()


def formula(content: bytes, _: Path) -> None:
    parse_formula(content.decode("utf-8", "surrogateescape"))


TEXTS = b'{"id": "a", "date": "2017-01-01", "text": "one"}\n{"id": 7, "date": "1960-05-01T00:00", "text": "two"}\n'
ROWS = b'{"prompt": "a", "answer": "b", "day": "2020-01-01"}\n'
JSON_TABLE = b'{"entity": "a", "time": "2020-01-01", "target": 1, "x": 2}\n'
INDEX_SEED = json.dumps({"weight_map": {"a.weight": "model-1.safetensors"}}).encode()
FORMULAS = [b"Mean(close, 5) / close", b"rank(delay(close, 1)) if open > 2 else -volume"]
PARSERS = [
    Parser("dump names", dump_name, lambda: [b"2017-26", b"CC-MAIN-2016-50"], share=200),
    Parser("formulas", formula, lambda: FORMULAS, share=60),
    Parser("records", record, lambda: [record_seed()], make=resealed, share=60),
    Parser("moves of versions", moves, lambda: [move_seed()], make=resealed, share=60),
    Parser("safetensors", safetensors, safetensors_seeds, make=in_header, share=60),
    Parser("index of safetensors", index, lambda: [INDEX_SEED], share=40),
    Parser("metadata of sharded checkpoints", metadata, lambda: [sharded()[0]], share=60),
    Parser("archives of torch.save", tensor, lambda: [saved_tensor()], share=60),
    Parser("archives of prices", archive, archive_seeds, share=60),
    Parser("price files", prices, price_seeds, make=repacked, share=20),
    Parser("tables", table("t.csv"), lambda: [TABLE], make=repacked, share=10),
    Parser("tables in parquet", table("t.parquet"), lambda: [parquet_of(TABLE)], share=1),
    Parser("tables in JSON", table("t.jsonl"), lambda: [JSON_TABLE], share=1),
    Parser("vectors", vectors, lambda: [npy_seed()], share=10),
    Parser("keys of vectors", vector_keys, lambda: [KEYS], share=5),
    Parser("vectors in parquet", vectors_in_parquet, vectors_seeds, share=10),
    Parser("headers of GGUF", gguf, lambda: [gguf_seed()], share=40),
    Parser("recipes", recipe, recipe_seeds, share=4),
    Parser("documents in JSON", lines, lambda: [TEXTS], share=1),
    Parser("examples in JSON", examples, lambda: [ROWS], share=10),
]
