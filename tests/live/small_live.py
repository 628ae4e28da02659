"""A line of a small chat model on real exchange rates, and a desk's table of outcomes made to favour a version.

Forecasts are most of an update's time: the prepared store has those of one update, which every test finds.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from flows.live.update import update_line
from flows.pipelines.pipeline import Pipeline
from flows.server.arguments import stage_arguments
from flows.stages import STAGES
from tasks.live_update import LiveUpdate
from tasks.panel.config import PanelConfig
from tasks.schemas.artifacts import Panel
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import Store, open_store
from tasks.versions import moves
from tests.chat_fixtures import bpe_tokenizer, random_qwen2
from tests.model_fixtures import scratch_folder
from tests.store.small_artifact import SmallConfig

LINE = "small"
TARGETS = ["q_proj", "v_proj", "up_proj"]
PANEL = PanelConfig.model_validate(
    {
        "source": {"kind": "ecb_fx"},
        "n_stocks": 3,
        "dates_per_stock": 150,
        "n_last_days": 150,
        "horizon": 5,
        "test_from": "2026-07-06",
    }
)
QUESTION = (
    "The pair EURUSD after the close: 5-day log return +0.0080, 30-day log return -0.0123, 20-day volatility of daily "
    "log returns 0.0061. Will it be higher or lower in 5 weekdays? Begin the answer with up or down."
)
UNTRAINED_FROM = "2026-05-01"
AT = datetime(2026, 9, 1, 12, tzinfo=UTC)


@cache
def base_folder() -> Path:
    """A random Qwen2 of two layers, with positions for a feature prompt in bytes."""
    folder, tokenizer = scratch_folder("base"), bpe_tokenizer()
    model = random_qwen2(tokenizer, n_positions=1_024)
    # Of random weights the logits are all but equal, whatever an adapter does before them.
    model.lm_head.weight.data *= 50
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@cache
def adapter_folder(answer: str) -> Path:
    """An adapter after which the model says `up`, or `down`, whatever it is asked."""
    folder, tokenizer = scratch_folder(answer), bpe_tokenizer()
    model = AutoModelForCausalLM.from_pretrained(base_folder())
    wrapped = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, task_type="CAUSAL_LM"))
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": QUESTION}], tokenize=False, add_generation_prompt=True
    )
    whole = torch.tensor([tokenizer(prompt + answer)["input_ids"]])
    n_answer = len(tokenizer(answer)["input_ids"])
    optimizer = torch.optim.Adam([own for own in wrapped.parameters() if own.requires_grad], lr=0.02)
    for _ in range(40):
        logits = wrapped(input_ids=whole).logits[0, -n_answer - 1 : -1]
        loss = torch.nn.functional.cross_entropy(logits, whole[0, -n_answer:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    wrapped.save_pretrained(folder, save_embedding_layers=False)
    return folder


def published(
    store: Store, kind: str, number: int, content: Mapping[str, Path], inputs: Mapping[str, ArtifactRef], **facts: str
) -> ArtifactRef:
    """An artifact of folders, by name, with facts."""
    folder = scratch_folder(kind)
    for name, source in content.items():
        shutil.copytree(source, folder / name, dirs_exist_ok=True)
    artifact_type = ArtifactType[SmallConfig](kind, 1, lambda config, inputs: kind)
    return store.publish(artifact_type.spec(SmallConfig(size=number), inputs), folder, dict(facts), 1.0)


@cache
def prepared() -> Path:
    """A store with a panel, a line whose v1, in production, always says `down`, and the forecasts of an update."""
    folder = scratch_folder("store")
    before = os.environ.get("HINDSIGHT_STORE")
    os.environ["HINDSIGHT_STORE"] = str(folder)
    try:
        store = open_store()
        STAGES["panel"].publish.fn(PANEL)
        base = published(store, "base", 0, {"": base_folder()}, {})
        mix = published(store, "mix", 0, {}, {}, holdout_from=UNTRAINED_FROM)
        rows = published(store, "align", 0, {}, {"mix": mix})
        adapter = published(store, "train", 0, {"adapter": adapter_folder("down")}, {"base": base, "corpus": rows})
        with patch.object(moves, "_now_after", lambda history: AT - timedelta(days=90)):
            moves.register(store, LINE, adapter, why="for the test", by="ada")
            moves.promote(store, LINE, "v1", why="for the test", by="ada")
        _forecast_once(store, write_outcomes(rising_desk(), ("2026-05-01", 0.01)))
    finally:
        if before is None:
            del os.environ["HINDSIGHT_STORE"]
        else:
            os.environ["HINDSIGHT_STORE"] = before
    return folder


@cache
def rising_desk() -> Path:
    """Where the prepared store's outcomes lie: those of a market that only rises."""
    return scratch_folder("desk")


def _forecast_once(store: Store, desk: Path) -> None:
    """Forecasts of both versions, as an update to one that says `up` makes them; each test trains its own candidate."""
    run = InlineRun("up", stop_after="forecast candidate")
    with suppress(KeyboardInterrupt):
        update_line(recipe(desk), AT, run, store, "ada")
    store.objects.delete(store.records.name_of(run.refs["train"].path))


def own_store(folder: Path) -> Store:
    """A copy of it, as this process's store."""
    shutil.copytree(prepared(), folder / "store")
    os.environ["HINDSIGHT_STORE"] = str(folder / "store")
    return open_store()


def write_outcomes(folder: Path, *sides: tuple[str, float]) -> Path:
    """A desk's table: from each day on every outcome is the side's; known six hours into the label's last day."""
    panel = Panel(open_store().fetch(STAGES["panel"].publish.fn(PANEL))).rows()
    table = pd.DataFrame({"code": panel["code"], "date": panel["date"], "horizon": 5, "revision": 0, "outcome": 0.0})
    for first, outcome in sides:
        table.loc[table["date"] >= first, "outcome"] = outcome
    known = (panel["label_until"] + pd.Timedelta(hours=6)).dt.tz_localize("UTC")
    table = table.assign(known_at=known)[panel["date"] >= sides[0][0]]
    folder.mkdir(exist_ok=True)
    table.to_parquet(folder / "outcomes.parquet")
    return folder


def recipe(outcomes: Path, **changes: object) -> LiveUpdate:
    """An update of the line, in a few steps."""
    small = {
        "sequence_length": 1024,
        "micro_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "precision": "fp32",
        "kernels": "plain",
        "activation_checkpointing": False,
        "learning_rate": 1e-3,
        "arm": {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": TARGETS},
    }
    fields = {
        "name": "live-small",
        "line": LINE,
        "panel": PANEL.model_dump(mode="json"),
        "outcomes": {"source": {"kind": "table", "path": str(outcomes)}},
        "new": {"n_per_pair": 4},
        "replay": {"n_per_pair": 2},
        "mix": {"n_directions": 60},
        "align": {"sequence_length": 1024},
        "train": small,
        "gate": {"holdout_days": 60, "false_promotion_rate": 0.2},
        "watch": {"settle_days": 0},
        "route": {"forecast": "cpu"},
    }
    return LiveUpdate.model_validate(fields | changes)


class InlineRun:
    """Runs steps in this process; a training gives a prepared adapter.

    Args:
        answer: What the candidate always says.
        stop_after: A step after which the process would end.
    """

    def __init__(self, answer: str, stop_after: str = "") -> None:
        self.answer, self.stop_after, self.stop, self.ran = answer, stop_after, _interrupt, list[str]()
        self.refs: dict[str, ArtifactRef] = {}

    def __call__(self, pipeline: Pipeline) -> dict[str, ArtifactRef]:
        refs = self.refs = pipeline.known
        for step in pipeline.steps:
            inputs = {name: refs[source] for name, source in step.inputs.items()}
            stage = STAGES[step.stage]
            if step.stage == "train":
                folder = scratch_folder("train")
                shutil.copytree(adapter_folder(self.answer), folder / "adapter")
                spec = stage.artifact_type.spec(step.config, inputs)
                refs[step.name] = open_store().publish(spec, folder, {"tokens_seen": 1_000}, 1.0)
            else:
                refs[step.name] = stage.publish.fn(**stage_arguments(stage.publish.fn, step.config, inputs))
            self.ran.append(step.name)
            if step.name == self.stop_after:
                self.stop()
        return refs


def _interrupt() -> None:
    raise KeyboardInterrupt
