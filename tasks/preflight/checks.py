"""The checks. Each looks at one thing and says what it found, what it was held against, and the way out."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tasks.artifacts import Check, ModelFolder, Panel, TextShards
from tasks.errors import HindsightError
from tasks.recipe import Recipe
from tasks.settings import state_dir
from tasks.store.store import Store

ROOM_FOR_MODELS = 4
"""Base, merged model, and a download in parts of each lie on one disk at the same time."""
FORBIDDEN_SUFFIXES = {".bin", ".pt", ".pth", ".pkl", ".py"}
"""Pickles and code run what they please when they are loaded."""
MIN_ROWS_PER_SIDE = 10
"""The seed contract calls fewer rows on a side of the cut an error."""


@dataclass(frozen=True)
class Inputs:
    """What the checks look at, fetched.

    Args:
        recipe: The whole recipe.
        base: The base model.
        corpus: The corpus.
        panel: The panel.
        store: Where results shall go.
        placebo: The corpus from after the cutoff, where the recipe asks for one.
    """

    recipe: Recipe
    base: ModelFolder
    corpus: TextShards
    panel: Panel
    store: Store
    placebo: TextShards | None = None


def all_checks(inputs: Inputs) -> list[Check]:
    """Every check's line, cheap ones first; none is left out because an earlier one failed."""
    return [
        line
        for check in (_store, _disk, _weights, _trainer, _tokenizer, _targets, _tokens, _panel, _power)
        for line in check(inputs)
    ]


def _store(inputs: Inputs) -> Iterator[Check]:
    yield _attempt("store round trip", "64 bytes come back unchanged", inputs.store.probe, "unchanged")


def _disk(inputs: Inputs) -> Iterator[Check]:
    n_bytes = sum(file.stat().st_size for file in inputs.base.path.rglob("*") if file.is_file())
    needed, free = ROOM_FOR_MODELS * n_bytes, shutil.disk_usage(state_dir()).free
    yield Check(
        name="disk",
        passed=free >= needed,
        value=f"{free / 1e9:.1f} GB free",
        bound=f"at least {needed / 1e9:.1f} GB, {ROOM_FOR_MODELS} times the base model",
        way_out=f"Free disk below {state_dir()}, or move it by HINDSIGHT_STATE.",
    )


def _weights(inputs: Inputs) -> Iterator[Check]:
    others = sorted(
        file.name for file in inputs.base.path.iterdir() if file.suffix in {".bin", ".pt", ".pth", ".pkl", ".py"}
    )
    yield Check(
        name="base weights",
        passed=not others and any(inputs.base.path.glob("*.safetensors")),
        value=", ".join(others) or "safetensors only",
        bound="safetensors, no pickles, no code",
        way_out="Name a repository and revision that hold safetensors.",
    )


def _trainer(inputs: Inputs) -> Iterator[Check]:
    from tasks.train.launch import trainer_python

    # The path is the machine's; a report says only that there is one.
    yield _attempt("trainer environment", "an interpreter that can be run", trainer_python, "found")


def _tokenizer(inputs: Inputs) -> Iterator[Check]:
    from tasks.train.write import check_tokenizer

    yield _attempt(
        "tokenizer",
        "corpus and base agree on the ids of the first document",
        lambda: check_tokenizer(inputs.base, inputs.corpus),
        "they agree",
    )


def _targets(inputs: Inputs) -> Iterator[Check]:
    from tasks.train.errors import TargetMatchesNothing
    from tasks.train.targets import measure_coverage

    try:
        coverage = measure_coverage(inputs.base.path, inputs.recipe.train.lora)
    except TargetMatchesNothing as error:
        yield Check(name="LoRA targets", passed=False, value=str(error), bound="every entry reaches a weight")
        return
    for entry, n_trainable in coverage.by_entry.items():
        yield Check(name=f"LoRA target {entry}", passed=True, value=f"{n_trainable:,} trainable", bound="more than 0")
    share = 100 * coverage.n_trainable / coverage.n_parameters
    yield Check(
        name="LoRA targets",
        passed=True,
        value=f"{coverage.n_trainable:,} of {coverage.n_parameters:,} trainable ({share:.3g} %)",
        bound="every entry reaches a weight",
    )


def _tokens(inputs: Inputs) -> Iterator[Check]:
    from tasks.train.blocks import count_steps, cut_blocks

    train = inputs.recipe.train

    def steps(corpus: TextShards) -> str:
        n_blocks = sum(1 for _ in cut_blocks(corpus.token_ids(), train.sequence_length, train.token_budget))
        return f"{n_blocks:,} blocks in {count_steps(n_blocks, train):,} steps"

    corpora = {"tokens": inputs.corpus} | ({"placebo tokens": inputs.placebo} if inputs.placebo else {})
    for name, corpus in corpora.items():
        yield _attempt(name, f"{train.token_budget:,} tokens of the corpus", partial(steps, corpus))


def _panel(inputs: Inputs) -> Iterator[Check]:
    rows, premium = inputs.panel.rows(), inputs.recipe.premium
    n_train = int((rows["date"].dt.date <= premium.train_until).sum())
    for side, n_rows in (("up to", n_train), ("after", len(rows) - n_train)):
        yield Check(
            name=f"panel rows {side} {premium.train_until}",
            passed=n_rows >= MIN_ROWS_PER_SIDE,
            value=f"{n_rows:,} rows",
            bound=f"at least {MIN_ROWS_PER_SIDE}",
            way_out="Move premium.train_until or draw more days per stock.",
        )
    n_stocks = rows["code"].nunique()
    yield Check(
        name="panel stocks",
        passed=n_stocks >= premium.n_folds,
        value=f"{n_stocks} stocks",
        bound=f"at least {premium.n_folds}, one per fold",
        way_out="Raise panel.n_stocks or lower premium.n_folds.",
    )


def _power(inputs: Inputs) -> Iterator[Check]:
    from tasks.preflight.power import power_checks

    yield from power_checks(inputs.recipe, inputs.base, inputs.panel)


def _attempt(name: str, bound: str, look: Callable[[], object], found: str | None = None) -> Check:
    """Passed if looking refuses nothing; the line shows `found`, or what looking gave back."""
    try:
        seen = look()
    except HindsightError as error:
        return Check(name=name, passed=False, value=str(error), bound=bound)
    return Check(name=name, passed=True, value=found or str(seen), bound=bound)
