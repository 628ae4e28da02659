"""One conversation by a chat template, split into the prompt and the answer that is trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tasks.align.errors import (
    AnswerNotSplit,
    NoChatTemplate,
    NoEndOfTurn,
    SystemMessageDropped,
    TemplateFailed,
    TextBeforeAnswer,
)
from tasks.schemas.examples import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Turn(NamedTuple):
    """A prompt and its answer, as text and as token ids.

    Args:
        prompt: As the model is asked, up to where its answer begins.
        answer: Up to the end-of-turn token, which is its last.
        prompt_ids: Token ids of the prompt.
        answer_ids: The rest of the token ids of prompt and answer.
    """

    prompt: str
    answer: str
    prompt_ids: list[int]
    answer_ids: list[int]


def chat_tokenizer(base: Path, chat_template: str | None) -> "PreTrainedTokenizerBase":
    """The base's tokenizer, with another chat template if one is given.

    Raises:
        NoChatTemplate: If there is none.
    """
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
    tokenizer.chat_template = chat_template or tokenizer.chat_template
    if not tokenizer.chat_template:
        raise NoChatTemplate(
            "the base's tokenizer has no chat template. Start from a model that was tuned on conversations, or give "
            "the template's text as align.chat_template."
        )
    return tokenizer


def split_turn(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], example: str) -> Turn:
    """Render a conversation and split it where the last answer begins.

    The whole text is tokenized, and its first ids must be those of the prompt alone: otherwise the boundary lies inside
    of a token, and the loss would be on other tokens than those generated after the prompt. White space that the
    template writes after the end-of-turn token is left out: generation has ended by then.

    Args:
        tokenizer: With a chat template.
        messages: Ends with the answer.
        example: Its id, for errors.

    Raises:
        TemplateFailed: If the template refuses the conversation.
        SystemMessageDropped: If the text is the same without the system message.
        AnswerNotSplit: If the prompt is not how the whole begins, as text or as ids.
        TextBeforeAnswer: If the template writes text between the prompt and the answer.
        NoEndOfTurn: If the answer does not end with a special token.
    """
    prompt = _render(tokenizer, messages[:-1], example, ask=True)
    _check_system_message(tokenizer, messages[:-1], example, prompt)
    whole = _render(tokenizer, messages, example, ask=False).rstrip()
    prompt_ids, ids = _tokenize(tokenizer, prompt), _tokenize(tokenizer, whole)
    n_prompt = len(prompt_ids)
    if not whole.startswith(prompt) or ids[:n_prompt] != prompt_ids:
        raise AnswerNotSplit(
            f"example {example}: its prompt, {n_prompt} tokens ending in {prompt[-40:]!r}, is not how the conversation "
            "with the answer begins, so that answers would be trained on other tokens than are generated. Give a "
            "template that writes the same text before an answer as with add_generation_prompt, in align.chat_template."
        )
    _check_begin(messages[-1].content, whole[len(prompt) :], example)
    if ids[-1] not in tokenizer.added_tokens_decoder:
        raise NoEndOfTurn(
            f"example {example}: the template ends the answer with {whole[-20:]!r} and no special token, so that the "
            "model would never learn to stop. Give one that writes an end-of-turn token, in align.chat_template."
        )
    return Turn(prompt, whole[len(prompt) :], prompt_ids, ids[n_prompt:])


def _check_begin(content: str, answer: str, example: str) -> None:
    # A forecast is the probability of an answer's first word directly after the prompt.
    if not answer.lstrip().startswith(content.strip()):
        raise TextBeforeAnswer(
            f"example {example}: the template begins the answer with {answer[:40]!r}, the example's begins with "
            f"{content.strip()[:40]!r}, so that forecasts, which ask for it directly after the prompt, would be wrong. "
            "Give a template that writes no text before an answer, in align.chat_template."
        )


def _check_system_message(
    tokenizer: "PreTrainedTokenizerBase", prompt: Sequence[Message], example: str, rendered: str
) -> None:
    others = [message for message in prompt if message.role != "system"]
    if len(others) < len(prompt) and _render(tokenizer, others, example, ask=True) == rendered:
        raise SystemMessageDropped(
            f"example {example}: the chat template gives the same text with and without the system message. Give a "
            "template that writes it, in align.chat_template, or a mix without system messages."
        )


def _render(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], example: str, ask: bool) -> str:
    turns = [message.model_dump() for message in messages]
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=ask))
    except Exception as error:
        # A template is a program, in jinja's sandbox: it can raise any exception.
        roles = ", ".join(message.role for message in messages)
        raise TemplateFailed(
            f"example {example}: the chat template refuses messages of {roles}: {error}. Change the mix's roles, or "
            "give another template as align.chat_template."
        ) from error


def _tokenize(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    # The template writes the special tokens itself.
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids
