"""What a stage writes into its log is what the metrics read out of it."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.progress import Progress, parse_progress
from tasks.common.text import duration, parse_duration
from tasks.train.step_line import StepLine

COUNTS = st.integers(0, 10**9)
LINES = st.builds(
    StepLine,
    step=COUNTS,
    n_steps=COUNTS,
    loss=st.floats(0, 1e4),
    tokens_per_second=st.floats(0, 1e7),
    seconds_left=st.floats(0, 1e7),
    n_states=st.integers(0, 100),
    peak_memory_bytes=st.none() | st.floats(0, 1e12),
    mfu=st.none() | st.floats(0, 1),
)


@given(LINES)
def test_a_step_line_reads_back_as_it_was_written(line: StepLine) -> None:
    read = StepLine.parse(str(line))
    assert read is not None
    assert str(read) == str(line)
    assert (read.step, read.n_steps, read.n_states) == (line.step, line.n_steps, line.n_states)
    assert read.loss == pytest.approx(line.loss, abs=5.1e-5)
    assert read.tokens_per_second == pytest.approx(line.tokens_per_second, abs=0.51)
    assert (read.peak_memory_bytes is None, read.mfu is None) == (line.peak_memory_bytes is None, line.mfu is None)
    assert (read.peak_memory_bytes or 0) == pytest.approx(line.peak_memory_bytes or 0, abs=5.1e6)
    assert (read.mfu or 0) == pytest.approx(line.mfu or 0, abs=5.1e-4)


@given(st.floats(0, 1e8))
def test_a_time_span_reads_back_to_its_precision(seconds: float) -> None:
    text = duration(seconds)
    half_of_the_last_digit = {"s": 0.5, "min": 30, "h": 180}[text.split()[1]]
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-9, abs=half_of_the_last_digit)


@pytest.mark.parametrize("text", ["", "unknown time", "3 days", "min", "a s"])
def test_another_text_is_no_time_span(text: str) -> None:
    assert parse_duration(text) is None


@given(
    st.sampled_from(["bytes", "draws", "row groups"]), COUNTS, st.none() | st.integers(1, 10**12), st.integers(1, 10**9)
)
def test_a_progress_line_reads_back_as_it_was_written(
    unit: str, n_before: int, n_total: int | None, n_new: int
) -> None:
    work = Progress("upload train/letters/0123: files", n_total, unit, n_before=n_before, interval_seconds=1e9)
    work.add(n_new)
    read = parse_progress(f"{work.what}: {work}")
    assert read is not None
    assert (read.what, read.unit) == (work.what, unit)
    precision = {"abs": 5.1e6, "rel": 0} if unit == "bytes" else {"abs": 0, "rel": 1e-12}
    assert read.n_done == pytest.approx(n_before + n_new, **precision)
    assert (read.n_total is None) == (n_total is None)
    assert (read.n_total or 0) == pytest.approx(n_total or 0, **precision)
    assert read.per_second > 0 or unit == "bytes"


def test_the_line_that_is_logged_is_the_line_that_is_read(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Progress("draws", 10, "draws", interval_seconds=0).add(3)
    read = parse_progress(caplog.messages[-1])
    assert read is not None
    assert (read.what, read.n_done, read.n_total) == ("draws", 3, 10)


@pytest.mark.parametrize(
    "line",
    [
        "train: state of step 40 is in the store, 3 s",
        "train: waits in pool h100 (limit 1, pool is ready)",
        "upload: 3 of 10 draws resumed from an earlier start",
        "train: step 4 of 10, loss nan",
        "",
    ],
)
def test_other_lines_are_neither(line: str) -> None:
    assert (StepLine.parse(line), parse_progress(line)) == (None, None)
