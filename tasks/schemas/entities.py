"""What a panel's entities are called in sentences and questions."""

from typing import Literal

from pydantic import Field

from tasks.common.settings import Config

CURRENCIES = {
    "EUR": ("euro", "euros"),
    "GBP": ("British pound", "British pounds"),
    "AUD": ("Australian dollar", "Australian dollars"),
    "NZD": ("New Zealand dollar", "New Zealand dollars"),
    "USD": ("US dollar", "US dollars"),
    "CAD": ("Canadian dollar", "Canadian dollars"),
    "CHF": ("Swiss franc", "Swiss francs"),
    "NOK": ("Norwegian krone", "Norwegian kroner"),
    "SEK": ("Swedish krona", "Swedish kronor"),
    "JPY": ("Japanese yen", "Japanese yen"),
    "CZK": ("Czech koruna", "Czech korunas"),
    "HUF": ("Hungarian forint", "Hungarian forints"),
    "PLN": ("Polish zloty", "Polish zlotys"),
    "SGD": ("Singapore dollar", "Singapore dollars"),
    "HKD": ("Hong Kong dollar", "Hong Kong dollars"),
    "ZAR": ("South African rand", "South African rand"),
}
"""Singular and plural names as texts use them."""

COMPANIES = {
    "AAPL": "Apple",
    "AMD": "Advanced Micro Devices",
    "BAC": "Bank of America",
    "BBY": "Best Buy",
    "CVX": "Chevron",
    "GE": "General Electric",
    "HD": "Home Depot",
    "JNJ": "Johnson & Johnson",
    "JPM": "JPMorgan Chase",
    "KO": "Coca-Cola",
    "LLY": "Eli Lilly",
    "MRK": "Merck",
    "MSFT": "Microsoft",
    "PEP": "PepsiCo",
    "PFE": "Pfizer",
    "PG": "Procter & Gamble",
    "RRC": "Range Resources",
    "UNH": "UnitedHealth",
    "WMT": "Walmart",
    "XOM": "ExxonMobil",
}
"""Company names as texts use them. A ticker alone is rare in prose."""


class Entities(Config):
    """How a panel's codes are named."""

    kind: Literal["code", "company", "currency_pair"] = "code"
    """`code`: the code alone. `company`: the company's name and the code. `currency_pair`: code and currencies."""
    before: str = Field("", max_length=120)
    """Text before the name, such as `London Stock Exchange stock`."""
    noun: str = Field("entity", min_length=1, max_length=80)
    """What each of them is, such as `stock`."""

    def name(self, code: object) -> str:
        """Name of an entity in sentences.

        >>> Entities(kind="currency_pair", before="currency pair").name("EURUSD")
        'currency pair EURUSD (US dollars per euro)'
        """
        text = f"{self.before} {self._name(str(code))}"
        return text.lstrip()

    def _name(self, code: str) -> str:
        match self.kind:
            case "company":
                return f"{COMPANIES[code]} ({code})"
            case "currency_pair":
                base, quote = code[:3], code[3:]
                return f"{code} ({CURRENCIES[quote][1]} per {CURRENCIES[base][0]})"
            case "code":
                return code
