"""Errors of the align stage."""

from tasks.common.errors import HindsightError


class AlignError(HindsightError):
    """A mix's examples cannot be turned into tokens of this base."""


class NoChatTemplate(AlignError):
    """The base's tokenizer has no chat template, and the config names none."""


class TemplateFailed(AlignError):
    """The chat template refuses a conversation."""


class SystemMessageDropped(AlignError):
    """The chat template leaves the system message out."""


class AnswerNotSplit(AlignError):
    """A prompt, as text or as token ids, is not how the conversation with the answer begins."""


class TextBeforeAnswer(AlignError):
    """The chat template writes text of its own between the prompt and the answer."""


class NoEndOfTurn(AlignError):
    """The chat template ends an answer without a special token."""


class TooManyTooLong(AlignError):
    """More examples are too long than the config allows."""


class NoExamples(AlignError):
    """The mix has no examples for this objective."""
