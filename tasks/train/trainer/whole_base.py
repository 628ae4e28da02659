"""A base model is loaded whole, or the run ends: transformers draws a missing weight at random and only warns."""

from typing import Any

from transformers import modeling_utils

from tasks.train.errors import BaseNotWhole

MOST_NAMED = 3


def reject_partial_loads() -> None:
    """Wrap `transformers.modeling_utils.log_state_dict_report` of transformers 5.16.1, which `from_pretrained` calls.

    It raises for weights of another shape and for failed conversions, but only logs missing and unexpected weights.
    Axolotl 0.19 does not ask for `output_loading_info`.
    """
    original = modeling_utils.log_state_dict_report

    def report(*args: Any, loading_info: Any, **kwargs: Any) -> None:
        original(*args, loading_info=loading_info, **kwargs)
        check_loading(loading_info.to_dict())

    modeling_utils.log_state_dict_report = report


def check_loading(loading_info: dict[str, Any]) -> None:
    """Check that every weight of the base was loaded, and no other.

    Args:
        loading_info: Names of weights by problem, as in transformers' `output_loading_info`.

    Raises:
        BaseNotWhole: If a weight is missing, unexpected or of another shape.
    """
    wrong = {problem: sorted(map(str, names)) for problem, names in loading_info.items() if names}
    if wrong:
        named = (f"{problem} {', '.join(names[:MOST_NAMED])} ({len(names)} in all)" for problem, names in wrong.items())
        raise BaseNotWhole(
            f"the base was not loaded whole: {'; '.join(named)}. A missing weight would be drawn at random; check "
            "the base's files against its config.json."
        )
