"""A small run in a store, from corpus to report: the scores are measured, the other stages' files are made up."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import JsonValue

from tasks.common.settings import Config
from tasks.premium.build import write_premium
from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.probe.recall.build import write_recall
from tasks.provenance.model_statement import model_statement, write_model_statement
from tasks.provenance.statement import write_statement_of
from tasks.report.config import ReportConfig
from tasks.report.task import publish_report
from tasks.schemas.artifacts import Check, Panel, Preflight
from tasks.store.refs import ArtifactRef, ArtifactSpec
from tasks.store.store import Store
from tests.probe.recall.made_answers import CONFIG as RECALL
from tests.probe.recall.made_answers import write_run
from tests.report.sample_ledger import made_ledger

PREMIUM = PremiumConfig(
    train_until=date(2020, 12, 31),
    n_draws=30,
    n_folds=2,
    robust=RobustConfig(n_draws=30, n_date_blocks=2, n_day_groups=5),
)
FOLDERS = ("panel", "corpus", "base", "train", "merge", "base_states", "trained_states", "premium", "preflight")


def made_run(
    store: Store, folder: Path, title: str = "Leakage premium", premium: PremiumConfig = PREMIUM, recall: bool = False
) -> ArtifactRef:
    """Publish every artifact of a run; HINDSIGHT_STORE names the store.

    Args:
        store: Where.
        folder: An empty folder for the files.
        title: Of the report.
        premium: The measure.
        recall: Whether the run has recall probes.
    """
    for name in FOLDERS:
        (folder / name).mkdir()
    refs: dict[str, ArtifactRef] = {}

    def publish(name: str, kind: str, facts: Mapping[str, JsonValue] = {}, **inputs: str) -> None:
        spec = ArtifactSpec(kind, "made-up", 1, Config(), {own: refs[source] for own, source in inputs.items()})
        # Two artifacts of one kind differ in their label, as in a run.
        spec = ArtifactSpec(kind, name.replace("_", "-"), 1, spec.config, spec.inputs)
        refs[name] = store.publish(spec, folder / name, dict(facts), 2.5)

    _panel(folder / "panel")
    publish("panel", "panel", {"n_rows": 240})
    _corpus(folder / "corpus")
    publish("corpus", "corpus", {"signature": None})
    (folder / "base" / "config.json").write_text("{}\n")
    publish("base", "base", {"pretrained": True, "repo": "made/up", "revision": "0" * 40})
    (folder / "train" / "metrics.jsonl").write_text("{}\n")
    statement = folder / "corpus" / "statement.json"
    claim = model_statement({}, statement, "lora", base_digest=refs["base"].digest, tokens_seen=9)
    write_model_statement(folder / "train", claim, statement)
    curve: list[JsonValue] = [[512, 3.5], [1024, 3.25]]
    publish("train", "train", {"arm": "lora", "tokens_seen": 1_024, "loss_curve": curve}, base="base", corpus="corpus")
    (folder / "merge" / "config.json").write_text("{}\n")
    parity = {"arm": "lora", "moved": 0.5, "difference": 1e-7, "noise": 1e-6, "tolerance": 0.01}
    publish("merge", "merge", parity, base="base", checkpoint="train")
    for name, model in {"base_states": "base", "trained_states": "merge"}.items():
        _states(folder / name, folder / "panel", seed=len(name))
        publish(name, "embed", model=model, panel="panel")
    measured = {"panel": "panel", "base": "base_states", "trained": "trained_states"}
    facts = write_premium(premium, {own: folder / name for own, name in measured.items()}, folder / "premium")
    publish("premium", "premium", facts, **measured)
    checks = Preflight(checks=[Check(name="disk", passed=True, value="9 GB", bound="1 GB")])
    (folder / "preflight" / "checks.json").write_text(checks.model_dump_json())
    publish("preflight", "preflight", corpus="corpus", panel="panel")
    if recall:
        probes = write_run(folder / "probes")
        (folder / "recall").mkdir()
        publish("recall", "recall", write_recall(RECALL, probes, folder / "recall"), premium="premium")
    report: ArtifactRef = publish_report.fn(
        ReportConfig(title=title), refs["premium"], refs["preflight"], refs["corpus"], refs.get("recall")
    )
    return report


def _panel(folder: Path) -> None:
    rng = np.random.default_rng(5)
    days = pd.bdate_range(end="2021-01-15", periods=24)
    table = pd.DataFrame([(code, day) for code in "ABCDEFGHIJ" for day in days], columns=["code", "date"])
    n = len(table)
    table.assign(
        label_from=table["date"] + pd.offsets.BDay(1),
        label_until=table["date"] + pd.offsets.BDay(2),
        log_close=rng.normal(4, 1, n),
        ret_5d=rng.normal(0, 0.1, n),
        target=rng.normal(0, 1, n),
        prompt=[f"row {row}" for row in range(n)],
    ).to_parquet(folder / "rows.parquet")


def _states(folder: Path, panel: Path, seed: int) -> None:
    rows = Panel(panel)
    states = np.random.default_rng(seed).normal(size=(len(rows.rows()), 3))
    np.save(folder / "states.npy", states.astype(np.float32))
    (folder / "prompts.sha256").write_text(rows.prompts_sha256())


def _corpus(folder: Path) -> None:
    from json import dumps

    ledger = made_ledger()
    (folder / "ledger.json").write_text(dumps(ledger))
    names = ("cutoff", "side", "n_documents", "n_tokens", "first_day", "last_day")
    write_statement_of(folder, "made-up", {"claim": "made up", **{name: ledger[name] for name in names}})
