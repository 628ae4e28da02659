"""Formulas that are not held out, as examples: definitions, and values computed from closes before the hold-out.

The texts are those of tasks/formulas/samples.py. A computed example shows its pair, days and closes whatever the mix
names elsewhere, for its answer follows from them; all of its days may be trained on.

    How is KMID (Alpha158) computed?

    The day's move from open to close over the open. Expression: `(close - open) / open`. Source: [...]
"""

import re
from datetime import date

import numpy as np
import pandas as pd

from tasks.formulas.catalogue import Catalogue
from tasks.formulas.panel import Panel, panel_from_rows
from tasks.formulas.samples import Sample, SamplesConfig, make_samples
from tasks.mix.config import FormulasSource, MixConfig
from tasks.mix.examples import Candidate, Found, chat
from tasks.mix.panel_rows import PanelRows

DAY = re.compile(r"\d{4}-\d\d-\d\d")


def read_formulas(source: FormulasSource, catalogue: Catalogue, rows: PanelRows, config: MixConfig) -> Found:
    """Make the samples of every formula that is not held out.

    Args:
        source: Sizes.
        catalogue: The formulas.
        rows: The panel; without log_close, nothing is computed.
        config: Seed and held-out share.
    """
    samples = SamplesConfig(
        seed=config.seed,
        held_out=config.held_out_formulas,
        n_computed=source.n_computed,
        max_numbers=source.max_numbers,
    )
    found = Found()
    for number, sample in enumerate(make_samples(catalogue, samples, _closes(rows)).samples):
        if sample.split == "train":
            family = catalogue.formulas[sample.formula].family
            key = f"{sample.formula}-{sample.kind}-{number}"
            found.add(
                Candidate(chat(source.name, key, family, sample.question, sample.answer, config, _last_day(sample)))
            )
    return found


def _closes(rows: PanelRows) -> Panel | None:
    """Closes of the rows that may be trained on."""
    if "log_close" not in rows.table:
        return None
    own = rows.table[rows.is_train]
    return panel_from_rows(
        pd.DataFrame({"entity": own["code"], "date": own["date"], "close": np.exp(own["log_close"])})
    )


def _last_day(sample: Sample) -> date | None:
    return date.fromisoformat(max(DAY.findall(sample.question))) if sample.kind == "computed" else None
