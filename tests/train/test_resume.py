"""Real trainings that are killed and go on elsewhere end in the same bytes as one that nobody disturbed."""

import random
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tasks.train.errors import TrainingFailed
from tasks.train.pipeline.outputs import read_metrics
from tests.model_fixtures import states_in, trained
from tests.train.attempts import Machine, killing_the_trainer, undisturbed

pytestmark = pytest.mark.trainer
ADAPTER = "adapter/adapter_model.safetensors"


def expected_of(arm: str) -> Path:
    """The checkpoint of a training that was not interrupted."""
    return trained()[0].path if arm == "lora" else undisturbed(arm)[0].folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same(found: Path, expected: Path) -> None:
    """Every file is the same to the bit: metrics, and every tensor, the experts' among them."""
    theirs, ours = contents(expected), contents(found)
    assert ours.keys() == theirs.keys()
    assert ours["metrics.jsonl"].decode() == theirs["metrics.jsonl"].decode()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def kill_the_pipeline(root: Path, store: Path, arm: str, n_steps: int, rng: random.Random) -> None:
    machine = Machine(root, store, arm)
    pipeline = machine.started()
    machine.wait_for_a_state(n_steps, rng)
    assert pipeline.poll() is None
    assert machine.trainers()
    pipeline.kill()
    pipeline.wait()
    machine.assert_no_trainer_is_left()


def kill_the_trainer(root: Path, store: Path, arm: str, n_steps: int, rng: random.Random) -> None:
    machine = Machine(root, store, arm)
    with (
        pytest.raises(TrainingFailed, match="was ended by SIGKILL"),
        killing_the_trainer(machine, n_steps, rng),
    ):
        machine.train()
    machine.assert_no_trainer_is_left()


def retry(root: Path, store: Path, arm: str) -> None:
    assert_same(gone_on(root, store, arm), expected_of(arm))


def gone_on(root: Path, store: Path, arm: str) -> Path:
    """The checkpoint of another machine's attempt, which leaves no state in the store."""
    last = Machine(root, store, arm)
    seconds_of_states = states_in(store, last.config).spent_seconds()
    facts = last.train()
    assert facts["resumed_from_step"] >= 1
    # Whoever was killed is paid as well: the bill is of all attempts, start-up included.
    assert facts["earlier_trainer_seconds"] == seconds_of_states > 0
    assert facts["trainer_seconds"] > max(seconds_of_states, facts["training_seconds"])
    states = states_in(store, last.config)
    states.drop()
    assert list(states.store.objects.list("")) == []
    return last.folder


@pytest.mark.slow
def test_a_killed_lora_pipeline_leaves_no_trainer_and_another_machine_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    kill_the_pipeline(tmp_path / "first", tmp_path / "store", "lora", 1, random.Random(1))  # noqa: S311
    retry(tmp_path / "second", tmp_path / "store", "lora")


@pytest.mark.slow
def test_a_full_weight_training_whose_rank_was_killed_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    kill_the_trainer(tmp_path / "first", tmp_path / "store", "full-weight", 2, random.Random(1))  # noqa: S311
    retry(tmp_path / "second", tmp_path / "store", "full-weight")


@pytest.mark.slow
def test_pairs_on_two_ranks_of_which_one_was_killed_end_in_the_adapter_of_one_process(tmp_path: Path) -> None:
    """The sum of two passes and that of two ranks are of the same two numbers."""
    kill_the_trainer(tmp_path / "first", tmp_path / "store", "preference-ranks", 2, random.Random(1))  # noqa: S311
    found = gone_on(tmp_path / "second", tmp_path / "store", "preference-ranks")
    alone = undisturbed("preference")[0].folder
    assert (found / ADAPTER).read_bytes() == (alone / ADAPTER).read_bytes()
    for ours, theirs in zip(*(read_metrics(folder / "metrics.jsonl") for folder in (found, alone)), strict=True):
        # Rewards are averaged over four pairs at once, or over two means of two.
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)


@pytest.mark.slow
def test_a_preference_training_that_was_killed_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    kill_the_trainer(tmp_path / "first", tmp_path / "store", "preference", 2, random.Random(1))  # noqa: S311
    retry(tmp_path / "second", tmp_path / "store", "preference")


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["lora-ranks", "chat-ranks", "preference-ranks"])
def test_adapters_on_two_ranks_of_which_one_was_killed_go_on_to_the_same_bytes(tmp_path: Path, arm: str) -> None:
    kill_the_trainer(tmp_path / "first", tmp_path / "store", arm, 2, random.Random(1))  # noqa: S311
    retry(tmp_path / "second", tmp_path / "store", arm)


@pytest.mark.slow
def test_a_killed_chat_pipeline_goes_on_elsewhere_to_the_same_bytes(tmp_path: Path) -> None:
    kill_the_pipeline(tmp_path / "first", tmp_path / "store", "chat", 1, random.Random(1))  # noqa: S311
    retry(tmp_path / "second", tmp_path / "store", "chat")


@pytest.mark.slow
def test_a_state_without_one_of_the_experts_is_refused_by_the_real_trainer(tmp_path: Path) -> None:
    store = tmp_path / "store"
    kill_the_pipeline(tmp_path / "first", store, "lora", 1, random.Random(1))  # noqa: S311
    states = states_in(store, Machine(tmp_path / "first", store, "lora").config)
    newest = states.latest()
    assert newest is not None
    weights = load_file(newest / "adapter.safetensors")
    expert = next(name for name in weights if ".mlp.experts." in name)
    del weights[expert]
    save_file(weights, newest / "adapter.safetensors")
    states.publish(newest, 1_000, {})
    with pytest.raises(
        TrainingFailed, match=f"StateRefused: adapter.safetensors of the training state lacks {expert};"
    ):
        Machine(tmp_path / "second", store, "lora").train()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("arm", ["lora", "full-weight", "chat", "preference"])
def test_twice_interrupted_at_random_steps_the_bytes_are_the_same(tmp_path: Path, arm: str, seed: int) -> None:
    rng, store = random.Random(seed), tmp_path / "store"  # noqa: S311
    interruptions = [kill_the_pipeline, kill_the_trainer]
    rng.shuffle(interruptions)
    for number, interrupt in enumerate(interruptions):
        interrupt(tmp_path / str(number), store, arm, rng.randint(1, 2), rng)
    retry(tmp_path / "last", store, arm)
