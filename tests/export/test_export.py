"""An export is the model: file, values, text, tokens and predictions. Anything else publishes nothing."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.export.config import ExportConfig
from tasks.export.errors import FlatModel, GatesFailed
from tasks.export.file_gates import file_gates
from tasks.export.modelfile import DEEPSEEK_R1
from tasks.export.parity import PARITY_GATES, greedy_gate, text_gates
from tasks.export.reference import Reference
from tasks.export.task import publish_export
from tasks.export.write import check_gates, write_export
from tasks.gguf.convert import Comparison
from tasks.gguf.engine import engine, greedy_answers
from tasks.gguf.errors import NotConvertible
from tasks.gguf.header import GgufHeader
from tasks.schemas.examples import Exported
from tasks.store.digests import sha256_of_file
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import open_store
from tests.gguf.small_chat_models import DEEPSEEK, byte_tokenizer, chat_model, needs_export, set_config

TEXTS = ("The euro fell against the dollar on Thursday.", "A moving average is the mean of the last prices.")
CONFIG = ExportConfig(
    name="small", prompts=("Will it rise?", "Why?"), n_greedy=12, texts=TEXTS, n_forced=60, keep_f16=True
)
HEADER = GgufHeader(
    version=3,
    architecture="llama",
    name="small",
    n_tensors=21,
    n_parameters=99,
    types={"Q8_0": 16, "F32": 5},
    n_layers=2,
    hidden_size=64,
    context_length=1_024,
    vocabulary_size=261,
    has_chat_template=True,
    n_bytes=1_000,
    is_whole=True,
)
SAME = Comparison(problems=[], types={"Q8_0": 16, "F32": 5}, worst=0.98, worst_name="output.weight")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained on the texts, for a random model agrees with any file."""
    return chat_model(tmp_path_factory.mktemp("trained"), TEXTS)


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("export") / "artifact"
    folder.mkdir()
    facts = write_export(CONFIG, model, folder)
    assert facts["parity_gated"] is True
    return Exported(folder)


def published(model: Path) -> ArtifactRef:
    """The model as an artifact of this test's store."""
    kind = ArtifactType[ExportConfig](kind="merge", revision=1, label=lambda config, inputs: "small")
    return open_store().publish(kind.spec(CONFIG), model, {}, 1)


@needs_export()
def test_every_gate_passes_and_names_hold_digests(exported: Exported) -> None:
    gates = {gate.name: gate for gate in exported.gates()}
    assert list(gates) == [
        *("size", "shape", "types", "values", "chat template", "token ids"),
        *PARITY_GATES[1:],
        PARITY_GATES[0],
    ]
    assert all(gate.passed for gate in gates.values())
    assert exported.gguf.name == f"small-{sha256_of_file(exported.gguf)[:16]}.Q8_0.gguf"
    (f16,) = (exported.path / "f16").iterdir()
    assert f16.name == f"small-{sha256_of_file(f16)[:16]}.F16.gguf"
    assert exported.modelfile.read_text().startswith(f"FROM ./{exported.gguf.name}\nTEMPLATE ")
    assert sorted(file.name for file in exported.path.iterdir()) == sorted(
        ["Modelfile", "f16", "gates.json", "probe.json", exported.gguf.name]
    )


@needs_export()
def test_the_file_repeats_its_probe_answers(exported: Exported) -> None:
    probes = exported.probes()
    assert [probe["prompt"] for probe in probes] == list(CONFIG.prompts)
    assert greedy_answers(exported.gguf, CONFIG.prompts) == [probe["answer"] for probe in probes]


@needs_export()
def test_predictions_of_another_model_fail_the_greedy_gate(exported: Exported, tmp_path: Path) -> None:
    other = Reference(chat_model(tmp_path / "other", TEXTS, seed=1, n_steps=20))
    (f16,) = (exported.path / "f16").iterdir()
    assert not greedy_gate(CONFIG, other, f16).passed


@needs_export()
def test_another_chat_template_fails_the_gate_of_text_and_not_that_of_ids(exported: Exported, model: Path) -> None:
    other = Reference(model)
    other.tokenizer.chat_template = other.tokenizer.chat_template.replace("assistant\n", "assistant:\n")
    with engine(exported.gguf) as running:
        template, ids = text_gates(CONFIG, other, running)
    assert (template.passed, ids.passed) == (False, True)
    assert template.value == "0 of 3 conversations rendered as transformers does"


@needs_export()
def test_a_flat_model_is_refused_unless_parity_is_switched_off(tmp_path: Path) -> None:
    flat, store = published(chat_model(tmp_path / "flat")), open_store()
    with pytest.raises(FlatModel, match=r"mean nothing on a model whose entropy is 5\.\d+ of at most 5\.56 nats"):
        publish_export.fn(CONFIG, flat)
    assert list(store.objects.list("export/")) == []
    switched_off = CONFIG.model_copy(update={"gate_parity": False, "keep_f16": False})
    first = publish_export.fn(switched_off, flat)
    assert publish_export.fn(switched_off, flat) == first
    found = Exported(store.fetch(first)).gates()
    assert [gate.name for gate in found if not gate.was_run] == list(PARITY_GATES)
    gates = {gate.name: gate.value for gate in found}
    assert {name: gates[name] for name in PARITY_GATES} == dict.fromkeys(PARITY_GATES, "not run")
    assert gates["token ids"] == "5 of 5 texts with the ids of transformers"


@needs_export()
@pytest.mark.slow
def test_a_system_message_is_in_the_modelfile_and_before_each_probe(tmp_path: Path) -> None:
    config = ExportConfig(name="r1", prompts=("Why?",), gate_parity=False, system="Be brief.")
    tokenizer = byte_tokenizer(DEEPSEEK_R1, DEEPSEEK, bos_token=DEEPSEEK[0], add_bos_token=True)
    (tmp_path / "artifact").mkdir()
    write_export(config, chat_model(tmp_path / "model", tokenizer=tokenizer), tmp_path / "artifact")
    found = Exported(tmp_path / "artifact")
    # Without the start token, which Ollama adds.
    assert '\nTEMPLATE """{{ range .Messages }}' in found.modelfile.read_text()
    assert '\nSYSTEM """Be brief."""\nPARAMETER stop "<｜end▁of▁sentence｜>"\n' in found.modelfile.read_text()
    (probe,) = found.probes()
    assert (probe["system"], [probe["answer"]]) == (
        "Be brief.",
        greedy_answers(found.gguf, config.prompts, system="Be brief."),
    )
    assert [probe["answer"]] != greedy_answers(found.gguf, config.prompts)


def test_a_system_message_that_would_end_in_the_modelfile_is_refused() -> None:
    with pytest.raises(ValidationError, match='it holds """, which ends a text in a Modelfile'):
        ExportConfig(system='Say """no""".')


@needs_export()
def test_an_unknown_architecture_is_refused_by_name(model: Path, tmp_path: Path) -> None:
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    set_config(tmp_path, architectures=["ChronoGPTModel"])
    with pytest.raises(NotConvertible, match="does not know 'ChronoGPTModel'"):
        write_export(CONFIG, tmp_path, tmp_path)


@pytest.mark.slow
@needs_export()
def test_where_a_gate_fails_nothing_is_published(model: Path) -> None:
    strict = CONFIG.model_copy(update={"max_kl": 1e-12, "max_perplexity_change": 1e-12})
    with pytest.raises(GatesFailed, match=r"^\d of 10 gates failed, nothing is published\. Q8_0 divergence: .* nats"):
        publish_export.fn(strict, published(model))
    assert list(open_store().objects.list("export/")) == []


@pytest.mark.parametrize(
    ("gate", "header", "comparison"),
    [
        ("size", {"is_whole": False}, {}),
        ("size", {"n_parameters": 98}, {}),
        ("shape", {"n_layers": 3}, {}),
        ("shape", {"has_chat_template": False}, {}),
        ("types", {"types": {"Q4_0": 21}}, {}),
        ("values", {"n_tensors": 22}, {}),
        ("values", {}, {"problems": ["output.weight differs by 1e+03 times the largest error of its type"]}),
        ("values", {}, {"worst": float("nan")}),
    ],
)
def test_a_file_that_is_not_the_models_fails_one_gate(
    gate: str, header: dict, comparison: dict, tmp_path: Path
) -> None:
    sizes = {"num_hidden_layers": 2, "hidden_size": 64, "max_position_embeddings": 1_024, "vocab_size": 261}
    (tmp_path / "config.json").write_text(json.dumps(sizes))
    assert all(each.passed for each in file_gates(tmp_path, 99, HEADER, SAME))
    gates = [*file_gates(tmp_path, 99, HEADER.model_copy(update=header), SAME.model_copy(update=comparison))]
    assert [each.name for each in gates if not each.passed] == [gate]
    with pytest.raises(GatesFailed, match=rf"1 of 4 gates failed, nothing is published\. {gate}: "):
        check_gates(gates)
