"""Errors of training, in both environments."""

from tasks.common.errors import HindsightError


class TrainError(HindsightError):
    """Training cannot be done as asked, or failed."""


class UntrainableBase(TrainError):
    """A base that is no causal language model, or that transformers has no classes for."""


class TargetMatchesNothing(TrainError):
    """A LoRA target that reaches no weight of the base model."""


class NoDecoderLayer(TrainError):
    """A base model without exactly one class of decoder layers for FSDP2 to shard."""


class PackingLeaks(TrainError):
    """Packed rows without the kernels that keep their documents apart."""


class CorpusTooSmall(TrainError):
    """The corpus holds fewer tokens than the budget."""


class TokenizerMismatch(TrainError):
    """Corpus or examples and base model have different tokenizers."""


class WrongRows(TrainError):
    """Rows of another objective than the config's, or longer ones than it allows."""


class AdapterInBase(TrainError):
    """A base model with an adapter that is not folded into its weights."""


class WrongStart(TrainError):
    """An adapter that this training cannot go on from."""


class TrainerMissing(TrainError):
    """The trainer's environment does not exist."""


class TrainingFailed(TrainError):
    """The trainer ended with an error, stalled or ran past its deadline."""


class TokensMissed(TrainError):
    """The trainer saw another number of tokens than the rows hold."""


class BoundaryUnknown(TrainError):
    """What the states of a training have read cannot be told."""


class NotANumberError(TrainError):
    """The loss is NaN or infinite."""


class WrongReference(TrainError):
    """The loss does not compare a model with itself before the first step."""


class StateRefused(TrainError):
    """A training state that does not fit the run."""


class RanksDiffer(TrainError):
    """Ranks that each hold all adapters, and hold different ones."""


class SettingsRefused(TrainError):
    """Settings of the trainer that contradict each other or the rows."""


class BaseNotWhole(TrainError):
    """A base model with a weight that was not loaded, or an unexpected one."""
