"""Ollama's template writes what the model's chat template writes."""

import re
from pathlib import Path

import pytest

from tasks.export.errors import UnknownTemplate
from tasks.export.modelfile import Template, modelfile, template_of
from tasks.export.reference import Reference
from tests.gguf.small_chat_models import CHATML, byte_tokenizer

GREETING = "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe brief.<|im_end|>\n' }}{% endif %}"
THINKING = CHATML.replace("assistant\n", "assistant\n<think>\n")
LLAMA3 = (
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] }}"
    "{{ '<|eot_id|>' }}{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)
TURNS = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]


def reference(folder: Path, template: str | None) -> Reference:
    byte_tokenizer(template).save_pretrained(folder)
    return Reference(folder)


def render_go(template: str, turns: list[dict[str, str]]) -> str:
    """The part of Go's text/template that the Modelfile uses."""
    loop = r"(.*)\{\{ range \.Messages \}\}(.*)\{\{ end \}\}(.*)"
    head, turn, tail = re.fullmatch(loop, template, re.DOTALL).groups()
    rendered = (turn.replace("{{ .Role }}", t["role"]).replace("{{ .Content }}", t["content"]) for t in turns)
    return head + "".join(rendered) + tail


@pytest.mark.parametrize("template", [CHATML, GREETING + CHATML, THINKING, LLAMA3])
def test_the_template_renders_as_transformers_does(template: str, tmp_path: Path) -> None:
    model = reference(tmp_path, template)
    assert render_go(template_of(model).go, TURNS) == model.render(TURNS)


def test_a_system_message_that_the_template_adds_is_named(tmp_path: Path) -> None:
    model = reference(tmp_path, GREETING + CHATML)
    found = template_of(model)
    assert (found.name, found.system, found.stop) == ("ChatML", "Be brief.", "<|im_end|>")
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "U"}]
    assert render_go(found.go, turns) == model.render(turns[1:])


@pytest.mark.parametrize("template", ["{{ messages[0]['content'] }}", CHATML.replace("<|im_end|>", "</s>")])
def test_an_unknown_template_is_refused_with_what_it_renders(template: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownTemplate, match=r"none of ChatML, Llama 3, Phi 3: it renders '"):
        template_of(reference(tmp_path, template))


def test_a_model_without_a_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownTemplate, match="has no chat template"):
        template_of(reference(tmp_path, None))


def test_the_modelfile_names_the_file_and_has_no_adapter() -> None:
    text = modelfile("fx-0123456789abcdef.Q8_0.gguf", Template("ChatML", "", "", "Be brief."), 0, 4096)
    assert text == (
        "FROM ./fx-0123456789abcdef.Q8_0.gguf\n"
        'TEMPLATE """{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}'
        '<|im_start|>assistant\n"""\n'
        'SYSTEM """Be brief."""\n'
        'PARAMETER stop "<|im_end|>"\nPARAMETER temperature 0\nPARAMETER num_ctx 4096\n'
    )
