"""What is predicted, and of which rows: text, the answers of conversations, or the better of two answers."""

from typing import Literal

from pydantic import Field, JsonValue

from tasks.common.settings import Config

ORDER_REVISION = 2
"""Raised when the same examples are trained on in another order; trainings on text stay as they were."""


class TextObjective(Config):
    """Every token of a corpus's documents, up to token_budget."""

    kind: Literal["text"] = "text"

    @property
    def epochs(self) -> int:
        """Text is read once."""
        return 1


class ExamplesObjective(Config):
    """What objectives of tokenized examples have."""

    def identity(self) -> dict[str, JsonValue]:
        """The fields, and the revision of the examples' order."""
        return super().identity() | {"order_revision": ORDER_REVISION}


class ChatObjective(ExamplesObjective):
    """The last answer of each conversation."""

    kind: Literal["chat"] = "chat"
    epochs: int = Field(1, ge=1, le=100)
    """Passes over all conversations: the first in the mix's order, later ones in orders drawn from `seed`."""


class PreferenceObjective(ExamplesObjective):
    """The better of two answers to a prompt, by direct preference optimization: adapters, on a model without any.

    The model with its adapters off is the reference, so that the first loss is ln 2; the run ends if it is not. Where
    the last forward pass of a step holds fewer pairs, each of them weighs more.
    Source: Rafailov et al. (2023), Direct Preference Optimization, equation 7.
    """

    kind: Literal["preference"] = "preference"
    epochs: int = Field(1, ge=1, le=100)
    """Passes over all pairs: the first in the mix's order, later ones in orders drawn from `seed`."""
    beta: float = Field(0.1, gt=0, le=100)
    """How strongly the model is held to the reference: rewards are log-ratios of probabilities times beta."""
