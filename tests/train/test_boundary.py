"""What a state has read, by its boundary, is what the model was fed in a real training."""

import json
import random
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from tasks.schemas.artifacts import Document, TextShards
from tasks.schemas.examples import IGNORED
from tasks.train.config import TrainConfig
from tasks.train.pipeline import launch
from tasks.train.pipeline.boundary import Boundary, read_boundaries
from tasks.train.pipeline.train_arm import train_arm
from tasks.train.trainer import work_files
from tests.corpus.made_corpus import ids_of, write_shard
from tests.model_fixtures import qwen, states_in, tiny_base
from tests.train.attempts import ARMS

pytestmark = [pytest.mark.trainer, pytest.mark.slow]


def shuffled_corpus(folder: Path) -> list[Document]:
    """Documents of up to two rows on shuffled days, in two shards; no token of the corpus is in it twice."""
    rng, first = random.Random(1), date(2010, 1, 1)  # noqa: S311
    words = sorted(word for word in qwen().get_vocab() if re.fullmatch("Ġ[a-z]{4,9}", word))
    rng.shuffle(words)
    documents = []
    for place, day in enumerate(rng.sample(range(4_000), 60)):
        own = [words.pop()[1:] for _ in range(rng.randrange(1, 60))]
        documents.append(Document(id=f"d{place}", date=first + timedelta(days=day), text=" " + " ".join(own)))
    write_shard(folder, "00000", documents[:20])
    write_shard(folder, "00001", documents[20:])
    return documents


def fed_by_step(work: Path) -> dict[int, list[list[int]]]:
    """The rows that any rank was fed, by step, without filler rows."""
    found: dict[int, list[list[int]]] = {}
    for file in work.glob("fed-*.jsonl"):
        for line in map(json.loads, file.read_text().splitlines()):
            rows = [row["ids"] for row in line["rows"] if set(row["labels"]) != {IGNORED}]
            found.setdefault(line["step"], []).extend(rows)
    return found


def owner_of(row: list[int], corpus_ids: list[list[int]]) -> int:
    """The one document whose ids hold the row's, end to end."""

    def holds(ids: list[int]) -> bool:
        return any(ids[start : start + len(row)] == row for start in range(len(ids) - len(row) + 1))

    (owner,) = (place for place, ids in enumerate(corpus_ids) if holds(ids))
    return owner


@pytest.mark.parametrize("arm", ["lora", "full-weight"])
def test_the_boundary_of_every_step_is_what_all_ranks_were_fed_up_to_it(
    arm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = launch.trainer_command

    def recorded(config: TrainConfig) -> list[str]:
        return [word.replace("tasks.train.trainer", "tests.train.recorded_trainer") for word in command(config)]

    monkeypatch.setattr(launch, "trainer_command", recorded)
    work, folder, corpus_dir, store = (tmp_path / name for name in ("work", "folder", "corpus", "store"))
    for made in (work, folder, corpus_dir, store):
        made.mkdir()
    documents = shuffled_corpus(corpus_dir)
    corpus_ids = [ids_of(each) for each in documents]
    config = ARMS[arm].model_copy(update={"token_budget": 1_000, "sequence_length": 32})
    states = states_in(store, config)
    facts = train_arm(config, tiny_base(), TextShards(corpus_dir), folder, work, states)
    boundaries, fed, seen = read_boundaries(config, TextShards(corpus_dir)), fed_by_step(work), []
    assert boundaries.n_steps == facts["n_steps"] == len(fed) >= 5
    for step in sorted(fed):
        seen += fed[step]
        read = {owner_of(row, corpus_ids) for row in seen}
        last = documents[max(read)]
        assert boundaries.after(step) == Boundary(
            step=step,
            tokens_seen=sum(map(len, seen)),
            position=max(read),
            id=last.id,
            day=last.date,
            latest_day=max(documents[place].date for place in read),
        )
    assert facts["boundary"] == boundaries.final.model_dump(mode="json")
    assert [line["step"] for line in facts["boundaries_of_states"]] == states.published_steps
    for record in states._readable():
        step = record.facts["step"]
        assert record.facts["boundary"] == boundaries.after(int(str(step))).model_dump(mode="json")
    assert (work / work_files.METRICS).read_text().count("\n") == boundaries.n_steps
    # The corpus is shuffled: states read its latest day long before the last document.
    assert boundaries.first_step_with_the_latest_day < boundaries.n_steps
