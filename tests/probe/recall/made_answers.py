"""Folders of items, panel, answers and predictions, as the stages before recall write them."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.probe.recall.config import RecallConfig
from tasks.schemas.probe import VARIANTS

CUTOFF = date(2020, 12, 31)
CONFIG = RecallConfig(
    n_draws=40, n_change_draws=99, cutoffs={"trained": CUTOFF}, reference="base", compared=("trained",)
)
EVERY_DAY = pd.bdate_range("2019-01-01", "2022-12-30")


def write_panel(folder: Path, n_stocks: int = 12, n_days: int = 120, seed: int = 0) -> pd.DataFrame:
    """A panel with moves that stocks of a day share."""
    rng = np.random.default_rng(seed)
    days = EVERY_DAY[np.linspace(0, len(EVERY_DAY) - 3, n_days).astype(int)]
    table = pd.DataFrame(
        {"code": np.repeat([f"S{n:02d}" for n in range(n_stocks)], n_days), "date": np.tile(days, n_stocks)}
    )
    shared = rng.normal(size=n_days)
    table["label_from"], table["label_until"] = (table["date"] + pd.offsets.BDay(n) for n in (1, 2))
    table["target"] = 0.6 * np.tile(shared, n_stocks) + 0.8 * rng.normal(size=len(table))
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / "rows.parquet")
    return table


def write_items(
    folder: Path,
    documents: pd.DataFrame | None = None,
    facts: pd.DataFrame | None = None,
    rows: np.ndarray | None = None,
    panel_overlap: Mapping[str, object] | None = None,
) -> None:
    """Items; tables that are left out are empty."""
    folder.mkdir(parents=True, exist_ok=True)
    empty = {"id": pd.Series(dtype=str), "date": pd.Series(dtype="datetime64[s]"), "n_bytes": pd.Series(dtype=int)}
    if documents is None:
        documents = pd.DataFrame({**empty, "text": pd.Series(dtype=str), "overlap": pd.Series(dtype=float)})
    if facts is None:
        facts = pd.DataFrame({**empty, "prompt": empty["id"], "answer": empty["id"], "wrong": pd.Series(dtype=object)})
    rows = np.arange(0) if rows is None else rows
    asked = [(row, variant) for row in rows for variant in VARIANTS]
    questions = pd.DataFrame(asked, columns=["row", "variant"]).astype({"row": "int64"})
    documents.to_parquet(folder / "documents.parquet")
    facts.to_parquet(folder / "facts.parquet")
    questions.assign(prompt="?", up="yes", down="no").to_parquet(folder / "questions.parquet")
    (folder / "panel_overlap.json").write_text(json.dumps(panel_overlap or {}))
    (folder / "ledger.json").write_text("{}")


def write_answers(
    folder: Path,
    items: Path,
    bits: np.ndarray | None = None,
    margin: np.ndarray | None = None,
    p_up: object = 0.5,
    window_tokens: int = 256,
) -> None:
    """A model's answers, row for row with the items."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reading.json").write_text(json.dumps({"window_tokens": window_tokens, "n_leading_ids": 0}))
    documents, facts, questions = (
        pd.read_parquet(items / f"{name}.parquet") for name in ("documents", "facts", "questions")
    )
    own = documents[["id", "date", "n_bytes"]].assign(n_tokens=documents["n_bytes"] // 4)
    own.assign(bits=2.0 * own["n_bytes"] if bits is None else bits).to_parquet(folder / "documents.parquet")
    known = facts[["id", "date"]].assign(n_tokens=9, margin=0.1 if margin is None else margin)
    known.to_parquet(folder / "facts.parquet")
    questions[["row", "variant"]].assign(p_up=p_up, mass=0.4).to_parquet(folder / "questions.parquet")


def made_documents(n: int = 240, seed: int = 0, overlap: float = np.nan) -> pd.DataFrame:
    """Documents of 2018 to 2022."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(17_532, 19_358, n)).astype("datetime64[D]")
    n_bytes = rng.integers(600, 4_000, n)
    return pd.DataFrame(
        {
            "id": [f"d{place:04d}" for place in range(n)],
            "date": days.astype("datetime64[s]"),
            "text": "text",
            "n_bytes": n_bytes,
            "overlap": np.full(n, overlap),
        }
    )


def made_facts(n: int = 120, n_wrong: int = 9, seed: int = 0) -> pd.DataFrame:
    """Items of 2019 to 2022, equally long on both sides of any day."""
    rng = np.random.default_rng(seed)
    days = np.linspace(17_897, 19_357, n).astype(int).astype("datetime64[D]")
    return pd.DataFrame(
        {
            "id": [f"f{place:04d}" for place in range(n)],
            "date": days.astype("datetime64[s]"),
            "prompt": "prompt",
            "answer": "answer",
            "wrong": [["w"] * n_wrong] * n,
            "n_bytes": rng.permutation(np.resize(np.arange(60, 90), n)),
        }
    )


def write_run(folder: Path) -> dict[str, Path]:
    """All inputs but scores; `trained` needs a fifth of a bit more than `base` per byte after its cutoff."""
    documents, facts = made_documents(overlap=0.0), made_facts()
    documents.loc[:79, "overlap"] = 0.6
    panel = write_panel(folder / "panel")
    write_items(folder / "items", documents, facts, rows=np.arange(0, 1_440, 3), panel_overlap={"share": 0.25})
    own = np.random.default_rng(0).normal(2, 0.2, len(documents))
    after = (documents["date"] > str(CUTOFF)).to_numpy()
    up = np.repeat(panel["target"].to_numpy()[::3] > 0, 5)
    rng = np.random.default_rng(1)
    noise = 0.02 * rng.normal(size=len(documents))
    # Right on four rows of five, and not equally certain.
    p_up = 0.5 + rng.uniform(0.02, 0.2, len(up)) * np.where(up == (rng.random(len(up)) < 0.8), 1, -1)
    for name, rate in {"base": own, "trained": own + 0.2 * after + noise}.items():
        write_answers(folder / name, folder / "items", bits=rate * documents["n_bytes"], p_up=p_up)
    return {name: folder / name for name in ("items", "panel", "base", "trained")}


def write_predictions(folder: Path, panel: Path) -> None:
    """Scores of which only the predictions by row are read: base predicts three tenths of the target."""
    folder.mkdir()
    target = pd.read_parquet(panel / "rows.parquet")["target"]
    one = pd.DataFrame({"row": np.arange(len(target)), "fit": "unscaled", "target": target})
    both = [one.assign(model="base", disjoint=0.3 * target), one.assign(model="trained", disjoint=0.0)]
    pd.concat(both).to_parquet(folder / "predictions.parquet")
