"""The order in which a role's examples are trained on."""

from collections.abc import Iterator, Sequence

from tasks.mix.examples import Example


def interleaved(sources: Sequence[tuple[Sequence[Example], float]], seed: int) -> Iterator[Example]:
    """Interleave sources at random, with probabilities from their weights, so that each example comes once.

    datasets' strategy `all_exhausted_without_replacement` does that: a source that has no example left is passed over.
    `first_exhausted` would leave out the other sources' rest, and `all_exhausted` would repeat the smaller sources.
    Weights decide where examples lie, caps how many there are.

    Args:
        sources: Examples, at least one, and weight above 0.
        seed: Seed of the draws.
    """
    from datasets import Dataset, interleave_datasets

    if not sources:
        return
    total = sum(weight for _, weight in sources)
    # Their places alone: texts need not pass through Arrow.
    places = [
        Dataset.from_dict({"source": [number] * len(examples), "place": range(len(examples))})
        for number, (examples, _) in enumerate(sources)
    ]
    mixed = interleave_datasets(
        places,
        probabilities=[weight / total for _, weight in sources],
        seed=seed,
        stopping_strategy="all_exhausted_without_replacement",
    )
    for number, place in zip(mixed["source"], mixed["place"], strict=True):
        yield sources[number][0][place]
