"""The first epoch has the mix's order, later ones are permutations, and no example is cut or of another objective."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from tasks.align.config import AlignConfig
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.examples import TokenizedExamples
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import ARTIFACT_TYPE, TrainConfig
from tasks.train.errors import AdapterInBase, TokenizerMismatch, WrongRows
from tasks.train.objectives import ORDER_REVISION, ChatObjective, PreferenceObjective, TextObjective
from tasks.train.pipeline.example_rows import write_example_rows
from tasks.train.pipeline.input_checks import check_no_adapter, check_objective, check_tokenizer
from tasks.train.pipeline.packing import IGNORED
from tasks.train.pipeline.rows import Rows
from tests.chat_fixtures import CHATML, aligned, dense_base, small_mix
from tests.model_fixtures import SMALL_TRAINING, small_corpus, tiny_base

CHAT = TrainConfig(objective=ChatObjective(epochs=3))
PREFERENCE = TrainConfig(objective=PreferenceObjective(epochs=3))


def examples(config: TrainConfig) -> TokenizedExamples:
    return aligned(AlignConfig(objective=config.objective.kind), dense_base(), small_mix())


def written(config: TrainConfig, path: Path) -> tuple[Rows, list[dict[str, Any]]]:
    rows = write_example_rows(examples(config), config, path)
    return rows, pa.ipc.open_stream(path).read_all().to_pylist()


@pytest.mark.parametrize("config", [CHAT, PREFERENCE], ids=["chat", "preference"])
def test_the_first_epoch_has_the_examples_order_and_every_later_one_an_order_of_its_own(
    config: TrainConfig, tmp_path: Path
) -> None:
    rows, found = written(config, tmp_path / "rows.arrow")
    found = [{name: row[name] for name in row if name != "attention_mask"} for row in found]
    expected = [
        {name: list(map(int, ids)) for name, ids in row.items()} for row in examples(config).rows().to_dict("records")
    ]
    n = len(expected)
    epochs = [found[start : start + n] for start in range(0, 3 * n, n)]
    assert rows.n_rows == len(found) == 3 * n
    assert all(sorted(epoch, key=str) == sorted(expected, key=str) for epoch in epochs)
    assert epochs[0] == expected
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert rows.n_tokens == examples(config).counts()["n_tokens"] * 3
    assert rows.n_steps == -(-3 * n // config.rows_per_step)


def test_the_seed_alone_decides_the_order(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    written(PREFERENCE, first)
    written(PREFERENCE, second)
    written(PREFERENCE.model_copy(update={"seed": 1}), other)
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()


def test_several_ranks_take_whole_steps_filled_up_with_rows_without_labels(tmp_path: Path) -> None:
    config = CHAT.model_copy(update={"arm": FullWeightArm(n_ranks=3), "gradient_accumulation_steps": 5})
    rows, found = written(config, tmp_path / "rows.arrow")
    assert (rows.n_rows, rows.n_filler_rows, rows.n_steps) == (60, 0, 4)
    rows, found = written(config.model_copy(update={"gradient_accumulation_steps": 7}), tmp_path / "rows.arrow")
    assert (rows.n_rows, rows.n_filler_rows, rows.n_steps) == (63, 3, 3)
    assert all(row["labels"] == [IGNORED] * 2 for row in found[60:])
    assert all(len(row["attention_mask"]) == len(row["input_ids"]) for row in found)


def test_several_ranks_take_pairs_filled_up_with_pairs_without_answers(tmp_path: Path) -> None:
    arm = PREFERENCE.arm.model_copy(update={"n_ranks": 4})
    config = PREFERENCE.model_copy(update={"arm": arm, "gradient_accumulation_steps": 1})
    rows, found = written(config, tmp_path / "rows.arrow")
    assert (rows.n_rows, rows.n_filler_rows, rows.n_steps) == (36, 3, 9)
    assert found[33:] == [{"prompt_ids": [0, 0], "chosen_ids": [], "rejected_ids": []}] * 3
    # The trainer reads a prompt with each of its answers.
    assert rows.n_filler_tokens == 3 * 2 * 2
    one, alone = written(PREFERENCE, tmp_path / "one.arrow")
    assert (one.n_filler_rows, one.n_tokens, alone) == (0, rows.n_tokens, found[:33])


def test_an_example_longer_than_a_row_is_refused(tmp_path: Path) -> None:
    longest = examples(PREFERENCE).counts()["longest"]
    written(PREFERENCE.model_copy(update={"sequence_length": longest}), tmp_path / "rows.arrow")
    with pytest.raises(WrongRows, match=rf"has {longest} tokens, sequence_length of this training is {longest - 1};"):
        written(PREFERENCE.model_copy(update={"sequence_length": longest - 1}), tmp_path / "rows.arrow")


def test_rows_of_another_objective_are_refused() -> None:
    check_objective(CHAT, examples(CHAT))
    check_objective(SMALL_TRAINING, small_corpus())
    with pytest.raises(WrongRows, match=r"train\.objective is 'chat', its input `corpus` holds rows for 'preference'"):
        check_objective(CHAT, examples(PREFERENCE))
    with pytest.raises(WrongRows, match=r"is 'text', .* holds rows for 'chat'"):
        check_objective(SMALL_TRAINING, examples(CHAT))
    with pytest.raises(WrongRows, match=r"is 'chat', .* holds rows for 'text'"):
        check_objective(CHAT, small_corpus())


def test_examples_of_another_tokenizer_are_refused() -> None:
    for config in (CHAT, PREFERENCE):
        check_tokenizer(dense_base(), examples(config))
    other = aligned(AlignConfig(chat_template=CHATML), tiny_base(), small_mix())
    with pytest.raises(
        TokenizerMismatch, match=r"example chat-0 has \d+ tokens in the artifact and \d+ different ones"
    ):
        check_tokenizer(dense_base(), other)


def test_a_base_with_an_adapter_that_is_not_folded_is_refused(tmp_path: Path) -> None:
    check_no_adapter(dense_base())
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(AdapterInBase, match=r"the base has adapter_config\.json: .* Merge it \(stage merge\)"):
        check_no_adapter(ModelFolder(tmp_path))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"token_budget": 5_000}, "token_budget=5000 counts for objective text only"),
        ({"packing": True}, "set packing to false"),
        ({"arm": FullWeightArm()}, "use the lora arm"),
        ({"arm": LoraArm(cut_cross_entropy=True)}, r"set arm\.cut_cross_entropy to false"),
        ({"arm": LoraArm(dropout=0.1, target_parameters=())}, r"set arm\.dropout to 0"),
    ],
)
def test_settings_that_a_preference_training_would_ignore_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainConfig(objective=PreferenceObjective(), **fields)


def test_text_is_the_default_and_leaves_the_artifacts_key_as_it_was() -> None:
    identity = TrainConfig().identity()
    assert "objective" not in identity
    assert TrainConfig(objective=TextObjective()).identity() == identity
    assert CHAT.identity()["objective"] == {"kind": "chat", "epochs": 3, "order_revision": ORDER_REVISION}
    assert TrainConfig.model_validate(CHAT.model_dump(mode="json")) == CHAT
    assert ARTIFACT_TYPE.revision == 3
