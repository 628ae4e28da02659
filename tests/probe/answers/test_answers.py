"""A model's answers are what transformers gives for each text alone, whatever is batched with what."""

from datetime import date
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tasks.common.threads import Workers
from tasks.forward.causal import leading_ids, load_causal
from tasks.forward.errors import AnswerNotFinite, UnusableQuestion
from tasks.probe.answers.bits import document_bits, windows
from tasks.probe.answers.config import ProbeAnswersConfig
from tasks.probe.answers.write import write_answers
from tasks.schemas.artifacts import ModelFolder
from tasks.schemas.probe import ITEMS, ProbeAnswers, ProbeItems, write_table
from tests.embed.small_encoders import N_POSITIONS, byte_reader, small_model, word_tokenizer

TEXTS = [
    "On the state of the Union, and of its debts.",
    "x" * 300,
    "Peace, plenty and the post roads. " * 20,
]
FACTS = [("We spoke of the", " treaty", [" nation", " border"]), ("We owe the", " debt", [" sum"])]
QUESTIONS = [(4, "date_only", "A on 2019?"), (4, "both", "a?"), (7, "date_only", "B on 2020?"), (7, "both", "a?")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """A random model that reads bytes."""
    return byte_reader(tmp_path_factory.mktemp("model"), seed=5)


def items(folder: Path, texts: list[str] = TEXTS) -> ProbeItems:
    day = date(1901, 1, 2)
    folder.mkdir()
    rows = [
        {"id": f"d{n}", "date": day, "text": text, "n_bytes": len(text), "overlap": None}
        for n, text in enumerate(texts)
    ]
    write_table(folder, "documents", ITEMS["documents"], rows)
    facts = [
        {"id": f"f{n}", "date": day, "prompt": prompt, "answer": answer, "wrong": wrong, "n_bytes": 1}
        for n, (prompt, answer, wrong) in enumerate(FACTS)
    ]
    write_table(folder, "facts", ITEMS["facts"], facts)
    asked = [
        {"row": row, "variant": variant, "prompt": prompt, "up": "up", "down": "down"}
        for row, variant, prompt in QUESTIONS
    ]
    write_table(folder, "questions", ITEMS["questions"], asked)
    return ProbeItems(folder)


def answers(model: ModelFolder, folder: Path, **config: object) -> tuple[ProbeAnswers, dict]:
    folder.mkdir(exist_ok=True)
    out = folder / "answers"
    out.mkdir()
    facts = write_answers(ProbeAnswersConfig(**config), model, items(folder / "items"), out)
    return ProbeAnswers(out), facts


def log_probability(model: ModelFolder, prompt: str, answer: str) -> float:
    """Of an answer, by transformers' own loss on the whole text with the prompt's tokens ignored."""
    causal, tokenizer = (auto.from_pretrained(model.path) for auto in (AutoModelForCausalLM, AutoTokenizer))
    first, last = (tokenizer(text)["input_ids"] for text in (prompt, answer))
    labels = torch.tensor([[-100] * len(first) + last])
    with torch.inference_mode():
        loss = causal.float()(torch.tensor([first + last]), labels=labels).loss
    return -float(loss) * len(last)


def test_bits_are_transformers_own_loss(model: ModelFolder, tmp_path: Path) -> None:
    found, facts = answers(model, tmp_path / "a")
    causal, tokenizer = (auto.from_pretrained(model.path) for auto in (AutoModelForCausalLM, AutoTokenizer))
    for text, own in zip(TEXTS, found.documents().itertuples(), strict=True):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            loss = causal.float()(ids, labels=ids).loss
        assert own.n_tokens == ids.shape[1] - 1 == len(text) - 1
        assert own.n_bytes == len(text)
        assert own.bits == pytest.approx(float(loss) / log(2) * own.n_tokens, rel=1e-5)
    assert facts["n_document_tokens"] == sum(map(len, TEXTS))


def test_a_probability_of_up_is_that_of_the_two_answers(model: ModelFolder, tmp_path: Path) -> None:
    found, facts = answers(model, tmp_path / "a")
    for own, (row, variant, prompt) in zip(found.questions().itertuples(), QUESTIONS, strict=True):
        up, down = (np.exp(log_probability(model, f"{prompt}\n", answer)) for answer in ("up", "down"))
        assert (own.row, own.variant) == (row, variant)
        assert own.p_up == pytest.approx(up / (up + down), abs=1e-5)
        assert own.mass == pytest.approx(up + down, rel=1e-4)
    # The prompt without entity and day is computed once.
    assert (facts["n_questions"], facts["n_distinct_questions"]) == (4, 3)


def test_a_margin_is_the_true_answers_per_token_less_the_best_wrong_ones(model: ModelFolder, tmp_path: Path) -> None:
    found, _ = answers(model, tmp_path / "a")
    for own, (prompt, answer, wrong) in zip(found.facts().itertuples(), FACTS, strict=True):
        scores = [log_probability(model, prompt, each) / len(each) for each in (answer, *wrong)]
        assert own.margin == pytest.approx(scores[0] - max(scores[1:]), abs=1e-4)
        assert own.n_tokens == len(prompt) + len(answer)


def test_windows_score_every_token_once_with_half_a_window_before_it() -> None:
    for n_tokens in range(2, 80):
        for n_leading in (0, 1, 2):
            found = list(windows(3, n_tokens, n_leading, longest=16))
            scored = [at for own in found for at in range(own.scored, own.end)]
            assert scored == list(range(max(1, n_leading), n_tokens))
            assert all(own.end - own.start <= 16 for own in found)
            assert all(own.start == 0 or own.scored - own.start >= 8 for own in found)


def test_a_long_documents_bits_are_nearly_those_of_one_long_reading(model: ModelFolder) -> None:
    causal, tokenizer = load_causal(model.path), AutoTokenizer.from_pretrained(model.path)
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    whole = document_bits(causal, ids, 0, 1_024, 1_024, Workers(1, 1))
    parts = document_bits(causal, ids, 0, 64, 1_024, Workers(1, 1))
    assert parts[0] == pytest.approx(whole[0], rel=1e-6)
    assert not np.allclose(parts[2], whole[2], rtol=1e-6)
    np.testing.assert_allclose(parts, whole, rtol=0.1)


def test_batches_and_their_number_at_a_time_change_no_bit(model: ModelFolder) -> None:
    causal = load_causal(model.path)
    rng = np.random.default_rng(0)
    ids = [rng.integers(0, 256, size=n).tolist() for n in rng.integers(2, 90, size=40)]
    alone = document_bits(causal, ids, 0, 32, 128, Workers(1, 1))
    for n_workers in (2, 5):
        assert document_bits(causal, ids, 0, 32, 128, Workers(n_workers, 1)).tobytes() == alone.tobytes()
    np.testing.assert_allclose(document_bits(causal, ids, 0, 32, 10_000, Workers(1, 1)), alone, rtol=1e-5)


def test_the_same_items_give_the_same_bytes(model: ModelFolder, tmp_path: Path) -> None:
    one, other = (answers(model, tmp_path / name)[0].path for name in ("one", "other"))
    for name in ("documents", "facts", "questions"):
        assert (one / f"{name}.parquet").read_bytes() == (other / f"{name}.parquet").read_bytes()


def test_empty_tables_have_their_columns(model: ModelFolder, tmp_path: Path) -> None:
    folder = tmp_path / "items"
    folder.mkdir()
    for name, columns in ITEMS.items():
        write_table(folder, name, columns, [])
    (tmp_path / "answers").mkdir()
    write_answers(ProbeAnswersConfig(), model, ProbeItems(folder), tmp_path / "answers")
    found = ProbeAnswers(tmp_path / "answers")
    assert list(found.documents()) == ["id", "date", "n_bytes", "n_tokens", "bits"]
    assert [len(table) for table in (found.documents(), found.facts(), found.questions())] == [0, 0, 0]


def test_what_the_tokenizer_puts_before_a_text_is_read_and_not_scored(tmp_path: Path) -> None:
    assert leading_ids(word_tokenizer()) == (1,)
    small = small_model("llama", tmp_path)
    causal = load_causal(small.path)
    ids = [1, *range(5, 12)]
    with torch.inference_mode():
        scores = causal(torch.tensor([ids])).logits[0].log_softmax(dim=-1)
    expected = -sum(float(scores[at, own]) for at, own in enumerate(ids[1:])) / log(2)
    assert document_bits(causal, [ids], 1, N_POSITIONS, 64, Workers(1, 1))[0] == pytest.approx(expected, rel=1e-5)


def test_a_probability_that_is_no_number_is_refused(model: ModelFolder) -> None:
    causal = load_causal(model.path)
    with torch.no_grad():
        causal.lm_head.weight[7] = torch.nan
    with pytest.raises(AnswerNotFinite, match="1 of 1 documents have a probability that is NaN or 0, number 0 first"):
        document_bits(causal, [[1, 2, 3]], 0, 32, 64, Workers(1, 1))


def test_an_item_that_does_not_fit_is_refused_with_the_setting(model: ModelFolder, tmp_path: Path) -> None:
    with pytest.raises(UnusableQuestion, match=r"the fact f0 has \d+ tokens .*Raise probe\.answers\.max_tokens"):
        answers(model, tmp_path / "a", max_tokens=16)


def test_a_document_of_one_token_is_refused(model: ModelFolder, tmp_path: Path) -> None:
    with pytest.raises(UnusableQuestion, match="document d0 has one token"):
        write_answers(ProbeAnswersConfig(), model, items(tmp_path / "items", ["x"]), tmp_path)
