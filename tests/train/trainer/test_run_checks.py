"""Rows, settings and states of another run are refused before the first step."""

import pytest

from tasks.train.errors import SettingsRefused, StateRefused
from tasks.train.trainer.run_checks import check_n_steps, check_rows, check_state
from tasks.train.trainer.state_files import StateInfo


def test_rows_that_do_not_fill_the_steps_are_refused() -> None:
    check_rows(n_rows=12, n_steps=3, rows_per_step=4)
    with pytest.raises(SettingsRefused, match="there are 8 rows, but 3 steps of 4 rows take 12"):
        check_rows(n_rows=8, n_steps=3, rows_per_step=4)
    with pytest.raises(SettingsRefused, match="there are 16 rows, but 3 steps of 4 rows take 12"):
        check_rows(n_rows=16, n_steps=3, rows_per_step=4)


def test_settings_of_two_runs_are_refused() -> None:
    check_n_steps(by_settings=40, by_yaml=40)
    with pytest.raises(SettingsRefused, match=r"settings\.json has 40 steps, axolotl\.yaml 41"):
        check_n_steps(by_settings=40, by_yaml=41)


def test_a_state_of_another_run_is_refused() -> None:
    state = StateInfo(step=3, tokens_seen=99, n_steps=6, world_size=2, dataset="a" * 64)
    check_state(state, 6, 2, "a" * 64)
    with pytest.raises(
        StateRefused, match=r"the state of step 3 has 6 steps on 2 ranks .* this run has 6 steps on 4 over"
    ):
        check_state(state, 6, 4, "a" * 64)
    with pytest.raises(StateRefused, match="this run has 7 steps"):
        check_state(state, 7, 2, "a" * 64)
    with pytest.raises(StateRefused, match="over bbbbbbbbbbbb"):
        check_state(state, 6, 2, "b" * 64)
