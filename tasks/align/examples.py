"""The columns of one example: of a conversation, or of a preference pair."""

from typing import TYPE_CHECKING, NamedTuple

from tasks.align.turns import split_turn
from tasks.schemas.examples import IGNORED, ChatExample, Message, PreferencePair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Example(NamedTuple):
    """A tokenized example.

    Args:
        source: Name of the source in the mix.
        columns: Token ids by column of TokenizedExamples.
        text: What its line in `rendered.jsonl` holds.
        length: Tokens of the prompt and its longest answer.
        n_tokens: Tokens that a pass over it reads; a pair's prompt is read with both answers.
        n_trained: Tokens of its answers.
        end_of_turn: Last token id of its answer.
    """

    source: str
    columns: dict[str, list[int]]
    text: dict[str, str]
    length: int
    n_tokens: int
    n_trained: int
    end_of_turn: int


def chat_example(tokenizer: "PreTrainedTokenizerBase", chat: ChatExample) -> Example:
    """A conversation: only its last answer, end-of-turn token included, has labels.

    Raises:
        AlignError: If the template does not fit.
    """
    turn = split_turn(tokenizer, chat.messages, chat.id)
    ids, n_trained = turn.prompt_ids + turn.answer_ids, len(turn.answer_ids)
    columns = {"input_ids": ids, "labels": [IGNORED] * len(turn.prompt_ids) + turn.answer_ids}
    text = {"id": chat.id, "prompt": turn.prompt, "answer": turn.answer}
    return Example(chat.source, columns, text, len(ids), len(ids), n_trained, ids[-1])


def preference_example(tokenizer: "PreTrainedTokenizerBase", pair: PreferencePair) -> Example:
    """A pair: the ids of the prompt and of each answer.

    Raises:
        AlignError: If the template does not fit.
    """
    chosen, rejected = (
        split_turn(tokenizer, (*pair.prompt, Message(role="assistant", content=answer)), pair.id)
        for answer in (pair.chosen, pair.rejected)
    )
    columns = {"prompt_ids": chosen.prompt_ids, "chosen_ids": chosen.answer_ids, "rejected_ids": rejected.answer_ids}
    text = {"id": pair.id, "prompt": chosen.prompt, "chosen": chosen.answer, "rejected": rejected.answer}
    n_prompt, n_chosen, n_rejected = map(len, columns.values())
    n_trained = n_chosen + n_rejected
    length = n_prompt + max(n_chosen, n_rejected)
    return Example(pair.source, columns, text, length, 2 * n_prompt + n_trained, n_trained, chosen.answer_ids[-1])
