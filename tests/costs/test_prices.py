"""The price list: its values, what is refused, and that it names the same machines as the pools."""

import json
from pathlib import Path

import pytest

from tasks.common.settings import project_root
from tasks.costs.hardware import GPUS, POOLS, find_gpu
from tasks.costs.prices import BadPrices, Price, dollars, load_prices


def test_every_pool_has_a_price_and_a_job_template_that_names_it() -> None:
    templates = {
        file.stem: json.loads(file.read_text()) for file in (project_root() / "deployments/pools").glob("*.json")
    }
    assert set(templates) == set(POOLS) == {price.pool for price in load_prices().prices}
    for name, template in templates.items():
        env = template["base_job_template"]["variables"]["properties"]["env"]["default"]
        assert env["HINDSIGHT_POOL"] == name


@pytest.mark.parametrize(("pool", "per_hour"), [("h100", 2.39), ("h100x8", 19.12), ("cpu", 0)])
def test_the_references_prices_come_out_per_hour(pool: str, per_hour: float) -> None:
    assert dollars(3_600, pool) == pytest.approx(per_hour)
    assert dollars(1_800, pool) == pytest.approx(per_hour / 2)


def test_the_references_full_weight_training_comes_to_its_bill() -> None:
    # 18 h 36 min at $19.12; the $386 billed include merge, embedding and waiting.
    assert dollars(18.6 * 3_600, "h100x8") == pytest.approx(355.6, abs=0.1)


def test_every_provider_of_the_list_has_a_price_for_every_pool() -> None:
    prices = load_prices().prices
    for provider in {price.provider for price in prices}:
        assert sorted(price.pool for price in prices if price.provider == provider) == sorted(POOLS)


def test_without_a_price_there_are_no_dollars(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dollars(3_600, "b200") is None
    monkeypatch.setenv("HINDSIGHT_PROVIDER", "another")
    assert dollars(3_600, "h100") is None


def test_every_price_is_dated_and_sourced() -> None:
    for price in load_prices().prices:
        assert price.as_of.year >= 2026
        assert len(price.source) > 10


LINE = "{pool: h100, provider: a, dollars_per_gpu_hour: 2, as_of: 2026-05-01, source: a write-up of May}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"provider: a\nprices: [{LINE}]\nfoo: 1", "foo is an unknown key; see configs/prices.yaml"),
        (f"provider: a\nprices: [{LINE.replace('as_of', 'on')}]", r"prices\.0\.as_of is missing"),
        (
            f"provider: a\nprices: [{LINE.replace(': 2,', ': -2,')}]",
            r"dollars_per_gpu_hour = -2: input should be greater",
        ),
        (
            f"provider: a\nprices: [{LINE.replace('a write-up of May', 'me')}]",
            r"prices\.0\.source = 'me': string should have at",
        ),
        (f"provider: a\nprices: [{LINE}, {LINE}]", "pool 'h100' has two prices of provider 'a'; keep the newer"),
        (
            f"provider: a\nprices: [{LINE.replace('h100', 'h1000')}]",
            "pool 'h1000' is unknown; pools are cpu, h100, h100x8",
        ),
        ("- a", "holds a list, not a mapping"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_bad_price_list_is_refused_in_a_message(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(BadPrices, match=message):
        load_prices(file)


def test_a_missing_price_list_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadPrices, match=r"none\.yaml cannot be read: No such file"):
        load_prices(tmp_path / "none.yaml")


def test_prices_are_frozen() -> None:
    price = load_prices().prices[0]
    assert isinstance(price, Price)
    with pytest.raises(ValueError, match="frozen"):
        price.dollars_per_gpu_hour = 0


def test_gpus_are_found_by_the_name_torch_gives_them() -> None:
    assert {find_gpu(gpu.name) for gpu in GPUS} == set(GPUS)
    assert find_gpu(None) is None
