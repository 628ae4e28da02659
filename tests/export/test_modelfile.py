"""Ollama's template writes what the model's chat template writes."""

import re
from pathlib import Path

import pytest

from tasks.align.turns import chat_tokenizer, split_turn
from tasks.export.errors import UnknownTemplate
from tasks.export.modelfile import DEEPSEEK_R1, Template, check_template, modelfile, template_of
from tasks.export.reference import Reference
from tasks.schemas.examples import Message
from tests.gguf.small_chat_models import CHATML, DEEPSEEK, byte_tokenizer

GREETING = "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe brief.<|im_end|>\n' }}{% endif %}"
THINKING = CHATML.replace("assistant\n", "assistant\n<think>\n")
LLAMA3 = (
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] }}"
    "{{ '<|eot_id|>' }}{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)
LLAMA32 = (
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' }}"
    "{% if m['role'] == 'system' %}{{ 'Cutting Knowledge Date: December 2023\n\n' }}{% endif %}"
    "{{ m['content'] + '<|eot_id|>' }}{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)
TURNS = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]


def reference(folder: Path, template: str | None) -> Reference:
    byte_tokenizer(template).save_pretrained(folder)
    return Reference(folder)


def render_go(template: str, turns: list[dict[str, str]]) -> str:
    """The part of Go's text/template that the Modelfile uses."""
    loop = r"(.*)\{\{ range \.Messages \}\}(.*)\{\{ end \}\}(.*)"
    head, turn, tail = re.fullmatch(loop, template, re.DOTALL).groups()
    rendered = (go_branch(turn, t["role"]).replace("{{ .Role }}", t["role"]) for t in turns)
    rendered = (text.replace("{{ .Content }}", t["content"]) for text, t in zip(rendered, turns, strict=True))
    return head + "".join(rendered) + tail


def go_branch(turn: str, role: str) -> str:
    """What is left for a role of `if eq .Role`, each within the `else` of the one before."""
    while found := re.fullmatch(r'\{\{ if eq \.Role "(\w+)" \}\}(.*?)\{\{ else \}\}(.*)\{\{ end \}\}', turn, re.DOTALL):
        named, own, others = found.groups()
        turn = own if named == role else others
    return turn


@pytest.mark.parametrize("template", [CHATML, GREETING + CHATML, THINKING, LLAMA3])
def test_the_template_renders_as_transformers_does(template: str, tmp_path: Path) -> None:
    model = reference(tmp_path, template)
    assert render_go(template_of(model).go, TURNS) == model.render(TURNS)


def test_deepseek_r1_without_thinking_splits_and_is_known(tmp_path: Path) -> None:
    byte_tokenizer(None, DEEPSEEK, bos_token=DEEPSEEK[0]).save_pretrained(tmp_path)
    turns = [
        Message(role="system", content="S"),
        Message(role="user", content="U"),
        Message(role="assistant", content="A"),
    ]
    turn = split_turn(chat_tokenizer(tmp_path, DEEPSEEK_R1), turns, "1")
    assert (turn.prompt, turn.answer) == (
        "<｜begin▁of▁sentence｜>S<｜User｜>U<｜Assistant｜>",
        "A<｜end▁of▁sentence｜>",
    )
    model = Reference(tmp_path, DEEPSEEK_R1)
    found = template_of(model)
    assert (found.name, found.system, found.stop) == ("DeepSeek-R1", None, "<｜end▁of▁sentence｜>")
    assert found.go == (
        '<｜begin▁of▁sentence｜>{{ range .Messages }}{{ if eq .Role "user" }}<｜User｜>{{ .Content }}{{ else }}'
        '{{ if eq .Role "assistant" }}<｜Assistant｜>{{ .Content }}<｜end▁of▁sentence｜>{{ else }}'
        "{{ .Content }}{{ end }}{{ end }}{{ end }}<｜Assistant｜>"
    )
    whole = [*TURNS, {"role": "assistant", "content": "A"}, {"role": "user", "content": "V"}]
    assert render_go(found.go, whole) == model.render(whole)


def test_the_templates_of_llama_3_1_and_3_2_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownTemplate, match=r"is Llama 3\.1's or 3\.2's: it writes 'Cutting Knowledge Date:' and a date"
    ):
        template_of(reference(tmp_path, LLAMA32))


def test_a_template_is_checked_without_weights(tmp_path: Path) -> None:
    byte_tokenizer(None).save_pretrained(tmp_path)
    assert check_template(tmp_path, CHATML) == "ChatML"
    with pytest.raises(UnknownTemplate, match=r"Llama 3\.1's or 3\.2's"):
        check_template(tmp_path, LLAMA32)
    with pytest.raises(UnknownTemplate, match=r"refuses a conversation with a system message: no system"):
        check_template(tmp_path, "{{ raise_exception('no system') }}")


def test_a_system_message_that_the_template_adds_is_named(tmp_path: Path) -> None:
    model = reference(tmp_path, GREETING + CHATML)
    found = template_of(model)
    assert (found.name, found.system, found.stop) == ("ChatML", "Be brief.", "<|im_end|>")
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "U"}]
    assert render_go(found.go, turns) == model.render(turns[1:])


@pytest.mark.parametrize("template", ["{{ messages[0]['content'] }}", CHATML.replace("<|im_end|>", "</s>")])
def test_an_unknown_template_is_refused_with_what_it_renders(template: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownTemplate, match=r"none of ChatML, Llama 3, Phi 3, DeepSeek-R1: it renders '"):
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
