"""What the stage does besides training."""

from pathlib import Path

import pytest

from tasks.align.config import ARTIFACT_TYPE as ALIGN
from tasks.align.config import AlignConfig
from tasks.base.config import ARTIFACT_TYPE as BASE_ROOM
from tasks.base.config import BaseConfig, TinySource
from tasks.corpus.config import ARTIFACT_TYPE as CORPUS
from tasks.corpus.config import CorpusConfig, SotuSource
from tasks.provenance.statement import STATEMENT_NAME, Statement, StatementDamaged
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import open_store
from tasks.train.config import ARTIFACT_TYPE, TrainConfig
from tasks.train.errors import TrainerMissing, WrongRows
from tasks.train.objectives import ChatObjective, PreferenceObjective
from tasks.train.pipeline.state_store import KIND, States
from tasks.train.task import publish_train
from tests.chat_fixtures import dense_base, small_mix
from tests.model_fixtures import SMALL_TRAINING, small_corpus, tiny_base
from tests.train.attempts import inputs_of, tuning

BASE = BaseConfig(source=TinySource())
CORPUS_CONFIG = CorpusConfig(source=SotuSource(), cutoff="1900-12-31", token_budget=3_000)
FEW_STEPS = SMALL_TRAINING.model_copy(update={"token_budget": 500})


def test_a_checkpoint_that_stands_is_found_and_the_states_a_killed_run_left_are_dropped(tmp_path: Path) -> None:
    store, config = open_store(), TrainConfig()
    inputs = {kind: ArtifactRef(kind=kind, label="small", key="0" * 16, digest="0" * 64) for kind in ("base", "corpus")}
    spec = ARTIFACT_TYPE.spec(config, inputs)
    for name in ("checkpoint", "state"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text(name)
    States(store, spec).publish(tmp_path / "state", 3, {"tokens_seen": 300})
    checkpoint = store.publish(spec, tmp_path / "checkpoint", {}, 1)
    assert len(list(store.objects.list(f"{KIND}/"))) == 2
    assert publish_train.fn(config, inputs["base"], inputs["corpus"]) == checkpoint
    assert list(store.objects.list(f"{KIND}/")) == []
    assert (store.fetch(checkpoint) / "weights").read_text() == "checkpoint"


def test_a_corpus_whose_statement_is_cut_is_refused_before_a_trainer_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A trainer that would be started is missed by name, so that the order of the two refusals shows.
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", "/nowhere/python")
    store, damaged = open_store(), tmp_path / "damaged"
    base = store.publish(BASE_ROOM.spec(BASE), tiny_base().path, {"pretrained": False}, 1)
    whole_corpus = store.publish(CORPUS.spec(CORPUS_CONFIG), small_corpus().path, {}, 1)
    damaged.mkdir()
    for entry in small_corpus().path.iterdir():
        (damaged / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
    whole = (damaged / STATEMENT_NAME).read_bytes()
    (damaged / STATEMENT_NAME).unlink()
    (damaged / STATEMENT_NAME).write_bytes(whole[: len(whole) // 2])
    another = CORPUS_CONFIG.model_copy(update={"token_budget": 2_000})
    cut = store.publish(CORPUS.spec(another), damaged, {}, 1)
    with pytest.raises(StatementDamaged, match=r"statement\.json is not an in-toto statement: .* Rebuild the artifact"):
        publish_train.fn(FEW_STEPS, base, cut)
    with pytest.raises(TrainerMissing, match="/nowhere/python is missing"):
        publish_train.fn(FEW_STEPS, base, whole_corpus)
    assert list(store.objects.list(f"{KIND}/")) == list(store.objects.list("train/")) == []


@pytest.mark.trainer
def test_a_model_tuned_on_chats_states_its_mix_and_examples_of_pairs_are_refused_for_it() -> None:
    store = open_store()
    base = store.publish(BASE_ROOM.spec(BASE), dense_base().path, {"pretrained": True}, 1)
    mix = store.publish(ArtifactSpec("mix", "small", 1, AlignConfig()), small_mix().path, {}, 1)
    spec = ALIGN.spec(AlignConfig(), {"base": base, "mix": mix})
    examples = store.publish(spec, inputs_of("chat")[1].path, {}, 1)
    with pytest.raises(WrongRows, match=r"train\.objective is 'preference', .* holds rows for 'chat'"):
        publish_train.fn(tuning(PreferenceObjective()), base, examples)
    assert list(store.objects.list("train/")) == []
    checkpoint = publish_train.fn(tuning(ChatObjective()), base, examples)
    assert checkpoint.label == "small-chat-lora"
    claim = Statement.read(store.fetch(checkpoint) / STATEMENT_NAME).predicate
    assert claim["examples"] == {"tokenized": examples.digest, "mix": mix.digest}
    assert claim["training"]["tokens_seen"] == inputs_of("chat")[1].counts()["n_tokens"]
