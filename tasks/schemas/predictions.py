"""The premium stage's out-of-fold predictions by row, for studies of which rows carry a figure."""

from typing import TYPE_CHECKING

from tasks.schemas.artifacts import Folder

if TYPE_CHECKING:
    import pandas as pd


class RowPredictions(Folder):
    """`premium`: `predictions.parquet`, one row per model, co-primary fit and panel row that has figures.

    Columns, models in the order of the scores, then fits, then panel rows:

    - row: int64, row number in the panel. Rows that no vintage serves are absent (`PremiumScores.vintages`).
    - model, fit: str, `unscaled` or `standardized`.
    - fold: int64, the fold of stocks that tests the row in `disjoint`; -1 where none does, as of a pair of currencies
      whose legs are in two folds.
    - target: float64.
    - disjoint: float64, prediction of the stock- and date-disjoint fit that tests the row; NaN where none does.
    - off: float64, prediction of the fit on the days up to the cut; NaN for those days.

    R2 disjoint of `scores.json` is the mean over folds of 1 - SSE / SST about the fold's own mean target; R2 off is the
    same over the rows that have a prediction.
    """

    COLUMNS = ("row", "model", "fit", "fold", "target", "disjoint", "off")

    def table(self) -> "pd.DataFrame | None":
        """All predictions; None where the recipe has no robust figures, or in artifacts of REVISION 6 and before."""
        import pandas as pd

        file = self.path / "predictions.parquet"
        return pd.read_parquet(file) if file.exists() else None
