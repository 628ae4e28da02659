"""From a merged model to a GGUF file with its Modelfile, gates and probe answers."""

import json
import logging
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from tasks.export.config import ExportConfig
from tasks.export.errors import GatesFailed
from tasks.export.file_gates import file_gates
from tasks.export.modelfile import modelfile, template_of
from tasks.export.parity import check_not_flat, forced_gates, greedy_gate, not_run, text_gates
from tasks.export.reference import Reference
from tasks.gguf.convert import architecture_of, check_convertible, compare, convert
from tasks.gguf.engine import engine, greedy_answers
from tasks.gguf.header import GgufHeader, read_header
from tasks.gguf.source import n_parameters, stage_model
from tasks.schemas.examples import Gate
from tasks.store.digests import sha256_of_file

log = logging.getLogger(__name__)

N_DIGEST = 16
"""Hex digits of the file's sha256 in its name."""


def write_export(config: ExportConfig, model: Path, folder: Path) -> dict[str, JsonValue]:
    """Write an Exported's files.

    Args:
        config: The file's name, what is asked of it, and the bounds of its gates.
        model: Folder of a ModelFolder.
        folder: Empty folder for the files.

    Returns:
        Facts for the record.

    Raises:
        ExportError: If a gate fails, the model is flat, or its chat template is unknown.
        GgufError: If llama.cpp does not know the architecture, or fails.
    """
    started = time.monotonic()
    check_convertible(architecture_of(model))
    reference = Reference(model, config.chat_template)
    template = template_of(reference)
    if config.gate_parity:
        check_not_flat(config, reference)
    # In the artifact's folder, of which the store removes what a killed builder left; gone before it is published.
    with tempfile.TemporaryDirectory(dir=folder) as work:
        source = Path(work) / config.name
        source.mkdir()
        corrected = stage_model(model, source, config.chat_template)
        gguf = Path(work) / "q8_0.gguf"
        convert(source, gguf, "q8_0", config.name)
        header = read_header(gguf)
        gates = [*file_gates(model, n_parameters(source), header, compare(source, gguf))]
        of_engine, start = _engine_gates(config, reference, source, gguf, Path(work) / "f16.gguf")
        gates += of_engine
        check_gates(gates)
        name = _publish(config, gguf, Path(work) / "f16.gguf", folder)
    num_ctx = min(config.num_ctx, header.context_length)
    template = replace(template, first=template.first.removeprefix(start), system=config.system or template.system)
    (folder / "Modelfile").write_text(modelfile(name, template, config.temperature, num_ctx), encoding="utf-8")
    _write_json(folder / "gates.json", [gate.model_dump() for gate in gates])
    answers = greedy_answers(folder / name, config.prompts, system=config.system)
    system = {} if config.system is None else {"system": config.system}
    probes = [system | {"prompt": prompt, "answer": own} for prompt, own in zip(config.prompts, answers, strict=True)]
    _write_json(folder / "probe.json", probes)
    return _facts(name, header, gates, corrected, config.gate_parity) | {
        "template": template.name,
        "seconds": round(time.monotonic() - started, 1),
    }


def check_gates(gates: list[Gate]) -> None:
    """Refuse a file of which a gate failed.

    Raises:
        GatesFailed: With all that failed.
    """
    for gate in gates:
        outcome = ("passed" if gate.passed else "FAILED") if gate.was_run else "left out"
        log.info("export: %s %s: %s", outcome, gate.name, gate.value)
    if failed := [gate for gate in gates if not gate.passed]:
        named = "; ".join(f"{gate.name}: {gate.value} (bound: {gate.bound})" for gate in failed)
        raise GatesFailed(f"{len(failed)} of {len(gates)} gates failed, nothing is published. {named}")


def _engine_gates(
    config: ExportConfig, reference: Reference, source: Path, gguf: Path, f16: Path
) -> tuple[list[Gate], str]:
    """Gates about what llama.cpp makes of the files, and the start token that it adds by itself.

    Writes the f16 file where it is needed.
    """
    if config.gate_parity or config.keep_f16:
        convert(source, f16, "f16", config.name)
    with engine(gguf, n_threads=config.n_threads) as running:
        gates, start = [*text_gates(config, reference, running)], running.start
        if not config.gate_parity:
            return gates + not_run(), start
        gates += forced_gates(config, reference, running)
    return [*gates, greedy_gate(config, reference, f16)], start


def _publish(config: ExportConfig, gguf: Path, f16: Path, folder: Path) -> str:
    """Move the files to names that hold their sha256; returns the name of the Q8_0 file."""
    name = f"{config.name}-{sha256_of_file(gguf)[:N_DIGEST]}.Q8_0.gguf"
    gguf.rename(folder / name)
    if config.keep_f16:
        (folder / "f16").mkdir()
        f16.rename(folder / "f16" / f"{config.name}-{sha256_of_file(f16)[:N_DIGEST]}.F16.gguf")
    return name


def _facts(name: str, header: GgufHeader, gates: list[Gate], corrected: list[str], gated: bool) -> dict[str, JsonValue]:
    return {
        "gguf": name,
        "n_bytes": header.n_bytes,
        "n_parameters": header.n_parameters,
        "architecture": header.architecture,
        "parity_gated": gated,
        "gates": {gate.name: gate.value for gate in gates},
        "corrected": list(corrected),
    }


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
