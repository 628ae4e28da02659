"""From sources and a panel to the mix's files."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.formulas.catalogue import Catalogue, load_catalogue
from tasks.mix.config import FilesSource, FormulasSource, MixConfig, Role, Source
from tasks.mix.duplicates import Duplicates
from tasks.mix.errors import EmptySource
from tasks.mix.examples import STEPS, Counts, Example, Found
from tasks.mix.files import read_files
from tasks.mix.formulas import read_formulas
from tasks.mix.generate import generate
from tasks.mix.order import interleaved
from tasks.mix.panel_rows import PanelRows, generator
from tasks.mix.questions import direction_questions, knowledge_questions
from tasks.schemas.artifacts import Panel
from tasks.schemas.examples import write_lines

log = logging.getLogger(__name__)
ROLES: tuple[Role, ...] = ("sft", "preference")


def write_mix(config: MixConfig, inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
    """Write examples, questions and counts.

    Args:
        config: Sources, hold-out and questions.
        inputs: Folder of `panel`.
        folder: Where the five files go.

    Returns:
        Totals, by source and by step.

    Raises:
        MixError: If a source cannot be read, has a bad row, or none that may be trained on.
        SamplingError: If the panel is not one of currency pairs, has a gap, or cannot be divided.
    """
    rows, catalogue = PanelRows.of(Panel(inputs["panel"]).rows(), config), load_catalogue()
    directions = direction_questions(rows, config)
    knowledge, n_without = knowledge_questions(catalogue, config)
    used = [source for source in config.sources if source.weight]
    has_files = any(isinstance(source, FilesSource) for source in used)
    prompts = [*(each.prompt for each in directions), *(each.prompt for each in knowledge)]
    duplicates, counts = Duplicates(prompts, config.near_duplicates if has_files else None), Counts()
    kept = {source.name: _kept(source, rows, catalogue, duplicates, counts, config) for source in used}
    written = {
        f"n_{role}": write_lines(
            folder / f"{role}.jsonl",
            interleaved([(kept[source.name], source.weight) for source in used if source.role == role], config.seed),
        )
        for role in ROLES
    }
    (folder / "counts.json").write_text(json.dumps(counts.rows(), indent=1) + "\n", encoding="utf-8")
    return {
        **written,
        "n_directions": write_lines(folder / "directions.jsonl", directions),
        "n_knowledge": write_lines(folder / "knowledge.jsonl", knowledge),
        "n_formulas_without_question": n_without,
        "holdout_from": str(rows.cut.holdout_from),
        "train_until": str(rows.cut.train_until),
        "embargo_days": config.embargo_days,
        "sources": counts.totals(),
    }


def _kept(
    source: Source, rows: PanelRows, catalogue: Catalogue, duplicates: Duplicates, counts: Counts, config: MixConfig
) -> list[Example]:
    """A source's examples in random order up to the cap: before the hold-out, no questions and no duplicates."""
    found, is_file = _read(source, rows, catalogue, config), isinstance(source, FilesSource)
    counts.found(source.name, source.role, found)
    order = generator(config.seed, "order", source.name).permutation(len(found.candidates))
    capped = [found.candidates[place] for place in order[: source.cap]]
    before = [each for each in capped if rows.may_train(each.example.day, each.label_until)]
    unasked = [each for each in before if not duplicates.is_question(each.example, is_file)]
    # Last, so that no example is dropped as the duplicate of one that is dropped itself.
    kept = [each for each in unasked if duplicates.is_new(each.example, is_file)]
    for step, left in zip(STEPS[2:], (capped, before, unasked, kept), strict=True):
        counts.left(source.name, source.role, step, left)
    if not kept:
        raise EmptySource(
            f"source {source.name!r} is empty: of {sum(found.n_read.values())} rows {len(found.candidates)} are valid, "
            f"{len(capped)} within the cap, {len(before)} before the hold-out of {rows.cut.holdout_from} and its "
            f"embargo, {len(unasked)} not asked as a question, and 0 not a duplicate. Leave it out, or give it "
            "other rows."
        )
    log.info("mix: %s has %d of %d examples", source.name, len(kept), len(found.candidates))
    return [each.example for each in kept]


def _read(source: Source, rows: PanelRows, catalogue: Catalogue, config: MixConfig) -> Found:
    if isinstance(source, FilesSource):
        return read_files(source, config)
    if isinstance(source, FormulasSource):
        return read_formulas(source, catalogue, rows, config)
    return generate(source, rows, config)
