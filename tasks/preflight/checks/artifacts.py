"""Checks of the artifacts that training and premium start from: base, corpus and panel; and of the trainer."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from tasks.embed.config import EmbedConfig
from tasks.embed.outline import Outline, outline
from tasks.merge.config import MergeConfig
from tasks.preflight.checks.inputs import Inputs, planned_rows
from tasks.premium.config import PremiumConfig
from tasks.premium.vintages import served_rows
from tasks.schemas.artifacts import Check, ModelFolder, Panel
from tasks.schemas.check_lines import check_call
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.pipeline.launch import trainer_python
from tasks.train.pipeline.rows import Rows

FORBIDDEN_SUFFIXES = {".bin", ".pt", ".pth", ".pkl", ".py"}
"""Pickles and Python files can run arbitrary code when they are loaded."""
MIN_ROWS_PER_SIDE = 10
"""The reference contract requires as many rows on each side of the cut."""


def artifact_checks(inputs: Inputs) -> Iterator[Check]:
    """Base, merge, trainer, tokenizer, tokens, panel."""
    yield weights_check("base", inputs.base)
    yield merge_check(inputs.recipe.train.arm, inputs.recipe.merge, inputs.base)
    yield trainer_check()
    yield _tokenizer(inputs)
    yield from token_checks(inputs)
    yield from panel_checks(inputs.panel, inputs.recipe.premium)
    embed = inputs.recipe.embed
    yield sentences_check("sentences", embed, lambda: outline(embed, inputs.panel, inputs.base))


def weights_check(name: str, model: ModelFolder, may_have_code: bool = False) -> Check:
    """A model has safetensors and no files that can run code, other than Python code that its config allows."""
    forbidden = FORBIDDEN_SUFFIXES - ({".py"} if may_have_code else set())
    others = sorted(file.name for file in model.path.iterdir() if file.suffix in forbidden)
    return Check(
        name=f"{name} weights",
        passed=not others and any(model.path.glob("*.safetensors")),
        value=", ".join(others) or "safetensors only",
        bound="safetensors, no pickles, no code",
        way_out="Name a repository and revision that hold safetensors.",
    )


def merge_check(arm: LoraArm | FullWeightArm, config: MergeConfig, base: ModelFolder) -> Check:
    """The merge's own planning, on the meta device, accepts a base and what an arm trains on it."""
    from tasks.merge.plan import check_untrained
    from tasks.train.estimates.targets import peft_config

    lora = peft_config(arm) if arm.kind == "lora" else None
    bound = "each weight of the base has its name, shape and number format, and what is trained can be added to it"
    return check_call("merge", bound, lambda: _formats(check_untrained(config, base, lora)))


def _formats(dtypes: Mapping[str, str]) -> str:
    counts = ", ".join(f"{n:,} in {dtype}" for dtype, n in sorted(Counter(dtypes.values()).items()))
    return f"{len(dtypes):,} weights, {counts}"


def trainer_check() -> Check:
    """The trainer's interpreter exists."""
    # The path differs between machines, so the report shows only that the interpreter was found.
    return check_call("trainer environment", "an interpreter that can be run", trainer_python, "found")


def _tokenizer(inputs: Inputs) -> Check:
    from tasks.train.pipeline.input_checks import check_tokenizer

    return check_call(
        "tokenizer",
        "corpus and base agree on the ids of the first document",
        lambda: check_tokenizer(inputs.base, inputs.corpus),
        "they agree",
    )


def token_checks(inputs: Inputs) -> Iterator[Check]:
    """Rows and steps of the token budget, for the corpus and any placebo corpus."""
    train = inputs.recipe.train
    bound = f"{train.token_budget:,} tokens of the corpus"
    yield check_call("tokens", bound, lambda: _row_counts(inputs.rows, train))
    if placebo := inputs.placebo:
        yield check_call("placebo tokens", bound, lambda: _row_counts(planned_rows(placebo, train), train))


def _row_counts(rows: Rows, train: TrainConfig) -> str:
    filler = f", {rows.n_filler_tokens:,} of filler in addition" if rows.n_filler_tokens else ""
    return (
        f"{rows.n_tokens:,} tokens in {rows.n_rows:,} rows in {rows.n_steps:,} steps of {train.rows_per_step:,} rows, "
        f"{train.rows_per_step * train.sequence_length:,} tokens at most{filler}"
    )


def panel_checks(panel: Panel, premium: PremiumConfig) -> Iterator[Check]:
    """Both sides of the cut have rows, and every fold has a stock."""
    rows = served_rows(panel.rows(), premium)
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


def sentences_check(name: str, config: EmbedConfig, read: Callable[[], Outline]) -> Check:
    """The embed stage accepts every sentence of the panel; base and trained model have the same tokenizer."""

    def longest() -> str:
        found = read()
        return f"{found.n_sentences:,} distinct sentences, at most {found.longest:,} tokens"

    return check_call(name, f"each has 1 to {config.max_tokens:,} tokens", longest)
