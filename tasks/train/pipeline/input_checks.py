"""Checks of a training's inputs: rows of its objective, a base without adapters, one tokenizer."""

from collections.abc import Iterator
from itertools import islice

from tasks.schemas.artifacts import ModelFolder, TextShards
from tasks.schemas.examples import TokenizedExamples
from tasks.train.config import TrainConfig
from tasks.train.errors import AdapterInBase, TokenizerMismatch, WrongRows


def check_objective(config: TrainConfig, corpus: TextShards | TokenizedExamples) -> None:
    """Check that the rows are of the config's objective.

    Raises:
        WrongRows: If they are not.
    """
    objective = config.objective.kind
    found = "text" if isinstance(corpus, TextShards) else corpus.counts()["objective"]
    if objective != found:
        raise WrongRows(
            f"train.objective is {objective!r}, its input `corpus` holds rows for {found!r}. Set train.objective.kind "
            f"to {found!r}, or give a corpus for text, and the align stage's examples for chat and preference."
        )


def check_no_adapter(base: ModelFolder) -> None:
    """Check that the base's folder has no adapter, which transformers would load along with the weights.

    Raises:
        AdapterInBase: If it has.
    """
    if found := sorted(file.name for file in base.path.glob("adapter_*")):
        raise AdapterInBase(
            f"the base has {', '.join(found)}: an adapter of an earlier training that is not in its weights. Merge it "
            "(stage merge) and train the merged model."
        )


def check_tokenizer(base: ModelFolder, corpus: TextShards | TokenizedExamples) -> None:
    """Tokenize the corpus's first document, or the examples shown as text, with the base's tokenizer and compare.

    Raises:
        TokenizerMismatch: If the ids differ.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base.path, trust_remote_code=False)
    texts = islice(_document_ids(corpus), 1) if isinstance(corpus, TextShards) else _shown_ids(corpus)
    for name, text, ids in texts:
        by_base = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        if by_base != ids:
            raise TokenizerMismatch(
                f"{name} has {len(ids)} tokens in the artifact and {len(by_base)} different ones by the base's "
                "tokenizer. Build corpus or examples with the tokenizer of the base."
            )


def _document_ids(corpus: TextShards) -> Iterator[tuple[str, str, list[int]]]:
    for document, ids in zip(corpus.documents(), corpus.token_ids(), strict=True):
        yield f"document {document.id}", document.text, ids.tolist()


def _shown_ids(examples: TokenizedExamples) -> Iterator[tuple[str, str, list[int]]]:
    """Name, text and ids of the examples that are kept as text too; of a pair the better answer's."""
    for shown, row in zip(examples.rendered(), examples.rows().to_dict("records"), strict=False):
        ids = row["input_ids"] if "input_ids" in row else [*row["prompt_ids"], *row["chosen_ids"]]
        yield (
            f"example {shown['id']}",
            f"{shown['prompt']}{shown.get('answer') or shown['chosen']}",
            list(map(int, ids)),
        )
