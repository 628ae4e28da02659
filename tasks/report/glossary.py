"""Words of the page with their meanings: beside them on hover, and as a list at the end, for paper has no hover."""

import re

from markupsafe import Markup, escape

WORDS = {
    "R2": "Fraction of the variance of the target (returns, as a rule) that a forecast explains, on rows the "
    "fit has not seen: 0 is no better than the mean, below 0 worse, 0.01 is one percent.",
    "leakage": "Use of knowledge that could not be had at the date of a forecast, by the model or by the way it "
    "is tested.",
    "lookahead": "R2 on unseen stocks and days of one model less that of another: what one knows more of these "
    "days. Knowledge of the future only where nothing else tells the two models apart.",
    "gain": "R2 on the days after the cut of one model less that of another.",
    "unseen stocks and days": "The strictest test (R2 disjoint): neither the stock nor the day of a scored "
    "row was in the fit.",
    "days after the cut": "The test of a forecaster (R2 off): fitted on days up to the cut, scored on later ones.",
    "shared-day effect": "What R2 gains where train and test rows share days: all stocks of a day have its "
    "shocks in common. It needs no knowledge of the future.",
    "sharing days": "Train and test rows on the same day: see shared-day effect.",
    "premium": "The reference's measure: R2 with shared days less R2 after the cut. It holds the shared-day "
    "effect, and falls again for a model that knows the days after the cut.",
    "reduction": "Premium of one model less premium of another.",
    "control": "Inputs whose knowledge of the future is known, scored like a model. What they earn as well is "
    "no evidence.",
    "one-hot date": "A control: a column per day, which tells days apart and knows nothing else.",
    "interval": "The range that holds the true figure in 95 of 100 such studies, if its assumptions hold. A "
    "figure is clear of zero if zero is outside.",
    "wide": "An interval that is likely wider than 95 of 100 needs: an undecided may be lack of power.",
    "draws": "Repetitions of the study on part of its stocks and days; their spread gives the interval.",
    "stock draws": "The reference's repetitions, of stocks alone. Days are not drawn, so that the interval is "
    "too narrow.",
    "unscaled": "The reference's fit: columns as they are. Its penalty depends on the size of a model's states.",
    "standardized": "The second fit: each column divided by its standard deviation, its penalty chosen on days "
    "up to the cut.",
    "heavy tails": "A few days or rows carry most of the variance, so that they decide the figure.",
    "the cut": "Last day of the chronological train side; later days are the test.",
    "cutoff": "Day up to which a model or a corpus is said to know the world.",
    "purged": "Train rows whose target uses prices of the test days are left out.",
    "blind": "A fit that predicts nothing but the mean: its figures do not vary, whatever a model knows.",
    "bits per byte": "Bits that a model needs to predict a byte of a text. Text that it knows takes fewer.",
    "AUC": "Probability that a row that rose gets the larger probability of a rise than a row that fell: 0.5 is "
    "chance, 1 is always right.",
    "tent": "The course of the premium over the cutoffs that lookahead makes: it rises up to the cut and falls behind "
    "it.",
    "digest": "A number computed from a file's bytes: another byte anywhere gives another digest.",
}
"""By word as the page writes it; longer words are found first."""
_PATTERN = re.compile(
    r"(?<![\w-])(" + "|".join(map(re.escape, sorted(WORDS, key=len, reverse=True))) + r")(?![\w-])", re.IGNORECASE
)
_KEY = {word.lower(): word for word in WORDS}


def anchor_of(word: str) -> str:
    """Id of a word's entry in the list."""
    return "word-" + re.sub(r"[^a-z0-9]+", "-", word.lower())


def explained(text: str) -> Markup:
    """A sentence, escaped, in which each word of the list, where it first occurs, links to its entry.

    Examples:
        >>> print(explained("No <b>lookahead</b>"))  # doctest: +ELLIPSIS
        No &lt;b&gt;<a class="term" href="#word-lookahead" title="R2 on unseen ...">lookahead</a>&lt;/b&gt;
    """
    seen: set[str] = set()

    def link(found: re.Match[str]) -> str:
        word = _KEY[found[0].lower()]
        if word in seen:
            return str(escape(found[0]))
        seen.add(word)
        return f'<a class="term" href="#{anchor_of(word)}" title="{escape(WORDS[word])}">{escape(found[0])}</a>'

    pieces, end = [], 0
    for found in _PATTERN.finditer(text):
        pieces += [str(escape(text[end : found.start()])), link(found)]
        end = found.end()
    return Markup("".join([*pieces, str(escape(text[end:]))]))  # noqa: S704
