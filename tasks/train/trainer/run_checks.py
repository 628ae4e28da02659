"""Checks of a run before its first step: settings files agree, rows fill the steps, a state is this run's own."""

from tasks.train.errors import SettingsRefused, StateRefused
from tasks.train.trainer.state_files import StateInfo


def check_rows(n_rows: int, n_steps: int, rows_per_step: int) -> None:
    """Check that the rows fill the steps exactly; transformers would silently continue at the first row.

    Args:
        n_rows: Rows of the file, filler rows included.
        n_steps: Optimizer steps of the whole run.
        rows_per_step: Over all ranks.

    Raises:
        SettingsRefused: If there are too many or too few rows.
    """
    if n_rows != n_steps * rows_per_step:
        raise SettingsRefused(
            f"there are {n_rows:,} rows, but {n_steps:,} steps of {rows_per_step} rows take "
            f"{n_steps * rows_per_step:,}. Fill the last step with rows without labels."
        )


def check_n_steps(by_settings: int, by_yaml: int) -> None:
    """Check that settings.json and axolotl.yaml belong to one run.

    Raises:
        SettingsRefused: If they have different numbers of steps.
    """
    if by_settings != by_yaml:
        raise SettingsRefused(
            f"settings.json has {by_settings:,} steps, axolotl.yaml {by_yaml:,}: they belong to different runs. Write "
            "both anew."
        )


def check_state(state: StateInfo, n_steps: int, n_ranks: int, dataset: str) -> None:
    """Check that a training state belongs to this run.

    Args:
        state: The state's `trainer.json`.
        n_steps: Steps of this run.
        n_ranks: Ranks of this run. Weights load on any number, but another number puts rows into other steps.
        dataset: sha256 of this run's rows.

    Raises:
        StateRefused: If it belongs to another run.
    """
    if state != StateInfo(state.step, state.tokens_seen, n_steps, n_ranks, dataset) or not 0 < state.step < n_steps:
        raise StateRefused(
            f"the state of step {state.step} has {state.n_steps} steps on {state.world_size} ranks over rows "
            f"{state.dataset[:12]}, this run has {n_steps} steps on {n_ranks} over {dataset[:12]}. Remove the state to "
            "start anew."
        )
