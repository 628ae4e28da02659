"""From items, answers, panel and predictions to `recall.json`."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pydantic import JsonValue

from tasks.common.progress import Progress
from tasks.probe.recall.concentration import concentrations
from tasks.probe.recall.config import RecallConfig
from tasks.probe.recall.contamination import contamination
from tasks.probe.recall.curves import Documents, choose_period, curve_of
from tasks.probe.recall.facts import fact_scores
from tasks.probe.recall.questions import ASKED, variant_scores
from tasks.probe.recall.read import Read
from tasks.schemas.predictions import RowPredictions
from tasks.schemas.recall import ModelRecall, PairRecall, Period, Recall
from tasks.schemas.scores import pair_of
