"""What the corpus room refuses."""

from tasks.common.errors import HindsightError


class CorpusError(HindsightError):
    """The corpus cannot be drawn as asked."""


class EmptyCorpus(CorpusError):
    """No document on the wanted side of the cutoff."""


class BudgetTooLarge(CorpusError):
    """The source holds fewer tokens than asked for."""


class UnknownDump(CorpusError):
    """The source has no such dump."""


class DumpAfterCutoff(CorpusError):
    """A dump was named that lies after the cutoff."""


class DumpUpToCutoff(CorpusError):
    """A dump was named for the placebo that does not lie after the cutoff."""


class DamagedSource(CorpusError):
    """A file or text of the source is not what it should be."""


class CutoffBroken(CorpusError):
    """A document of the wrong side came as far as the writer: a fault of ours, not of the input."""


class SourceUnreachable(CorpusError):
    """The place documents should come from does not answer."""


class SourceRefused(CorpusError):
    """The place documents should come from does not give them: gated, private, or no such data set or commit."""


class SourceChanged(CorpusError):
    """A file or revision is not the one the corpus was begun from, or the one that is pinned."""


class WorkerLost(CorpusError):
    """A process that read documents ended before its work was done."""


class EngineDiffers(CorpusError):
    """The faster tokenizer gave other ids than transformers'."""
