"""From a corpus config to the reader of its source."""

from pathlib import Path

from tasks.corpus.config import CorpusConfig, DatasetSource, FineWebSource, SotuSource
from tasks.corpus.sources.reader import Reader


def open_reader(config: CorpusConfig, scratch_dir: Path) -> Reader:
    """Open a corpus config's source; Arrow copies of files go to `scratch_dir`.

    Raises:
        CorpusError: If the source cannot be reached, or differs from the pinned one.
    """
    match config.source:
        case FineWebSource():
            from tasks.corpus.sources.fineweb import FineWebReader

            return FineWebReader(config)
        case DatasetSource():
            from tasks.corpus.sources.dataset.dataset_reader import DatasetReader

            return DatasetReader(config.source, config.seed, scratch_dir)
        case SotuSource():
            from tasks.corpus.sources.sotu import SotuReader

            return SotuReader(config.seed, config.source)
