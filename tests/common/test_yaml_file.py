"""Config files are YAML 1.2, and a key given twice is refused with both lines."""

from pathlib import Path

import pytest

from deployments.automations import BadAutomations, _entries
from tasks.common.errors import HindsightError
from tasks.common.yaml_file import load_yaml
from tasks.costs.prices import BadPrices, load_prices
from tasks.recipe import BadRecipe, load_recipe

TWICE = """name: x
panel: {n_stocks: 3}
corpus:
  cutoff: 1960-12-31
  seed: 1
  cutoff: 2020-01-01
panel: {n_stocks: 4}
"""


def file_of(folder: Path, text: str) -> Path:
    file = folder / "file.yaml"
    file.write_text(text)
    return file


def test_a_key_given_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe) as refused:
        load_recipe(file_of(tmp_path, TWICE))
    assert "panel is given twice, on lines 2 and 7" in str(refused.value)
    assert "corpus.cutoff is given twice, on lines 4 and 6" in str(refused.value)
    with pytest.raises(BadRecipe, match=r"a\[1\]\.b is given twice, on lines 1 and 1"):
        load_recipe(file_of(tmp_path, "a: [1, {b: 1, b: 2}]"))


def test_the_same_reader_reads_prices_and_automations(tmp_path: Path) -> None:
    with pytest.raises(BadPrices, match="provider is given twice, on lines 1 and 3"):
        load_prices(file_of(tmp_path, "provider: own\nprices: []\nprovider: vessl\n"))
    with pytest.raises(BadAutomations, match=r"automations\[0\]\.name is given twice, on lines 2 and 3"):
        _entries(file_of(tmp_path, "automations:\n- name: a\n  name: b\n"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("020", 20),
        ("1:20", "1:20"),
        ("no", "no"),
        ("On", "On"),
        ("1e-3", 0.001),
        ("0o20", 16),
        ("true", True),
        ("~", None),
    ],
)
def test_scalars_are_what_yaml_1_2_says(tmp_path: Path, text: str, value: object) -> None:
    assert load_yaml(file_of(tmp_path, f"a: {text}\n"), HindsightError, "file") == {"a": value}


def test_a_number_of_a_recipe_is_the_one_a_reader_sees(tmp_path: Path) -> None:
    assert load_recipe(file_of(tmp_path, "name: x\npanel: {n_stocks: 020}\n")).panel.n_stocks == 20
    with pytest.raises(BadRecipe, match="placebo = 'maybe': input should be a valid boolean"):
        load_recipe(file_of(tmp_path, "name: x\nplacebo: maybe\n"))


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.system [echo]", "a: 1\n---\nb: 2\n", "a: *nowhere", "\ta: 1", "a: \x00"]
)
def test_what_is_not_plain_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRecipe, match="is not YAML: "):
        load_recipe(file_of(tmp_path, text))


def test_an_alias_may_name_what_contains_it(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="corpus"):
        load_recipe(file_of(tmp_path, "name: x\ncorpus: &a\n  source: *a\n"))
