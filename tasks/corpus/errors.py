"""Everything the corpus stage refuses."""

from tasks.common.errors import HindsightError


class CorpusError(HindsightError):
    """The corpus cannot be built as configured."""


class EmptyCorpus(CorpusError):
    """A group has no document on the wanted side of the cutoff."""


class BudgetTooLarge(CorpusError):
    """The source holds fewer tokens than the budget."""


class UnknownDump(CorpusError):
    """The source has no such dump."""


class DumpAfterCutoff(CorpusError):
    """A configured dump is later than the cutoff."""


class DumpUpToCutoff(CorpusError):
    """A dump configured for the placebo is not later than the cutoff."""


class DamagedSource(CorpusError):
    """A file or text of the source is malformed or has an unexpected digest."""


class CutoffBroken(CorpusError):
    """A document of the wrong side reached the shard writer: a bug of this package, not of the input."""


class UnknownFormat(CorpusError):
    """The format of a data set's files is unknown, or differs from file to file."""


class SourceUnreachable(CorpusError):
    """The source does not answer."""


class SourceRefused(CorpusError):
    """The server denies access: gated, private, or an unknown data set or commit."""


class SourceChanged(CorpusError):
    """A file or commit differs from the pinned one, or from the one the corpus was started with."""


class UnknownRunner(CorpusError):
    """HINDSIGHT_CORPUS_RUNNER has an unknown value."""


class DaskMissing(CorpusError):
    """HINDSIGHT_CORPUS_RUNNER asks for Dask, which is not installed."""


class NoWorkers(CorpusError):
    """A Dask cluster has no workers."""


class WorkerLost(CorpusError):
    """A worker process ended before its work item was done."""


class EngineDiffers(CorpusError):
    """The faster tokenizer gave other token ids than transformers'."""


class AttestationRefused(CorpusError):
    """A statement or its ledger is missing, malformed or contradictory."""


class KeyRefused(CorpusError):
    """A key cannot be read, is of another kind, or would be overwritten."""
