"""`hindsight formulas`."""

from pathlib import Path

import pandas as pd
import pytest

from hindsight.cli.main import main
from tests.formulas.prices import rows


def test_the_table_counts_by_family_and_names_the_references_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formulas"]) == 0
    shown = capsys.readouterr().out
    assert "Alpha158                                158         0        0\n" in shown
    assert "all                                     673         25       194\n" in shown
    assert "806, 1,183 and 1,197" in shown


def test_a_formula_is_shown_with_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formulas", "show", "cord5"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("alpha158.CORD5\n")
    assert "  reads       close, volume\n  rows        6\n" in shown
    assert main(["formulas", "show", "BARRA_CNE6"]) == 0
    assert "not public: The descriptors' definitions" in capsys.readouterr().out


def test_formulas_are_computed_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices, out, mine = tmp_path / "prices.csv", tmp_path / "out.parquet", tmp_path / "mine.yaml"
    rows(30, 3).to_csv(prices, index=False)
    mine.write_text('family: mine\ntitle: Mine\nsource: me\nentries:\n- {name: A, expression: "-close", meaning: x}\n')
    words = ["formulas", "compute", str(prices), "--names", "ROC5", "--names", "mine", "--out", str(out)]
    assert main([*words, "--catalogue", str(mine)]) == 0
    assert "2 formulas, 90 rows, 15 missing values" in capsys.readouterr().out
    found = pd.read_parquet(out)
    assert list(found) == ["entity", "date", "alpha158.ROC5", "mine.A"]
    close = rows(30, 3).pivot(index="date", columns="entity", values="close")
    own = found.pivot(index="date", columns="entity", values="alpha158.ROC5")
    pd.testing.assert_frame_equal(own, close.shift(5) / close, check_freq=False)


def test_questions_are_written_line_by_line_and_what_has_no_example_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices, out = tmp_path / "prices.csv", tmp_path / "samples.jsonl"
    rows(80, 5).to_csv(prices, index=False)
    assert main(["formulas", "samples", str(prices), "--seed", "1", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    found = pd.read_json(out, lines=True)
    for (kind, split), own in found.groupby(["kind", "split"]):
        assert f"{kind:<10}  {split:<8}  {len(own):,}\n" in shown
    assert (found["kind"] == "definition").sum() == found["formula"].nunique() == 702
    assert found.groupby("formula")["split"].nunique().max() == 1
    assert "29 not executable" in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--names", "ROC5", "--out", "out.txt"], "out.txt is neither .csv nor .parquet"),
        (
            ["--names", "ROC6", "--out", "out.csv"],
            "formula 'ROC6' is not in the catalogue; did you mean alpha158.ROC60",
        ),
        (["--names", "A3C", "--out", "out.csv"], "listed.A3C cannot be computed"),
        (["--names", "KMID", "--out", "out.csv"], "reads open, and the panel has close"),
    ],
)
def test_what_cannot_be_computed_is_refused_before_a_file_is_written(
    tmp_path: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows(10, 2)[["entity", "date", "close"]].to_csv("prices.csv", index=False)
    assert main(["formulas", "compute", "prices.csv", *words]) == 1
    assert sentence in capsys.readouterr().err
    assert [file.name for file in tmp_path.glob("out.*")] == []


def test_a_look_ahead_in_an_own_catalogue_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "family: mine\ntitle: M\nsource: me\nentries:\n- name: A\n  expression: Ref(close, -1)\n  meaning: x\n"
    )
    assert main(["formulas", "--catalogue", str(mine)]) == 1
    assert f"hindsight: {mine}, line 5: formula mine.A reads the future: the shift" in capsys.readouterr().err
