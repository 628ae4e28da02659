"""The page of a line: a template, and what its sections show."""

from pathlib import Path

from tasks.common.text import counted
from tasks.report.config import ReportConfig
from tasks.report.line import figures, tables
from tasks.report.page import template
from tasks.schemas.live import SCORES, LinePage
from tasks.schemas.results import RESULTS_NAME

PAGE_NAME = "versions.html"
WORDS = {
    "look": "One comparison of a candidate with the version in production, on the newest hold-out.",
    "evidence": "Capital of bets that cannot grow on average if the candidate is no better; of the watch, if the "
    "previous version is no better. It reaches 20 by chance in at most one of 20 cases.",
    "level": "Chance of a false promotion that a look may spend. All looks together may spend the stated rate, and "
    "more after each promotion.",
    "smallest detectable": "Difference that a look at as many days promotes in 80 of 100 cases. A smaller gain is "
    "mostly kept out, which is the price of few false promotions.",
    "interval": "Where the difference lies; either end is wrong with a probability of at most the look's level.",
    "margin": "The interval must lie above it.",
}


def write_line(page: LinePage, folder: Path) -> Path:
    """Write a line's page, and beside it `results.json` with everything on it.

    Args:
        page: Versions, moves, looks and watches.
        folder: Made if it does not exist.

    Returns:
        The page's file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / PAGE_NAME
    file.write_text(render(page), encoding="utf-8")
    (folder / RESULTS_NAME).write_text(page.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return file


def render(page: LinePage) -> str:
    """HTML that loads nothing from elsewhere."""
    watched = page.watches[-1] if page.watches else None
    current = [own for own in page.watches if watched and (own.current, own.since) == (watched.current, watched.since)]
    return template("line.html").render(
        config=ReportConfig(title=f"Versions of {page.line}"),
        page=page,
        findings=findings(page),
        timeline=tables.timeline(page),
        versions=tables.versions(page),
        looks=tables.looks(page),
        look_columns=tables.LOOK_COLUMNS,
        scores=SCORES,
        differences=figures.differences(page.looks),
        swaps=tables.swaps(page),
        watched=watched,
        watch_figure=figures.watch(current),
        costs=tables.costs(page),
        policies=tables.policies(page),
        policies_figure=figures.policies(page),
        glossary=WORDS,
    )


def findings(page: LinePage) -> list[str]:
    """Sentences: what is in production, what the newest look decided, and how the newest swap stands."""
    n_promoted = sum(own.gate.verdict == "promote" for own in page.looks)
    found = [
        f"{page.production or 'No version'} is in production, {counted(len(page.versions), 'version')}, "
        f"{counted(len(page.looks), 'look')}, {n_promoted} promoted."
    ]
    if page.looks:
        newest = page.looks[-1]
        found.append(f"Newest look, {newest.candidate} beside {newest.production}: {newest.gate.sentence}")
    if page.watches:
        found.append(page.watches[-1].sentence)
    return found
