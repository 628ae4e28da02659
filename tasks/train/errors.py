"""What the train room refuses."""

from tasks.common.errors import HindsightError


class TrainError(HindsightError):
    """Training cannot be done as asked, or was not."""


class TargetMatchesNothing(TrainError):
    """A LoRA target that reaches no weight of the base model."""


class NoDecoderLayer(TrainError):
    """A base model of which it is not clear what FSDP2 should shard one by one."""


class PackingLeaks(TrainError):
    """Packed rows without the kernels that keep their documents apart."""


class CorpusTooSmall(TrainError):
    """The corpus holds fewer tokens than the budget."""


class TokenizerMismatch(TrainError):
    """Corpus and base model do not mean the same by a token id."""


class TrainerMissing(TrainError):
    """The trainer's environment is not there."""


class TrainingFailed(TrainError):
    """The trainer ended with an error, stalled or ran past its deadline."""


class TokensMissed(TrainError):
    """The trainer saw another number of tokens than the budget."""


class NotANumberError(TrainError):
    """The loss is NaN or infinite."""


class StateRefused(TrainError):
    """A training state that does not fit the run it shall go on with."""


class NotSharded(TrainError):
    """A parameter that should be split among the ranks is not."""
