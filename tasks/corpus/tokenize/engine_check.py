"""Chooses the engine: tiktoken only if it gives transformers' ids on texts made to show differences."""

import logging
import random
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tasks.corpus.tokenize.engine import EngineSpec, TiktokenEngine
from tasks.corpus.tokenize.vocabulary import Unsuited, vocabulary_of, write_ranks

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

MIN_TIKTOKEN_BUDGET = 2_000_000
"""Below this budget, making the faster engine takes longer than it saves."""
N_FUZZED = 600
FORMS: tuple[Literal["NFC"], Literal["NFD"], Literal["NFKD"]] = ("NFC", "NFD", "NFKD")

ALPHABETS = (
    "the of and Markets it's WE'LL isn't I'M you've ſ'ſ O'Reilly naïve café Ångström İstanbul straße",  # noqa: RUF001
    "Ελληνικά ΐ ΰ Москва ёлка Ѐ й עִבְרִית العَرَبِيَّة हिन्दी क़ த மிழ் ไทย ພາສາລາວ မြန်မာ ខ្មែរ ქართული",
    "日本語 ｶﾞ が 한국어 각 漢字 﨑 豈 Ⅷ ½ ① ％ Ａｂ ﬁ ﷺ 👩‍👩‍👧 🇯🇵 ❤️ é ạ̈ ḍ̇ ȩ́ q̣̇ ᾷ",  # noqa: RUF001
    "0 12 1999 2,017.50 ٣٤ १२ $1.5bn <tag/> http://x.y/?a=b&c=#d e-mail@host.org ... --- ''' \"“”’‘ «» № § ™",  # noqa: RUF001
)
SPACE_RUNS = " | | |  |   |\t|\n|\n\n|\r\n| \n|\n  |\u00a0| \u00a0|\u3000|\u2009 |\v|\f|\u0085|\u2028|||\u200b|\ufeff"
SPACES = SPACE_RUNS.split("|")


def fuzzed_texts(seed: int, n_texts: int, specials: Sequence[str] = ()) -> list[str]:
    """Texts of mixed scripts, runs of spaces, special tokens and decomposed characters.

    Args:
        seed: Of the random generator.
        n_texts: Number of texts.
        specials: Special tokens; the first four are mixed in.
    """
    rng = random.Random(seed)  # noqa: S311
    words = [word for alphabet in ALPHABETS for word in alphabet.split(" ")] + [*specials][:4]
    texts = []
    for number in range(n_texts):
        chosen = [rng.choice(words) + rng.choice(SPACES) for _ in range(rng.randint(0, 40))]
        chosen += [chr(rng.choice((rng.randrange(0x3000), rng.randrange(0xD800)))) for _ in range(number % 3)]
        rng.shuffle(chosen)
        text = "".join(chosen)
        texts.append((text, *(unicodedata.normalize(form, text) for form in FORMS))[number % (1 + len(FORMS))])
    return texts


def first_difference(engine: TiktokenEngine, tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]) -> str | None:
    """The first text for which the engine gives ids, and other ids than the tokenizer; None if there is none."""
    expected = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    for text, ids, own in zip(texts, expected, engine.encode(texts, len(texts)), strict=True):
        if own is not None and own.tolist() != ids:
            return text
    return None


def choose_engine(
    tokenizer: "PreTrainedTokenizerBase",
    digest: str,
    setting: str,
    token_budget: int,
    scratch_dir: Path,
    prepare: Callable[[EngineSpec], None] = lambda spec: None,
) -> EngineSpec:
    """Choose the engine of the workers.

    Args:
        tokenizer: Defines the ids.
        digest: Its digest.
        setting: `auto` or `transformers`.
        token_budget: Tokens to draw.
        scratch_dir: The vocabulary is written here for other processes.
        prepare: Called with the faster engine before it is checked, so that workers can make it in the meantime.
    """
    transformers = EngineSpec("transformers", digest)
    if setting == "transformers" or token_budget < MIN_TIKTOKEN_BUDGET:
        return transformers
    try:
        vocabulary = vocabulary_of(tokenizer)
    except Unsuited as reason:
        log.info("corpus: engine transformers, because tiktoken cannot replace this tokenizer: %s", reason)
        return transformers
    ranks = scratch_dir / "vocabulary.tiktoken"
    write_ranks(vocabulary.ranks, ranks)
    spec = EngineSpec("tiktoken", digest, ranks, vocabulary.pattern, vocabulary.specials)
    prepare(spec)
    engine = TiktokenEngine(vocabulary.ranks, vocabulary.pattern, vocabulary.specials)
    specials = [text for text, _ in vocabulary.specials]
    if (text := first_difference(engine, tokenizer, fuzzed_texts(0, N_FUZZED, specials))) is not None:
        log.warning("corpus: engine transformers, because tiktoken gives other ids of %r", text[:200])
        ranks.unlink()
        return transformers
    return spec
