"""The Modelfile: how Ollama renders a conversation for the file, where it stops, and its parameters.

Ollama does not run the Jinja template of a GGUF file: it compares it with those it knows. So the template is written in
Ollama's own language, after the model's was found to be one of those below.
Source: Ollama, docs/modelfile.md and docs/template.md.
"""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateError

from tasks.export.errors import UnknownTemplate
from tasks.export.reference import Reference

OTHER = "other"
"""Key of what is written about a role that has no key of its own."""
KNOWN: dict[str, dict[str, tuple[str, str]]] = {
    "ChatML": {OTHER: ("<|im_start|>{role}\n", "<|im_end|>\n")},
    "Llama 3": {OTHER: ("<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>")},
    "Phi 3": {OTHER: ("<|{role}|>\n", "<|end|>\n")},
    "DeepSeek-R1": {
        "user": ("<｜User｜>", ""),
        "assistant": ("<｜Assistant｜>", "<｜end▁of▁sentence｜>"),
        OTHER: ("", ""),
    },
}
"""What a template writes before and after a message, by role."""
DEEPSEEK_R1 = (
    "{{ '<｜begin▁of▁sentence｜>' }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '<｜User｜>' + message['content'] }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ '<｜Assistant｜>' + message['content'] + '<｜end▁of▁sentence｜>' }}"
    "{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"
)
"""Chat template of DeepSeek-R1 and its distilled models without thinking. Theirs ends a prompt with `<think>` and
removes it from answers, so that an answer trained on does not follow what the model is asked."""
LLAMA_DATE = "Cutting Knowledge Date: "
_PROBE = (("system", "Sys tem."), ("user", "Ques tion?"), ("assistant", "An swer."), ("user", "An other?"))


@dataclass(frozen=True)
class Template:
    """A chat template.

    Args:
        name: Key of KNOWN.
        first: What a conversation begins with.
        answer: What follows the assistant's header where an answer begins.
        system: Message where the conversation has no system message; None for none.
    """

    name: str
    first: str
    answer: str
    system: str | None

    @property
    def stop(self) -> str:
        """The token that ends an answer."""
        return _marks(self.name, "assistant")[1].strip()

    @property
    def go(self) -> str:
        """The template in Ollama's language. No action trims blanks, so that every character is the model's."""
        turn = ""
        for role in reversed(KNOWN[self.name]):
            before, after = KNOWN[self.name][role]
            own = before.format(role="{{ .Role }}") + "{{ .Content }}" + after
            turn = own if role == OTHER else f'{{{{ if eq .Role "{role}" }}}}{own}{{{{ else }}}}{turn}{{{{ end }}}}'
        answer = _marks(self.name, "assistant")[0] + self.answer
        return f"{self.first}{{{{ range .Messages }}}}{turn}{{{{ end }}}}{answer}"


def check_template(model: Path, chat_template: str | None) -> str:
    """Refuse, before anything is trained, a chat template with which the export would refuse the model.

    Args:
        model: Folder with a tokenizer and config; no weights are read.
        chat_template: In the place of the tokenizer's.

    Returns:
        The template's name.

    Raises:
        UnknownTemplate: As in the export.
    """
    return template_of(Reference(model, chat_template)).name


def template_of(reference: Reference) -> Template:
    """Find out which template a model has, by what it renders.

    Raises:
        UnknownTemplate: If it has none, or one that is not in KNOWN.
    """
    if not reference.tokenizer.chat_template:
        raise UnknownTemplate(
            "the model's tokenizer has no chat template; give the one it was trained with in export.chat_template."
        )
    try:
        rendered = reference.render([{"role": role, "content": content} for role, content in _PROBE])
    except TemplateError as error:
        raise UnknownTemplate(
            f"the model's chat template refuses a conversation with a system message: {error}. Give one that writes "
            "it, as align.chat_template and export.chat_template."
        ) from error
    for name in KNOWN:
        turns = "".join(content.join(_marks(name, role)) for role, content in _PROBE)
        first, found, answer = rendered.partition(turns + _marks(name, "assistant")[0])
        if found and first in ("", reference.tokenizer.bos_token):
            return Template(name, first, answer, _system(reference, name, first))
    raise UnknownTemplate(_why_unknown(rendered))


def modelfile(gguf_name: str, template: Template, temperature: float, num_ctx: int) -> str:
    """The text of a Modelfile; Ollama finds the GGUF file beside it."""
    lines = [f"FROM ./{gguf_name}", f'TEMPLATE """{template.go}"""']
    lines += [f'SYSTEM """{template.system}"""'] if template.system else []
    lines += [
        f'PARAMETER stop "{template.stop}"',
        f"PARAMETER temperature {temperature:g}",
        f"PARAMETER num_ctx {num_ctx}",
    ]
    return "\n".join(lines) + "\n"


def _marks(name: str, role: str) -> tuple[str, str]:
    """What a template writes before and after a message of a role."""
    before, after = KNOWN[name].get(role, KNOWN[name][OTHER])
    return before.format(role=role), after


def _system(reference: Reference, name: str, first: str) -> str | None:
    """The message that a template writes where a conversation has no system message."""
    rendered = reference.render([{"role": "user", "content": "Ques tion?"}]).removeprefix(first)
    head, _, _ = rendered.partition(_marks(name, "user")[0])
    before, after = _marks(name, "system")
    return head.removeprefix(before).removesuffix(after) or None


def _why_unknown(rendered: str) -> str:
    if LLAMA_DATE in rendered:
        return (
            f"the model's chat template is Llama 3.1's or 3.2's: it writes {LLAMA_DATE.strip()!r} and a date before "
            "the system message, Llama 3.2's the day of the run, so that a prompt differs from day to day. Give "
            "Llama 3's template, which writes none, as align.chat_template and export.chat_template."
        )
    return (
        f"the model's chat template is none of {', '.join(KNOWN)}: it renders {rendered[:120]!r}. Add what it writes "
        "before and after a message to tasks/export/modelfile.py."
    )
