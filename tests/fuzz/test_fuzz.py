"""Whatever the bytes are: parsed, or refused by a sentence, soon, and in little memory.

`HINDSIGHT_FUZZ_INPUTS` sets how many inputs the slow test makes, `HINDSIGHT_FUZZ_SEED` which.
"""

import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.errors import HindsightError
from tests.fuzz.harness import MEMORY_MB, Outcome, Parser, random_inputs, try_inputs
from tests.fuzz.parsers import PARSERS

FAST_INPUTS, SLOW_INPUTS = 5_000, 1_000_000
SHARES = sum(parser.share for parser in PARSERS)
by_parser = pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name.replace(" ", "-"))


def check(parser: Parser, n_inputs: int, seed: str, folder: Path) -> Outcome:
    seeds = parser.seeds()
    assert try_inputs(parser, iter(seeds), folder).counts == {"parsed": len(seeds)}
    outcome = try_inputs(parser, random_inputs(parser, n_inputs, seed), folder)
    assert outcome.faults == {}
    assert sum(outcome.counts.values()) == n_inputs
    return outcome


@by_parser
def test_an_input_is_parsed_or_refused_by_a_sentence(parser: Parser, tmp_path: Path) -> None:
    outcome = check(parser, max(10, FAST_INPUTS * parser.share // SHARES), f"fast {parser.name}", tmp_path)
    assert len(outcome.counts) > 0


@pytest.mark.slow
@by_parser
def test_a_million_inputs_are_parsed_or_refused_by_a_sentence(parser: Parser, tmp_path: Path) -> None:
    n_inputs = int(os.environ.get("HINDSIGHT_FUZZ_INPUTS", SLOW_INPUTS)) * parser.share // SHARES
    seed = f"{os.environ.get('HINDSIGHT_FUZZ_SEED', 'slow')} {parser.name}"
    # `pytest -rP` shows it: where nothing was parsed, or nothing refused, nothing was shown.
    print(parser.name, dict(check(parser, max(10, n_inputs), seed, tmp_path).counts))


@given(content=st.binary(max_size=300), number=st.integers(0, len(PARSERS) - 1))
@settings(max_examples=200)
def test_bytes_without_a_seed_are_parsed_or_refused_by_a_sentence(
    content: bytes, number: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outcome = try_inputs(PARSERS[number], iter([content]), tmp_path_factory.getbasetemp() / str(number))
    assert outcome.faults == {}


class Odd(HindsightError):
    """A refusal without a word."""


@pytest.mark.parametrize(
    ("error", "place"),
    [(KeyError("x"), "KeyError at outside of tasks"), (Odd(" "), "an empty refusal")],
    ids=["another-exception", "empty"],
)
def test_the_harness_finds_a_parser_that_breaks_the_law(error: Exception, place: str, tmp_path: Path) -> None:
    def parse(content: bytes, _: Path) -> None:
        if b"x" in content:
            raise error

    found = try_inputs(Parser("broken", parse, lambda: [b"a"]), iter([b"a", b"ax"]), tmp_path)
    assert list(found.faults) == [place]
    assert found.faults[place][0] == b"ax"


def test_the_harness_finds_a_parser_that_hangs_or_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peak = [100.0]
    monkeypatch.setattr("tests.fuzz.harness.CPU_SECONDS", 0.2)
    monkeypatch.setattr("tests.fuzz.harness.peak_mb", lambda: peak[0])

    def parse(content: bytes, _: Path) -> None:
        while content == b"hang":
            pass
        peak[0] += MEMORY_MB + 1 if content == b"fill" else 0

    found = try_inputs(Parser("broken", parse, lambda: [b"a"]), iter([b"hang", b"fill"]), tmp_path)
    assert [place.partition(" ")[0] for place in found.faults] == ["Hang", "memory"]


def test_the_same_seed_makes_the_same_inputs() -> None:
    for parser in PARSERS[:8]:
        assert list(random_inputs(parser, 20, "s")) == list(random_inputs(parser, 20, "s"))
        assert len({parser.make(Random(n), parser.seeds(), ()) for n in range(50)}) > 25  # noqa: S311
