"""Ways to change a corpus below its statement."""

from pathlib import Path

import numpy as np

from tasks.schemas.artifacts import Document
from tests.corpus.attest.checking import edit


def flip_a_byte(corpus: Path) -> None:
    file = corpus / "tokens" / "00000.npy"
    content = bytearray(file.read_bytes())
    content[-4] ^= 1
    file.write_bytes(content)


def add_a_late_document(corpus: Path) -> None:
    late = Document(id="late", date="2017-07-03", text="ChatGPT")
    with (corpus / "texts" / "00001.jsonl").open("a") as file:
        file.write(late.model_dump_json() + "\n")


def swap_a_text(corpus: Path) -> None:
    file = corpus / "texts" / "00001.jsonl"
    file.write_text(file.read_text().replace("closed lower", "closed ajar", 1))


def drop_a_shard(corpus: Path) -> None:
    (corpus / "texts" / "00001.jsonl").unlink()


def hide_a_file(corpus: Path) -> None:
    (corpus / "texts" / "00009.jsonl.bak").write_text("")


def cut_a_shard(corpus: Path) -> None:
    file = corpus / "texts" / "00000.jsonl"
    file.write_text(file.read_text()[:-9])


def empty_a_shard(corpus: Path) -> None:
    (corpus / "tokens" / "00000.npy").write_bytes(b"")


def move_an_offset(corpus: Path) -> None:
    file = corpus / "tokens" / "00001.offsets.npy"
    offsets = np.load(file)
    offsets[1] += 1
    np.save(file, offsets)


def recount_the_ledger(corpus: Path) -> None:
    edit(corpus / "ledger.json", lambda ledger: ledger.update(n_documents=7))
