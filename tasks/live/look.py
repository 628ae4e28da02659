"""From the forecasts of two versions to a look at a candidate, or at a swap."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import JsonValue

from tasks.live.gate import judge
from tasks.live.look_config import LookConfig, SwapConfig
from tasks.live.paired import paired_days
from tasks.live.watch import start_watch
from tasks.schemas.artifacts import Panel
from tasks.schemas.examples import Forecasts
from tasks.schemas.live import LOOK_FILE, SWAP_FILE, GateFinding, LiveLook, UpdateCost


def forecast_rows(panel: Panel, forecasts: Forecasts) -> pd.DataFrame:
    """A version's forecasts with their outcomes, as gate and watch read them, of the rows that were asked about."""
    rows, probability = panel.rows(), forecasts.directions()
    asked = np.isfinite(probability)
    table = rows.loc[asked, ["code", "date", "label_until"]].assign(
        probability=probability[asked], outcome=rows.loc[asked, "target"].to_numpy()
    )
    numbered: pd.DataFrame = table.reset_index(drop=True)
    return numbered


def write_look(
    config: LookConfig,
    panel: Panel,
    candidate: Forecasts,
    production: Forecasts,
    earlier: Sequence[GateFinding],
    cost: UpdateCost,
    folder: Path,
) -> dict[str, JsonValue]:
    """Judge a candidate and write the look.

    Args:
        config: The gate, and whose look it is.
        panel: Rows whose targets are the outcomes.
        candidate: Its forecasts.
        production: Those of the version in production.
        earlier: All earlier looks of the line, in order.
        cost: What the update took so far.
        folder: Where the look goes.

    Returns:
        Facts: the finding, from which later looks count what was spent.

    Raises:
        LiveError: If the two did not forecast the same rows, or too few days.
    """
    days = paired_days(forecast_rows(panel, candidate), forecast_rows(panel, production))
    found = judge(days, earlier, config.gate)
    look = LiveLook(
        line=config.line,
        at=config.at,
        candidate=config.candidate,
        production=config.production,
        n_new_outcomes=config.n_new_outcomes,
        gate=found,
        cost=cost,
    )
    (folder / LOOK_FILE).write_text(look.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return {"finding": found.model_dump(mode="json"), "candidate": config.candidate, "production": config.production}


def write_swap(
    config: SwapConfig, panel: Panel, current: Forecasts, previous: Forecasts, folder: Path
) -> dict[str, JsonValue]:
    """Test a swap on the outcomes since then, and write how it stands.

    All days are counted anew, since outcomes may have come late or been corrected.

    Args:
        config: The test, and whose swap it is.
        panel: Rows whose targets are the outcomes.
        current: Forecasts of the version in production.
        previous: Those of the version it replaced.
        folder: Where the record goes.

    Raises:
        LiveError: If the two did not forecast the same rows.
    """
    days = paired_days(forecast_rows(panel, previous), forecast_rows(panel, current))
    live = days.where(days.days >= np.datetime64(config.since))
    state = start_watch(config.current, config.previous, config.since, config.watch).after(live)
    record = state.record(config.line, config.at, live)
    (folder / SWAP_FILE).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return {"verdict": record.verdict, "evidence": record.evidence, "n_days": record.n_days, "n_rows": record.n_rows}
