"""Boundaries are those of the rows that are written; statements of them are made from records, and hold or do not."""

import json
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hindsight.cli.main import main
from tasks.corpus.config import ARTIFACT_TYPE as CORPUS
from tasks.corpus.config import CorpusConfig, SotuSource
from tasks.schemas.artifacts import Document, TextShards
from tasks.store.refs import ArtifactSpec
from tasks.store.store import open_store
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import ARTIFACT_TYPE, TrainConfig
from tasks.train.errors import TokensMissed
from tasks.train.objectives import ChatObjective
from tasks.train.pipeline.boundary import read_boundaries
from tasks.train.pipeline.rows import write_rows
from tests.corpus.attest.checking import public
from tests.train.pipeline.test_blocks import numbered
from tests.train.pipeline.test_rows import config

FIRST_DAY = date(2015, 1, 1)
drawn_corpora = st.lists(st.tuples(st.integers(1, 70), st.integers(0, 30)), min_size=1, max_size=12)


def shards(folder: Path, documents: list[tuple[int, int]]) -> TextShards:
    """Two shards of documents, given as tokens and day after FIRST_DAY; ids count up through the corpus."""
    ids = numbered([length for length, _ in documents])
    middle = len(documents) // 2
    for name, part in (("00000", slice(0, middle)), ("00001", slice(middle, None))):
        lines = [
            Document(id=f"d{place}", date=FIRST_DAY + timedelta(days=day), text="text").model_dump_json()
            for place, (_, day) in [*enumerate(documents)][part]
        ]
        for kind in ("texts", "tokens"):
            (folder / kind).mkdir(exist_ok=True)
        (folder / "texts" / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))
        np.save(folder / "tokens" / f"{name}.npy", np.concatenate([np.empty(0, np.uint32), *ids[part]]))
        np.save(folder / "tokens" / f"{name}.offsets.npy", np.cumsum([0, *map(len, ids[part])]).astype(np.int64))
    return TextShards(folder)


@settings(deadline=None)
@given(drawn_corpora, st.sampled_from([LoraArm(), FullWeightArm(n_ranks=3)]), st.booleans(), st.data())
def test_a_boundary_is_that_of_the_tokens_in_the_rows_of_all_steps_before(
    documents: list[tuple[int, int]], arm: Any, packing: bool, data: st.DataObject
) -> None:
    lengths = [length for length, _ in documents]
    # A document of one token is never read, and each other one may lose its last.
    n_usable = sum(length - (length % 16 == 1) for length in lengths)
    if n_usable < 4:
        return
    own = config(data.draw(st.integers(2, n_usable - 2)), arm, packing)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    with TemporaryDirectory() as name:
        corpus = shards(Path(name), documents)
        found = read_boundaries(own, corpus)
        rows = write_rows(numbered(lengths), own, Path(name) / "rows.arrow")
        written = pa.ipc.open_stream(Path(name) / "rows.arrow").read_all()["input_ids"].to_pylist()
    tokens = [row[:] for row in written]
    for row in tokens[len(tokens) - rows.n_filler_rows :]:
        row.clear()
    over = rows.n_filler_tokens - sum(map(len, written[len(written) - rows.n_filler_rows :])) if packing else 0
    if over:
        del tokens[len(tokens) - rows.n_filler_rows - 1][-over:]
    assert found.n_steps == rows.n_steps
    for step in range(1, rows.n_steps + 1):
        read = [token for row in tokens[: step * own.rows_per_step] for token in row]
        owners = owner[read]
        boundary = found.after(step)
        assert (boundary.tokens_seen, boundary.position) == (len(read), owners.max())
        assert (boundary.id, boundary.day) == (
            f"d{owners.max()}",
            FIRST_DAY + timedelta(days=documents[owners.max()][1]),
        )
        assert boundary.latest_day == FIRST_DAY + timedelta(days=max(documents[place][1] for place in set(owners)))
        found.check({"step": step, "tokens_seen": len(read)})
        with pytest.raises(TokensMissed, match=f"up to step {step} of {rows.n_steps}, the rows in their order hold"):
            found.check({"step": step, "tokens_seen": len(read) + 1})


def test_an_early_state_of_a_shuffled_corpus_has_read_the_last_day_and_its_boundary_says_so(tmp_path: Path) -> None:
    corpus = shards(tmp_path, [(16, 0), (16, 30), *[(16, day) for day in range(1, 11)]])
    found = read_boundaries(config(160), corpus)
    assert found.n_steps == 5
    first = found.after(1)
    assert (first.id, first.day, first.latest_day) == ("d1", date(2015, 1, 31), date(2015, 1, 31))
    assert (found.final.day, found.final.latest_day) == (date(2015, 1, 9), date(2015, 1, 31))
    assert found.first_step_with_the_latest_day == 1


TRAINED = TrainConfig(token_budget=1_000, sequence_length=16, gradient_accumulation_steps=4)
DAYS = [7, 3, 20, 1, 5, *range(8, 18), 2]


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Path of a checkpoint in a store, as an arm that trained on sixteen documents would publish it."""
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HINDSIGHT_STATE", str(tmp_path / "state"))
    folders = [tmp_path / name for name in ("corpus", "checkpoint")]
    for folder in folders:
        folder.mkdir()
    shards(folders[0], [(70, day) for day in DAYS])
    (folders[0] / "statement.json").write_text("{}\n")
    (folders[1] / "metrics.jsonl").write_text("{}\n")
    store = open_store()
    corpus_config = CorpusConfig(source=SotuSource(), cutoff="2017-07-02", token_budget=3_000)
    corpus = store.publish(CORPUS.spec(corpus_config), folders[0], {}, 1)
    boundaries = read_boundaries(TRAINED, TextShards(folders[0]))
    facts = {
        "loss_curve": [[int(seen), 1.0] for seen in boundaries.tokens_seen],
        "boundaries_of_states": [boundaries.after(step).model_dump(mode="json") for step in (2, 5)],
    }
    return store.publish(ARTIFACT_TYPE.spec(TRAINED, {"corpus": corpus}), folders[1], facts, 1).path


def test_a_statement_names_saved_states_checkpoint_and_steps_asked_for_and_holds(
    published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["attest", "boundary", published, "--step", "3"]) == 0
    text = capsys.readouterr().out
    said = json.loads(text)
    assert [line["step"] for line in said["predicate"]["boundaries"]] == [2, 3, 5, said["predicate"]["n_steps"]]
    assert [subject["name"] for subject in said["subject"]] == ["metrics.jsonl"]
    assert said["predicate"]["boundaries"][0] == {
        "step": 2,
        # A document of 70 tokens is four rows of 16 and one of 6; the eighth row is the third of the second document.
        "tokens_seen": 118,
        "position": 1,
        "id": "d1",
        "day": "2015-01-04",
        "latest_day": "2015-01-08",
    }
    assert said["predicate"]["says"][0] == (
        "The checkpoint was trained up to document 14, d14 of 2015-01-18; the latest day it has read is 2015-01-21."
    )
    file = tmp_path / "boundary.json"
    file.write_text(text)
    assert main(["attest", "boundary", published, "--statement", str(file)]) == 0
    assert "holds; not checked: who signed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (lambda said: said["predicate"]["boundaries"][0].update(day="2015-01-01"), "is none of the corpus's"),
        (lambda said: said["predicate"]["boundaries"].pop(), "is missing"),
        (lambda said: said["predicate"].update(claim="it has read nothing"), "claim is 'it has read nothing'"),
        (lambda said: said["subject"].pop(), "about other files"),
    ],
)
def test_a_changed_statement_does_not_hold(
    published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, failure: str
) -> None:
    main(["attest", "boundary", published])
    said = json.loads(capsys.readouterr().out)
    change(said)
    (tmp_path / "boundary.json").write_text(json.dumps(said))
    assert main(["attest", "boundary", published, "--statement", str(tmp_path / "boundary.json")]) == 1
    shown = capsys.readouterr()
    assert failure in shown.err
    assert "DOES NOT HOLD" in shown.out


def test_a_boundarys_statement_is_signed_like_a_corpuss(
    published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["attest", "keygen", str(tmp_path / "key")]) == 0
    capsys.readouterr()
    monkeypatch.setenv("HINDSIGHT_SIGNING_KEY", str(tmp_path / "key"))
    for words, name in (
        (["boundary", published], "boundary.json"),
        (["sign", str(tmp_path / "boundary.json")], "s.json"),
    ):
        assert main(["attest", *words]) == 0
        (tmp_path / name).write_text(capsys.readouterr().out)
    verify = ["attest", "boundary", published, "--statement", str(tmp_path / "boundary.json")]
    signed = ["--public-key", str(public(tmp_path / "key"))]
    assert main([*verify, *signed, "--signature", str(tmp_path / "s.json")]) == 0
    assert "holds, signed with" in capsys.readouterr().out
    assert main([*verify, *signed]) == 1
    assert "there is no signature to verify with the public key" in capsys.readouterr().err


def test_what_has_no_boundary_is_refused_by_name(
    published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store()
    inputs = store.record(store.records.read(published).ref).inputs
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "weights").write_text("weights")
    tuned = ARTIFACT_TYPE.spec(TrainConfig(objective=ChatObjective()), inputs)
    merged = ArtifactSpec("merge", "some", 1, TRAINED, inputs)
    short = ARTIFACT_TYPE.spec(TRAINED.model_copy(update={"seed": 1}), inputs)
    refusals = {
        store.publish(tuned, tmp_path / "other", {}, 1).path: "was tuned on chat examples, which have no days",
        store.publish(short, tmp_path / "other", {"loss_curve": [[9, 1.0]]}, 1).path: "counts tokens of 1 steps",
        inputs["corpus"].path: "was not trained on a corpus",
        store.publish(merged, tmp_path / "other", {}, 1).path: "is of kind merge",
    }
    for path, words in refusals.items():
        assert main(["attest", "boundary", path]) == 1
        assert words in capsys.readouterr().err
    assert main(["attest", "boundary", published, "--step", "0"]) == 1
    assert "step 0 is not one of the training's steps 1 to " in capsys.readouterr().err
