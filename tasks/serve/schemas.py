"""Requests and answers: the fields of OpenAI's completions and chat completions that are supported, and no others."""

import time
import uuid
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tasks.common.settings import Frozen
from tasks.schemas.examples import Message

Stop = Annotated[str, Field(max_length=1_000)]
"""A text that ends an answer. After each token the answer's end is compared with every beginning of it."""


def _listed(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


class _Request(Frozen):
    """What both kinds of request have. An unknown field is refused: it would be ignored otherwise.

    Null is the default, as in OpenAI's schema: some clients send it for every field that they do not set.
    """

    model: str | None = None
    """The line's name; null for the one that is served."""
    max_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int | None = Field(None, ge=0, lt=2**63)
    stop: Annotated[tuple[Stop, ...], Field(max_length=4), BeforeValidator(_listed)] = ()
    """One text or several."""
    stream: bool = False
    n: Literal[1] = 1
    user: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _null_is_the_default(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        return {name: own for name, own in fields.items() if own is not None or name not in cls.model_fields}

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts that end an answer."""
        return tuple(text for text in self.stop if text)


class CompletionRequest(_Request):
    """`/v1/completions`."""

    prompt: str = Field(min_length=1)


class ChatRequest(_Request):
    """`/v1/chat/completions`."""

    messages: tuple[Message, ...] = Field(min_length=1)


Asked = CompletionRequest | ChatRequest
Kind = Literal["completion", "chat"]
OBJECTS: dict[Kind, tuple[str, str]] = {
    "completion": ("text_completion", "text_completion"),
    "chat": ("chat.completion", "chat.completion.chunk"),
}
"""What a whole answer and a part of one are called."""


def head(kind: Kind, model: str, fingerprint: str, *, is_part: bool) -> dict[str, Any]:
    """The fields that an answer begins with."""
    return {
        "id": f"cmpl-{uuid.uuid4().hex}",
        "object": OBJECTS[kind][is_part],
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": fingerprint,
    }


def choice(kind: Kind, text: str, finish_reason: str | None, *, is_part: bool) -> dict[str, Any]:
    """The one choice of an answer, or of a part of it."""
    content: dict[str, Any] = {"text": text}
    if kind == "chat":
        content = {"delta" if is_part else "message": {"role": "assistant", "content": text}}
    return {"index": 0, **content, "finish_reason": finish_reason, "logprobs": None}


def usage(n_prompt: int, n_new: int) -> dict[str, int]:
    """Tokens that were read and written."""
    return {"prompt_tokens": n_prompt, "completion_tokens": n_new, "total_tokens": n_prompt + n_new}
