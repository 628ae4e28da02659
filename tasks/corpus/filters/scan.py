"""Signs that a document is younger than its date: years and names that became known after the cutoff.

They are only reported, never a reason to drop: a text of 2017 may mention the Olympic games of 2020.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from pydantic import JsonValue

from tasks.corpus.filters.canaries import CANARIES, Canary
from tasks.corpus.filters.cutoff import Cutoff

LAST_YEAR = 2099
N_EXAMPLES = 3
YEARS = "later years"


class Scan:
    """Finds and counts mentions in the documents of one corpus.

    Args:
        cutoff: Searched are years after its year and names coined after its day, for both sides.
        canaries: Names with the day each became known.
    """

    def __init__(self, cutoff: Cutoff, canaries: Sequence[Canary] = CANARIES) -> None:
        self.cutoff = cutoff
        self.canaries = {canary.phrase: canary for canary in canaries if not cutoff.admits(canary.known_on)}
        self._years = _years_after(cutoff.day)
        self._names = [(phrase, re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)")) for phrase in self.canaries]
        self.n_documents = 0
        self.mentions: Counter[str] = Counter()
        """By year, or by name."""
        self.n_with: Counter[str] = Counter()
        """Documents by name, and documents with any later year."""
        self.examples: dict[str, list[str]] = {}

    def find(self, text: str) -> list[str]:
        """Later years and names in a text, one entry per mention."""
        found = self._years.findall(text) if self._years else []
        for phrase, pattern in self._names:
            # Searching a constant takes a tenth of the time of a pattern, and most texts have no match.
            if phrase in text:
                found += pattern.findall(text)
        return found

    def count(self, document_id: str, found: Iterable[str]) -> None:
        """Count the result of `find`, possibly from another process, for a sampled document."""
        self.n_documents += 1
        if not (mentions := Counter(found)):
            return
        self.mentions.update(mentions)
        for what in sorted({what if what in self.canaries else YEARS for what in mentions}):
            self.n_with[what] += 1
            self._keep_examples(what, [document_id])

    def add(self, other: "Scan") -> None:
        """Add the counts of another scan of the same cutoff, and its examples after the own ones."""
        self.n_documents += other.n_documents
        self.mentions += other.mentions
        self.n_with += other.n_with
        for what, ids in other.examples.items():
            self._keep_examples(what, ids)

    def facts(self) -> dict[str, JsonValue]:
        """All counts as JSON; `restore` reads them back."""
        found: dict[str, JsonValue] = {
            phrase: {
                "known_on": str(canary.known_on),
                "source": canary.source,
                "n_mentions": self.mentions[phrase],
                "n_documents": self.n_with[phrase],
                "examples": [*self.examples[phrase]],
            }
            for phrase, canary in self.canaries.items()
            if self.mentions[phrase]
        }
        years = {what: n for what, n in sorted(self.mentions.items()) if what not in self.canaries}
        return {
            "n_documents": self.n_documents,
            "later_years": {
                "n_documents": self.n_with[YEARS],
                "n_mentions": dict(years),
                "examples": [*self.examples.get(YEARS, [])],
            },
            "canaries": {"looked_for": [*self.canaries], "found": found},
        }

    def restore(self, facts: dict[str, Any]) -> None:
        """Continue from saved facts, as on a resume."""
        years, found = facts["later_years"], facts["canaries"]["found"]
        self.n_documents = facts["n_documents"]
        self.mentions = Counter(years["n_mentions"]) + Counter({name: of["n_mentions"] for name, of in found.items()})
        self.n_with = +Counter({YEARS: years["n_documents"]} | {name: of["n_documents"] for name, of in found.items()})
        examples = {YEARS: years["examples"]} | {name: of["examples"] for name, of in found.items()}
        self.examples = {what: [*ids] for what, ids in examples.items() if ids}

    def _keep_examples(self, what: str, ids: Iterable[str]) -> None:
        kept = self.examples.setdefault(what, [])
        kept += [*ids][: N_EXAMPLES - len(kept)]


def _years_after(day: date) -> re.Pattern[str] | None:
    """Pattern of later years as words: not part of a longer number, sum or name; `2019-05-01` and `mid-2019` match.

    The look-behinds follow the digits, because a pattern that starts with a constant is found much faster.
    """
    years = "|".join(map(str, range(day.year + 1, LAST_YEAR + 1)))
    if not years:
        return None
    return re.compile(rf"(?:{years})(?<![\w$£€¥#]\d{{4}})(?<!\d[.,:]\d{{4}})(?![\w%])(?![.,:]\d)")
