"""The steps of a release, in their order. Each raises where it fails; the receipt is written after the last.

A process that is killed between two steps leaves no release: the next one does all steps again.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from tasks.gguf.engine import greedy_answers
from tasks.gguf.header import read_header
from tasks.release.config import ReleaseConfig
from tasks.release.errors import AnswersDiffer
from tasks.release.gates import check_gates, release_gates
from tasks.release.other_client import fetch_elsewhere
from tasks.schemas.artifacts import Checkpoint
from tasks.schemas.direction import DirectionScores
from tasks.schemas.examples import Exported
from tasks.schemas.release import MODELFILE, RELEASE_NAME, Release, ReleasedFile
from tasks.store.receipts import Receipt, verify
from tasks.store.refs import ArtifactRef


def write_release(
    config: ReleaseConfig, export: ArtifactRef, url: str, inputs: Mapping[str, Path], folder: Path, work: Path
) -> Receipt:
    """Fetch the model by another client, parse it, ask it its probes, check the gates; then write the receipt.

    Args:
        config: The gates' bounds.
        export: The model's artifact.
        url: The store's.
        inputs: Folders of `evaluate` and `dpo`.
        folder: Where `release.json` and the Modelfile go.
        work: An empty folder for the fetched files.

    Returns:
        The store's receipt of the export.

    Raises:
        ReleaseError: If a step fails.
        ArtifactDamaged: If the store's own client reads other bytes.
    """
    record = fetch_elsewhere(url, export, work)
    fetched = Exported(work)
    header = read_header(fetched.gguf)
    _check_answers(fetched)
    own = release_gates(config, Checkpoint(inputs["dpo"]), DirectionScores.read(inputs["evaluate"]))
    gates = [*fetched.gates(), *own]
    check_gates(gates)
    release = Release(
        export=export,
        client=f"fsspec {version('fsspec')}, s3fs {version('s3fs')}",
        files=[ReleasedFile(path=entry.path, size=entry.size, sha256=entry.sha256) for entry in record.files],
        gguf=header.model_dump(mode="json"),
        n_probes=len(fetched.probes()),
        gates=gates,
    )
    (folder / RELEASE_NAME).write_text(release.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / MODELFILE).write_bytes(fetched.modelfile.read_bytes())
    return verify(export, url)


def _check_answers(fetched: Exported, ask: Callable[..., list[str]] = greedy_answers) -> None:
    """Ask the fetched file its probe prompts.

    Raises:
        AnswersDiffer: If one answer is another one than when it was exported.
    """
    probes = fetched.probes()
    answers = ask(fetched.gguf, [probe["prompt"] for probe in probes], system=probes[0].get("system"))
    for probe, answer in zip(probes, answers, strict=True):
        if answer != probe["answer"]:
            raise AnswersDiffer(
                f"{fetched.gguf.name}, fetched from the store, answers {probe['prompt'][:60]!r} with {answer[:60]!r}, "
                f"and answered {probe['answer'][:60]!r} when it was exported. Nothing is released; compare the "
                "engine's versions and the processors of both machines; to export anew, start from the stage export."
            )
