"""Canary names: coined on a known day, so that an older document with one has a doubtful date."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Canary:
    """A name in its exact spelling and case."""

    phrase: str
    known_on: date
    """First day it was public in this meaning."""
    source: str
    """Who made it public, or where that is documented."""


CANARIES = (
    Canary("Sputnik 1", date(1957, 10, 4), "launch, TASS of 5 October 1957"),
    Canary("Cuban Missile Crisis", date(1962, 10, 22), "Kennedy's address"),
    Canary("Watergate scandal", date(1972, 6, 17), "arrests at the Watergate offices"),
    Canary("Chernobyl disaster", date(1986, 4, 26), "the accident; announced by TASS on 28 April"),
    Canary("World Wide Web", date(1990, 11, 12), "Berners-Lee and Cailliau, proposal at CERN"),
    Canary("September 11 attacks", date(2001, 9, 11), "the attacks"),
    Canary("Bitcoin", date(2008, 10, 31), "Nakamoto's paper, cryptography mailing list"),
    Canary("Fukushima Daiichi nuclear disaster", date(2011, 3, 11), "the accident"),
    Canary("Brexit", date(2012, 5, 15), "Wilding on BlogActiv, as the Oxford English Dictionary has it"),
    Canary("Boston Marathon bombing", date(2013, 4, 15), "the attack"),
    Canary("Charlie Hebdo shooting", date(2015, 1, 7), "the attack"),
    Canary("AlphaGo", date(2016, 1, 27), "Silver et al., Nature 529"),
    Canary("Panama Papers", date(2016, 4, 3), "publication by the ICIJ"),
    Canary("Tax Cuts and Jobs Act", date(2017, 11, 2), "H.R. 1, 115th Congress"),
    Canary("Oumuamua", date(2017, 11, 6), "Minor Planet Center, MPEC 2017-V17"),
    Canary("AlphaZero", date(2017, 12, 5), "Silver et al., arXiv 1712.01815"),
    Canary("Meltdown and Spectre", date(2018, 1, 3), "Google Project Zero"),
    Canary("Cambridge Analytica scandal", date(2018, 3, 17), "The Observer and The New York Times"),
    Canary(
        "United States-Mexico-Canada Agreement", date(2018, 9, 30), "joint statement of USTR and Global Affairs Canada"
    ),
    Canary("AlphaFold", date(2018, 12, 2), "DeepMind, CASP13"),
    Canary("Cybertruck", date(2019, 11, 6), "Tesla's trademark application"),
    Canary("COVID-19", date(2020, 2, 11), "World Health Organization"),
    Canary("SARS-CoV-2", date(2020, 2, 11), "International Committee on Taxonomy of Viruses"),
    Canary("GPT-3", date(2020, 5, 28), "Brown et al., arXiv 2005.14165"),
    Canary("DALL-E", date(2021, 1, 5), "OpenAI"),
    Canary("January 6 Committee", date(2021, 6, 30), "H.Res. 503, 117th Congress"),
    Canary("Omicron variant", date(2021, 11, 26), "World Health Organization"),
    Canary("Log4Shell", date(2021, 12, 9), "disclosure of CVE-2021-44228"),
    Canary("Inflation Reduction Act of 2022", date(2022, 7, 27), "Manchin and Schumer"),
    Canary("ChatGPT", date(2022, 11, 30), "OpenAI"),
    Canary("Apple Vision Pro", date(2023, 6, 5), "Apple"),
)
"""Coined names and events in the order of their days. The scan ignores those known at the cutoff."""
