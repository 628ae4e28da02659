"""The catalogue's files: complete, executable, and refused with a place where they are not."""

from pathlib import Path

import numpy as np
import pytest

from tasks.formulas.catalogue import Catalogue, load_catalogue
from tasks.formulas.coverage import coverage_rows
from tasks.formulas.errors import BadCatalogue, BadFormula, MissingColumn, NotExecutable, ReadsFuture, UnknownFormula
from tasks.formulas.evaluate import Shared, evaluate
from tasks.formulas.language import parse
from tasks.formulas.nodes import is_across
from tasks.formulas.operators.registry import FloatArray
from tasks.formulas.panel import Panel, panel_from_rows
from tests.formulas.prices import rows

ONE_BY_DEFINITION = {"alpha360.CLOSE0", "alpha360.VOLUME0"}


def test_every_formula_is_computed_or_says_why_not(catalogue: Catalogue, computed: dict[str, FloatArray]) -> None:
    for key, formula in catalogue.formulas.items():
        assert (key in computed) == (formula.status == "executable") == (not formula.entry.reason), key
        assert formula.source, key


def test_what_is_computed_is_finite_and_varies(computed: dict[str, FloatArray]) -> None:
    n_finite = {key: int(np.isfinite(values[-60:]).sum()) for key, values in computed.items()}
    assert [key for key, n in n_finite.items() if n < 20] == []
    spread = {key: np.ptp(values[np.isfinite(values)]) for key, values in computed.items()}
    assert {key for key, found in spread.items() if not found > 1e-9} == ONE_BY_DEFINITION


def test_alpha96_has_no_value_as_it_says(catalogue: Catalogue, panel: Panel) -> None:
    node = catalogue.find("ALPHA96").node
    assert node is not None
    ((_, values),) = evaluate({"ALPHA96": node}, panel)
    assert np.isnan(values).all()


def test_the_counts_are_those_of_the_sources(catalogue: Catalogue) -> None:
    rows_of = {
        row["family"]: (row["executable"], row["defined"], row["not public"]) for row in coverage_rows(catalogue)
    }
    assert rows_of["Alpha158"] == ("158", "0", "0")
    assert rows_of["Alpha360"] == ("360", "0", "0")
    assert rows_of["Alpha101"] == ("81", "20", "0")
    assert rows_of["all"] == ("673", "25", "194")


def test_a_shared_part_has_the_value_it_has_alone(catalogue: Catalogue, panel: Panel, computed: dict) -> None:
    for key in ("alpha158.SUMD30", "alpha101.ALPHA36", "volatility.BNS_JUMP60", "factor.MAD_WINSORIZATION"):
        ((_, alone),) = evaluate({key: catalogue.executable[key]}, panel)
        np.testing.assert_array_equal(alone, computed[key])


def test_a_shared_part_is_freed_after_its_last_use(catalogue: Catalogue, panel: Panel) -> None:
    formulas = catalogue.choose(["alpha158", "alpha101"])
    shared = Shared(formulas.values(), panel)
    n_kept = []
    for node in formulas.values():
        shared.value(node)
        n_kept.append(shared.n_kept)
    assert max(n_kept) > 20
    assert n_kept[-1] == 0


def test_a_value_handed_out_can_be_changed_without_harm(panel: Panel, catalogue: Catalogue) -> None:

    before = panel.columns["close"].copy()
    for _, values in evaluate({"a": parse("close"), "b": parse("Mean(close, 5)"), "c": parse("Mean(close, 5)")}, panel):
        values[:] = 0
    np.testing.assert_array_equal(panel.columns["close"], before)


def test_entities_do_not_see_each_other_unless_they_are_ranked(catalogue: Catalogue, computed: dict) -> None:

    table = rows()
    alone = panel_from_rows(table[table["entity"] == "05"])
    apart = {key: node for key, node in catalogue.executable.items() if not is_across(node)}
    assert len(apart) > 580
    for key, values in evaluate(apart, alone):
        np.testing.assert_array_equal(values[:, 0], computed[key][:, 5], err_msg=key)


def test_names_are_found_in_any_capitals_and_unknown_ones_answered(catalogue: Catalogue) -> None:
    assert catalogue.find("roc5").key == catalogue.find("alpha158.ROC5").key == "alpha158.ROC5"
    with pytest.raises(UnknownFormula, match=r"is in several families; name one of alpha158\.OPEN0, alpha360\.OPEN0"):
        catalogue.find("OPEN0")
    with pytest.raises(
        UnknownFormula, match=r"'PARKINSN20' is not in the catalogue; did you mean volatility\.PARKINSON20"
    ):
        catalogue.find("PARKINSN20")
    with pytest.raises(NotExecutable, match="ALPHA48 cannot be computed: Needs a point-in-time classification"):
        catalogue.choose(["ALPHA48"])
    assert len(catalogue.choose(["alpha158", "OMEGA60"])) == 159


def test_a_column_that_is_missing_is_named(catalogue: Catalogue) -> None:
    closes = panel_from_rows(rows()[["entity", "date", "close"]])
    with pytest.raises(
        MissingColumn, match=r"formula alpha158\.KMID reads open, and the panel has close, returns, log_returns; add"
    ):
        list(evaluate(catalogue.choose(["KMID"]), closes))


HEAD = "family: mine\ntitle: Mine\nsource: me\nentries:\n"


@pytest.mark.parametrize(
    ("entries", "refusal", "sentence"),
    [
        ('- {name: A, expression: "close", meaning: x}\n- {name: B, expression: "Ref(close, -1)", meaning: x}',
         ReadsFuture, "line 6: formula mine.B reads the future"),
        ('- name: "W{d}"\n  for: {d: [5, 0]}\n  expression: "Mean(close, {d})"\n  meaning: x',
         BadFormula, "line 5: formula mine.W0 has 0 for the window"),
        ('- {name: "W{d}", expression: "Mean(close, {d})", meaning: x}', BadCatalogue,
         "holds {d}, for which it has no values; add them under `for`"),
        ('- {name: A, expression: "close", meaning: x}\n- {name: A, expression: "open", meaning: x}',
         BadCatalogue, "line 6: formula mine.A is given twice"),
        ('- {name: A, meaning: x}', BadCatalogue, "A has neither an expression nor a reason"),
        ('- {name: a, expression: close, meaning: x}', BadCatalogue, "entries.0.name = 'a'"),
        ('- {name: A, expression: close, meaning: x, sourc: y}', BadCatalogue, "entries.0.sourc is an unknown key"),
        ('- {name: A, for: {d: [1]}, expression: close, meaning: x}', BadCatalogue, "which its name does not hold"),
    ],
)  # fmt: skip
def test_a_bad_catalogue_file_is_refused_with_its_place(
    tmp_path: Path, entries: str, refusal: type[Exception], sentence: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(HEAD + entries)
    with pytest.raises(refusal) as refused:
        load_catalogue([file])
    assert str(file) in str(refused.value)
    assert sentence in str(refused.value)


def test_a_catalogue_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCatalogue, match=r"mine\.yaml is not a file; the project's are in .*families"):
        load_catalogue([tmp_path / "mine.yaml"])


def test_a_family_without_a_source_and_one_given_twice_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(HEAD.replace("source: me", 'source: ""') + "- {name: A, expression: close, meaning: x}")
    with pytest.raises(BadCatalogue, match="A has no source, and neither has the family"):
        load_catalogue([file])
    file.write_text(HEAD + "- {name: A, expression: close, meaning: x}")
    with pytest.raises(BadCatalogue, match="family 'mine' is in another file"):
        load_catalogue([file, file])


def test_a_reason_keeps_a_formula_from_being_computed(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(HEAD + "- {name: A, expression: close, meaning: x, reason: why.}")
    assert load_catalogue([file]).executable == {}
