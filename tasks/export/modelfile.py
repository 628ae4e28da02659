"""The Modelfile: how Ollama renders a conversation for the file, where it stops, and its parameters.

Ollama does not run the Jinja template of a GGUF file: it compares it with those it knows. So the template is written in
Ollama's own language, after the model's was found to be one of those below.
Source: Ollama, docs/modelfile.md and docs/template.md.
"""

from dataclasses import dataclass

from tasks.export.errors import UnknownTemplate
from tasks.export.reference import Reference

KNOWN = {
    "ChatML": ("<|im_start|>{role}\n", "<|im_end|>\n"),
    "Llama 3": ("<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>"),
    "Phi 3": ("<|{role}|>\n", "<|end|>\n"),
}
"""What a template writes before and after a message."""
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
        """The token that ends a message."""
        return KNOWN[self.name][1].strip()

    @property
    def go(self) -> str:
        """The template in Ollama's language. No action trims blanks, so that every character is the model's."""
        start, end = KNOWN[self.name]
        turn = start.format(role="{{ .Role }}") + "{{ .Content }}" + end
        return f"{self.first}{{{{ range .Messages }}}}{turn}{{{{ end }}}}{start.format(role='assistant')}{self.answer}"


def template_of(reference: Reference) -> Template:
    """Find out which template a model has, by what it renders.

    Raises:
        UnknownTemplate: If it has none, or one that is not in KNOWN.
    """
    if not reference.tokenizer.chat_template:
        raise UnknownTemplate(
            "the model's tokenizer has no chat template; train on conversations, with a base that has one."
        )
    rendered = reference.render([{"role": role, "content": content} for role, content in _PROBE])
    for name, (start, end) in KNOWN.items():
        turns = "".join(start.format(role=role) + content + end for role, content in _PROBE)
        first, found, answer = rendered.partition(turns + start.format(role="assistant"))
        if found and first in ("", reference.tokenizer.bos_token):
            return Template(name, first, answer, _system(reference, name))
    raise UnknownTemplate(
        f"the model's chat template is none of {', '.join(KNOWN)}: it renders {rendered[:120]!r}. Add what it writes "
        "before and after a message to tasks/export/modelfile.py."
    )


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


def _system(reference: Reference, name: str) -> str | None:
    """The message that a template writes where a conversation has no system message."""
    start, end = KNOWN[name]
    rendered = reference.render([{"role": "user", "content": "Ques tion?"}])
    head, _, _ = rendered.partition(start.format(role="user"))
    _, found, text = head.partition(start.format(role="system"))
    return text.removesuffix(end) if found else None
