"""A page of several runs: made of their results, in the style of one."""

import pytest
from markupsafe import Markup

from tasks.report.comparison import ComparedRun, comparison_page
from tasks.report.contents import entries
from tasks.report.glossary import WORDS, anchor_of, explained
from tasks.schemas.results import RESULTS_NAME, Results
from tasks.store.refs import ArtifactSpec
from tasks.store.store import Store
from tasks.sweep.compared_runs import NotComparable, compared_run
from tests.report.page_reader import Page, after, words
from tests.report.sample_robust import estimate, made_robust, with_difference
from tests.store.small_artifact import SmallConfig


@pytest.fixture
def runs(write, make_record, tmp_path) -> list[ComparedRun]:
    found = []
    higher = made_robust(fits=with_difference(gain=estimate(0.3, 0.01)))
    for name, robust in {"first": made_robust(), "second": higher}.items():
        write(robust=robust)
        found.append(ComparedRun(name, make_record("report", label=name), Results.read(tmp_path)))
    return found


def test_every_run_has_its_verdict_figures_with_intervals_and_its_reports_digest(runs):
    page = Page(comparison_page("Two runs", runs))
    assert page.text[0] == "Two runs"
    assert after(page, "second", 1, since="Verdicts")[0].startswith("Yes: base predicts better than trained on")
    row = after(page, "second", 13, since="gain, standardized")
    assert row[7:13] == ["+0.3000", "[+0.2900, +0.3100]", "31 rows"] * 2
    assert all(run.digest[:12] in words(page) for run in runs)


def test_a_ranking_has_its_table_and_notes_and_the_same_runs_give_the_same_bytes(runs):
    ranking = [{"place": "1", "variation": "<script>", "differs from the first": "none"}]
    html = comparison_page("Sweep", runs, ranking, ["Their order may be chance."])
    assert html == comparison_page("Sweep", runs, ranking, ["Their order may be chance."])
    page = Page(html)
    assert "Their order may be chance." in page.text
    assert "<script>" in page.text
    assert "script" not in page.tags


def test_a_report_without_results_cannot_be_compared(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "report.html").write_text("old")
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    ref = store.publish(ArtifactSpec("report", "old", 1, SmallConfig()), tmp_path / "old", {}, 1.0)
    with pytest.raises(NotComparable, match=f"report/old/.* has no {RESULTS_NAME}"):
        compared_run("old", ref, store)


def test_every_word_of_the_list_is_found_in_any_case_once_and_only_whole():
    for word in WORDS:
        assert f'href="#{anchor_of(word)}"' in explained(f"the {word.upper()} here"), word
    text = explained("gain, gain and again & <b>")
    assert text.count("<a ") == 1
    assert text.endswith("gain and again &amp; &lt;b&gt;")


def test_longer_words_are_found_before_the_ones_in_them():
    assert 'href="#word-stock-draws"' in explained("stock draws")
    assert 'href="#word-draws"' not in explained("stock draws")


def test_anchors_are_unique_on_the_page():
    anchors = [entry.anchor for entry in entries(Markup("<h2>A</h2><h2>A</h2><h2>A 2</h2><h2>?</h2>"))]
    assert anchors == ["a", "a-2", "a-2-2", "section"]
