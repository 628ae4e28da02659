"""Probabilities are those of transformers one text at a time, whatever is batched with what."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tasks.common.threads import Workers
from tasks.forecast.config import ForecastConfig
from tasks.forecast.errors import OtherPanel
from tasks.forecast.task import publish_forecast
from tasks.forecast.write import write_forecast
from tasks.forward.answers import answer_log_probabilities, texts_of
from tasks.forward.causal import load_causal
from tasks.forward.errors import AnswerNotFinite, UnusableModel, UnusableQuestion
from tasks.forward.questions import Asked, ask, render
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.examples import DirectionQuestion, Forecasts, KnowledgeQuestion, Message
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import open_store
from tests.embed.small_encoders import byte_reader
from tests.forecast.mixes import DIRECTIONS, KNOWLEDGE, N_ROWS, turn, write_mix, write_panel
from tests.model_fixtures import tiny_base

TURNS = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
TEMPLATE = TURNS + "{% if add_generation_prompt %}<assistant>{% endif %}"


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """A random model that reads bytes, with a chat template."""
    model = byte_reader(tmp_path_factory.mktemp("chat"), seed=3)
    tokenizer = AutoTokenizer.from_pretrained(model.path)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(model.path)
    return model


@pytest.fixture(scope="module")
def plain_model() -> ModelFolder:
    return tiny_base()


def written(model: ModelFolder, folder: Path, **config: object) -> tuple[Forecasts, dict]:
    folder.mkdir(exist_ok=True)
    inputs = model, write_mix(folder / "mix"), write_panel(folder / "panel")
    return Forecasts(folder), write_forecast(ForecastConfig(**config), *inputs, folder)


def one_by_one(model: ModelFolder, prompt: Sequence[Message], answers: Sequence[str]) -> np.ndarray:
    """Log probabilities as transformers gives them for each whole text alone."""
    causal, tokenizer = (auto.from_pretrained(model.path) for auto in (AutoModelForCausalLM, AutoTokenizer))
    if tokenizer.chat_template:
        text = "".join(f"<{own.role}>{own.content}</>" for own in prompt) + "<assistant>"
    else:
        text = "".join(f"{own.content}\n" for own in prompt)
    first, found = tokenizer(text)["input_ids"], []
    for answer in answers:
        ids = tokenizer(answer)["input_ids"]
        with torch.inference_mode():
            shares = causal.float()(torch.tensor([first + ids])).logits[0].log_softmax(dim=-1)
        found.append(sum(float(shares[len(first) - 1 + at, own]) for at, own in enumerate(ids)))
    return np.array(found)


@pytest.mark.parametrize("model", ["plain_model", "chat_model"])
def test_probabilities_are_transformers_own_one_text_at_a_time(
    model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder: ModelFolder = request.getfixturevalue(model)
    found, facts = written(folder, tmp_path)
    for own in DIRECTIONS:
        up, down = np.exp(one_by_one(folder, own.prompt, (own.up, own.down)))
        assert found.directions()[own.row] == pytest.approx(up / (up + down), abs=1e-5)
        assert found.mass()[own.row] == pytest.approx(up + down, rel=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(folder.path)
    for own, row in zip(KNOWLEDGE, found.knowledge(), strict=True):
        scores = one_by_one(folder, own.prompt, own.answers)
        per_token = scores / [len(tokenizer(answer)["input_ids"]) for answer in own.answers]
        assert row == {
            "id": own.id, "group": own.group, "right": own.right, "chosen": int(per_token.argmax()),
            "n_answers": len(own.answers),
        }  # fmt: skip
    assert facts["has_chat_template"] == (model == "chat_model")
    assert (facts["n_directions"], facts["n_knowledge"]) == (4, 2)


def test_rows_without_a_question_have_no_probability(chat_model: ModelFolder, tmp_path: Path) -> None:
    found, facts = written(chat_model, tmp_path)
    for values in (found.directions(), found.mass()):
        assert (values.shape, values.dtype) == ((N_ROWS,), np.float64)
        assert np.flatnonzero(~np.isnan(values)).tolist() == [1, 2, 4, 6]
    probability = found.directions()[[1, 2, 4, 6]]
    assert facts["mean_distance_from_half"] == pytest.approx(np.abs(probability - 0.5).mean())
    assert facts["mean_mass"] == pytest.approx(found.mass()[[1, 2, 4, 6]].mean())


def test_batches_and_their_number_at_a_time_change_no_bit(chat_model: ModelFolder, tmp_path: Path) -> None:
    model, tokenizer = load_causal(chat_model.path), AutoTokenizer.from_pretrained(chat_model.path)
    asked = [ask(str(n), turn("x" * (n % 17 + 1)), ("up", "down"), tokenizer, 100) for n in range(60)]
    alone = answer_log_probabilities(model, asked, 128, Workers(1, 1))
    for n_workers in (2, 5):
        found = answer_log_probabilities(model, asked, 128, Workers(n_workers, 1))
        assert np.array(found).tobytes() == np.array(alone).tobytes()
    other = answer_log_probabilities(model, asked, 10_000, Workers(1, 1))
    np.testing.assert_allclose(other, alone, rtol=1e-5)


def test_the_same_questions_give_the_same_bytes(chat_model: ModelFolder, tmp_path: Path) -> None:
    one, other = (written(chat_model, tmp_path / name)[0].path for name in ("one", "other"))
    names = ["directions.npy", "knowledge.json", "mass.npy", "panel.sha256"]
    assert sorted(file.name for file in one.iterdir() if file.is_file()) == names
    assert [(one / name).read_bytes() for name in names] == [(other / name).read_bytes() for name in names]


def test_answers_that_differ_in_their_last_token_are_scored_from_one_reading() -> None:
    asked = [Asked("a", [1, 2], [[3], [4]], False), Asked("b", [1], [[5, 6], [5, 7], [8]], False)]
    read = [(text.question, text.ids, list(text.answers)) for text in texts_of(asked)]
    assert read == [(0, (1, 2), [0, 1]), (1, (1, 5), [0, 1, 2])]


def test_a_text_whose_ids_are_others_than_prompts_and_answers_is_counted(plain_model: ModelFolder) -> None:
    tokenizer = AutoTokenizer.from_pretrained(plain_model.path)
    assert not ask("q", turn("Up or down?"), ("up", "down"), tokenizer, 100).merges
    # A line break before the answer is a token with the one that ends the prompt.
    assert ask("q", turn("Up or down?"), ("\nup", "\ndown"), tokenizer, 100).merges


def test_a_prompt_is_rendered_up_to_where_the_assistant_begins(
    chat_model: ModelFolder, plain_model: ModelFolder
) -> None:
    prompt = (Message(role="system", content="Be brief."), *turn("Up?"))
    texts = [render("q", prompt, AutoTokenizer.from_pretrained(own.path)) for own in (chat_model, plain_model)]
    assert texts == ["<system>Be brief.</><user>Up?</><assistant>", "Be brief.\nUp?\n"]


def test_a_given_template_takes_the_place_of_the_tokenizers_own(plain_model: ModelFolder, tmp_path: Path) -> None:
    plain, given = (
        written(plain_model, tmp_path / name, chat_template=template)
        for name, template in (("plain", None), ("given", TEMPLATE))
    )
    assert (plain[1]["has_chat_template"], given[1]["has_chat_template"]) == (False, True)
    assert not np.allclose(plain[0].mass()[1], given[0].mass()[1], rtol=1e-3)


def question(**changes: object) -> DirectionQuestion:
    return DIRECTIONS[0].model_copy(update=changes)


def knowledge(**changes: object) -> KnowledgeQuestion:
    return KNOWLEDGE[0].model_copy(update=changes)


@pytest.mark.parametrize(
    ("directions", "known", "message"),
    [
        ([question(row=9)], [], r"asks about row 9, and 1 such rows in all, but the panel has 9 rows"),
        ([question(), question()], [], r"asks 2 times about row 1"),
        ([question(up="down", down="downwards")], [], r"the question on row 1: one of its answers begins as the other"),
        ([question(prompt=turn("x" * 2_000))], [], r"the question on row 1 has 20\d\d tokens .* 1024 are allowed"),
        ([], [knowledge(right=2)], r"the question mean has 2 answers, and its right one is number 2"),
        ([], [knowledge(answers=("a", "a"))], r"the question mean has an answer twice"),
        ([], [], r"the mix has no questions"),
    ],
)
def test_a_question_that_cannot_be_put_is_refused_by_its_name(
    directions, known, message: str, chat_model: ModelFolder, tmp_path: Path
) -> None:
    mix, panel = write_mix(tmp_path / "mix", directions, known), write_panel(tmp_path / "panel")
    with pytest.raises(UnusableQuestion, match=message):
        write_forecast(ForecastConfig(), chat_model, mix, panel, tmp_path)


def test_a_template_that_refuses_the_turns_is_named_with_them(chat_model: ModelFolder) -> None:
    tokenizer = AutoTokenizer.from_pretrained(chat_model.path)
    tokenizer.chat_template = "{{ raise_exception('no system turn') }}"
    with pytest.raises(UnusableQuestion, match="row 3: the model's chat template refuses the turns user: no system"):
        render("row 3", turn("Up?"), tokenizer)


def test_a_broken_model_and_one_that_runs_by_code_are_refused(tmp_path: Path) -> None:
    model = byte_reader(tmp_path / "model", seed=0)
    causal = load_causal(model.path)
    with torch.no_grad():
        causal.get_input_embeddings().weight[65] = torch.nan
    asked = [Asked("first", [64, 66], [[1], [2]], False), Asked("second", [64, 65], [[1], [2]], False)]
    with pytest.raises(AnswerNotFinite, match=r"1 of 2 questions .* NaN or infinite, second first"):
        answer_log_probabilities(causal, asked, 64, Workers())
    model.note_code("owner/name@0")
    with pytest.raises(UnusableModel, match="runs by the code of owner/name@0, which only the embed stage runs"):
        written(model, tmp_path / "found")


def test_a_mix_of_another_panel_is_refused_and_its_own_is_forecast(chat_model: ModelFolder, tmp_path: Path) -> None:
    def publish(kind: str, folder: Path, label: str = "made", **inputs: ArtifactRef) -> ArtifactRef:
        spec = ArtifactType(kind, 1, lambda config, inputs: label).spec(ForecastConfig(), inputs)
        return open_store().publish(spec, folder, {}, 0.0)

    own, other = (
        publish("panel", write_panel(tmp_path / f"panel-{n}", n).path, f"of-{n}") for n in (N_ROWS, N_ROWS + 1)
    )
    mix = publish("mix", write_mix(tmp_path / "mix").path, panel=own)
    model = publish("base", chat_model.path)
    ref = publish_forecast.fn(ForecastConfig(), model, mix, own)
    assert ref.path.startswith("forecast/made-made/")
    assert np.isfinite(Forecasts(open_store().fetch(ref)).directions()).sum() == len(DIRECTIONS)
    assert json.loads(json.dumps(open_store().record(ref).facts))["n_directions"] == len(DIRECTIONS)
    with pytest.raises(OtherPanel, match=r"was made from panel panel/of-9/.*; this one is panel/of-10/"):
        publish_forecast.fn(ForecastConfig(), model, mix, other)
