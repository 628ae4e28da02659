"""The trained ladder as audits for `hindsight run`; `python -m tests.premium.audited_ladder` trains and writes them.

A planted column is the output of no model. So each model's states are brought along as vectors with the column beside
them, and the panel as a table with the target that the columns carry.
"""

from pathlib import Path

import pandas as pd
import yaml

from tasks.common.settings import state_dir
from tasks.premium.rows import Rows
from tasks.schemas.artifacts import Panel
from tests.premium.trained_ladder import CUTOFFS, PANEL, TrainedLadder, trained_ladder

FAMILY = "addresses"
SEED = 0
TITLES = {
    0.2: "A ladder with a known answer: lookahead of r = 0.2 is planted",
    0.0: "A ladder with a known answer: nothing is planted",
}
"""By what is planted."""
FEATURE_NAMES = {"planted": "noise"}
"""The made prices' own column, which knows nothing here."""


def write_audit(trained: TrainedLadder, r: float, folder: Path) -> Path:
    """Write the panel's table, a file of vectors per model, and the recipe that names them.

    Args:
        trained: The models' states.
        r: R2 planted beside them.
        folder: Where the files go, an absolute path.

    Returns:
        The recipe.
    """
    name, rows = f"ladder-{r:g}", trained.planted(r, SEED)
    files = folder / name
    files.mkdir(parents=True, exist_ok=True)
    recipe = {
        "pipeline": "leakage-audit",
        "name": name,
        "models": [_model(rows, model, files) for model in CUTOFFS],
        "panel": {
            "source": _table(trained, rows, folder / "panel.parquet"),
            "n_stocks": PANEL.n_stocks,
            "dates_per_stock": PANEL.dates_per_stock,
        },
        "report": {"title": TITLES[r]},
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    return folder / f"{name}.yaml"


def _model(rows: Rows, name: str, files: Path) -> dict[str, object]:
    file = files / f"{name}.parquet"
    rows.labels[["code", "date"]].assign(vector=list(rows.states[name])).to_parquet(file, index=False)
    return {"name": name, "cutoff": CUTOFFS[name], "family": FAMILY, "vectors": {"file": str(file)}}


def _table(trained: TrainedLadder, rows: Rows, file: Path) -> dict[str, object]:
    """Labels and features of the trained ladder's panel, and the seed's target, which does not depend on r."""
    features = [FEATURE_NAMES.get(name, name) for name in Panel.features_among(map(str, trained.table))]
    table = rows.labels.join(pd.DataFrame(rows.numeric, columns=features)).assign(target=rows.target)
    table.to_parquet(file, index=False)
    return {
        "kind": "table",
        "path": str(file),
        **{"entity": "code", "time": "date", "target": "target"},
        **{"label_from": "label_from", "label_until": "label_until"},
        # Targets of days that follow each other have a day in common.
        "overlapping_labels": "allow",
        "features": features,
    }


def main() -> None:
    """Train, write both audits, and say how to run them."""
    trained, folder = trained_ladder(), state_dir().absolute() / "trained-ladder"
    for r in TITLES:
        print(f"hindsight run {write_audit(trained, r, folder)}")


if __name__ == "__main__":
    main()
