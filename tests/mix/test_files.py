"""Files of examples: every format gives the same examples, and what is refused is named with its file and line."""

import gzip
import json
from datetime import date
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

from tasks.mix.config import DataFile, MixConfig
from tasks.mix.errors import BadRow, EmptySource, UnreadableSource
from tasks.mix.files import read_files
from tests.mix.mixes import file_source, mix_of

ROWS = [
    {"prompt": "What is a pip?", "answer": "The last decimal.", "pair": "EURUSD", "day": "2020-01-02"},
    {"prompt": "What is a swap?", "answer": "2020-01-03T00:00:00Z", "pair": "USDJPY", "day": "2020-01-03"},
]
PAIR = {"prompt": "Buy?", "chosen": "No.", "rejected": "Yes."}
CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def write(file: Path, *rows: object) -> Path:
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return file


def read(*paths: Path, config: MixConfig | None = None, **settings: object) -> list:
    return [each.example for each in read_files(file_source(*paths, **settings), config or MixConfig()).candidates]


def test_every_format_gives_the_same_examples(tmp_path):
    lines = write(tmp_path / "a.jsonl", *ROWS)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.read_bytes()))
    pd.DataFrame(ROWS).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame(ROWS).to_csv(tmp_path / "a.csv", index=False)
    files = ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.csv"]
    found = [read(tmp_path / name, group="pair", day="day") for name in files]
    content = [[(each.group, each.day, each.messages) for each in own] for own in found]
    assert content[1:] == content[:1] * 3
    assert found[0][1].messages[1].content == "2020-01-03T00:00:00Z"
    assert (found[0][0].group, found[0][0].day) == ("EURUSD", date(2020, 1, 2))
    assert [each.id for each in found[0]] == ["notes/0-line-1", "notes/0-line-2"]


def test_a_url_is_read_and_several_files_in_their_order(tmp_path):
    first, second = write(tmp_path / "b.jsonl", ROWS[1]), write(tmp_path / "a.jsonl", ROWS[0])
    found = [*read_files(file_source(first, second), MixConfig()).candidates]
    assert [each.example.messages[0].content for each in found] == ["What is a swap?", "What is a pip?"]
    source = file_source(first).model_copy(update={"files": (DataFile(path=first.as_uri()),)})
    assert len(read_files(source, MixConfig()).candidates) == 1


def test_messages_are_taken_as_they_are_and_a_system_message_of_their_own_is_kept(tmp_path):
    config = MixConfig(system="Be brief.")
    own = [{"role": "system", "content": "Be long."}, *CHAT]
    pd.DataFrame({"turns": [CHAT, own]}).to_parquet(tmp_path / "a.parquet")
    roles = [[message.content for message in each.messages] for each in read(tmp_path / "a.parquet", messages="turns")]
    assert roles == [["Hi", "Hello"], ["Be long.", "Hi", "Hello"]]
    first, second = read(tmp_path / "a.parquet", messages="turns", config=config)
    assert [first.messages[0].content, second.messages[0].content] == ["Be brief.", "Be long."]


@pytest.mark.parametrize(
    ("row", "settings", "reason"),
    [
        ("{not json", {}, "it is not JSON: Expecting property name"),
        ("[1]", {}, "it is not a JSON object"),
        ({"prompt": "What?"}, {}, "it has no 'answer' that is a text"),
        ({"prompt": " ", "answer": "That."}, {}, "it has no 'prompt' that is a text"),
        ({"prompt": 3, "answer": "That."}, {}, "it has no 'prompt' that is a text or a list of messages"),
        ({"turns": CHAT[:1]}, {"messages": "turns"}, "its last message is the user's"),
        ({"turns": CHAT[1:]}, {"messages": "turns"}, "its last message is the assistant's"),
        ({"turns": CHAT + CHAT[1:]}, {"messages": "turns"}, "its prompt ends with a message of the assistant, not of"),
        (
            {"turns": [{"role": "bot", "content": "Hi"}]},
            {"messages": "turns"},
            "role: Input should be 'system', 'user'",
        ),
        (PAIR | {"rejected": "No. "}, {"role": "preference"}, "its 'chosen' and 'rejected' are equal, so that neither"),
        (ROWS[0] | {"day": "soon"}, {"day": "day"}, "its 'day' is 'soon', not a day such as 2020-01-31"),
        ({"prompt": "What?", "answer": "That."}, {"group": "pair"}, "it has no 'pair'"),
    ],
)
def test_a_bad_row_is_refused_by_file_and_line_or_counted(tmp_path, row, settings, reason):
    good = PAIR if settings.get("role") == "preference" else ROWS[0] | {"turns": CHAT}
    file = write(tmp_path / "a.jsonl", good, "", row)
    with pytest.raises(BadRow) as refused:
        read(file, **settings)
    assert f"source 'notes', {file}, line 3: {reason}" in str(refused.value)
    found = read_files(file_source(file, on_malformed="count", **settings), MixConfig())
    assert (sum(found.n_read.values()), len(found.candidates)) == (2, 1)


def test_a_bad_row_of_a_table_is_refused_by_file_and_row(tmp_path):
    pd.DataFrame([*ROWS, {"prompt": "What?", "answer": None}]).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(BadRow, match=r"a\.parquet, row 3: it has no 'answer' that is a text"):
        read(tmp_path / "a.parquet")


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path):
    lines = write(tmp_path / "a.jsonl", *ROWS)
    with pytest.raises(UnreadableSource, match=r"source 'notes': file /\S+/absent.jsonl cannot be read: "):
        read(tmp_path / "absent.jsonl")
    with pytest.raises(UnreadableSource, match="has no extension that datasets knows; name its format"):
        read(lines.rename(tmp_path / "b.unknown"))
    (tmp_path / "a.parquet").write_text("no table")
    with pytest.raises(UnreadableSource, match=r"a.parquet cannot be read: "):
        read(tmp_path / "a.parquet")


def test_a_file_of_another_digest_is_refused(tmp_path):
    file = write(tmp_path / "a.jsonl", *ROWS)
    digest = sha256(file.read_bytes()).hexdigest()
    source = file_source(file)
    right, wrong = (
        source.model_copy(update={"files": (DataFile(path=str(file), sha256=own),)}) for own in (digest, "0" * 64)
    )
    assert len(read_files(right, MixConfig()).candidates) == 2
    with pytest.raises(UnreadableSource, match=f"has sha256 {digest}, not 0000"):
        read_files(wrong, MixConfig())


@pytest.mark.parametrize(
    ("rows", "counts"), [([], "of 0 rows 0 are valid"), (ROWS, "of 2 rows 2 are valid, 2 within .* 0 before")]
)
def test_a_source_without_an_example_to_train_on_is_refused_by_name(tmp_path, rows, counts):
    # The panel's hold-out begins on 2020-02-20.
    file = write(tmp_path / "a.jsonl", *(row | {"day": "2020-03-02"} for row in rows))
    config = MixConfig(sources=[file_source(file, day="day")])
    with pytest.raises(EmptySource, match=f"source 'notes' is empty: {counts}"):
        mix_of(tmp_path, config)


def test_a_row_is_trained_on_if_its_answer_knows_nothing_of_the_hold_out(tmp_path):
    until = {"2020-02-17": "2020-02-18", "2020-02-18": "2020-02-20", "2020-02-19": None, "2020-02-20": None}
    rows = [{"prompt": f"On {day}?", "answer": "Up.", "day": day, "until": last or day} for day, last in until.items()]
    file = write(tmp_path / "a.jsonl", *rows)

    def trained(embargo_days: int) -> set[str]:
        source = file_source(file, day="day", label_until="until")
        config = MixConfig(sources=[source], embargo_days=embargo_days, holdout_from="2020-02-20", near_duplicates=None)
        mix, _ = mix_of(tmp_path, config)
        assert mix.counts()[0]["n_capped"] == 4
        return {str(each.day) for each in mix.chats()}

    assert trained(0) == {"2020-02-17", "2020-02-19"}
    assert trained(1) == {"2020-02-17"}


def test_a_row_without_a_day_is_trained_on_if_its_label_ends_before_the_hold_out(tmp_path):
    rows = [{"prompt": f"{until}?", "answer": "Up.", "until": until} for until in ("2020-02-19", "2099-01-01")]
    source = file_source(write(tmp_path / "a.jsonl", *rows), label_until="until")
    mix, _ = mix_of(tmp_path, MixConfig(sources=[source], holdout_from="2020-02-20", near_duplicates=None))
    assert [each.messages[0].content for each in mix.chats()] == ["2020-02-19?"]
