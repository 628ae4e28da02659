"""The four schemes of the decomposition."""

from datetime import date

import numpy as np
import pytest

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.errors import EmptySplit
from tasks.premium.inference.schemes import make_schemes
from tests.premium.splitters.panels import balanced

CONFIG = PremiumConfig(train_until=date(2020, 11, 15), n_folds=3, robust=RobustConfig(n_date_blocks=4))


def test_the_four_schemes_and_their_facts_come_in_the_same_order():
    found, facts = make_schemes(balanced(6, 20), CONFIG)
    names = ["on", "off", "date_disjoint", "disjoint"]
    assert [scheme.name for scheme in found] == [own.name for own in facts] == names
    assert [[len(fold) for fold in scheme.folds] for scheme in found] == [[1, 1, 1], [1], [1, 1, 1, 1], [4, 4, 4]]


def test_a_fold_that_is_disjoint_in_both_tests_the_rows_the_stock_disjoint_fold_tests():
    (on, _, _, disjoint), _ = make_schemes(balanced(6, 20), CONFIG)
    for (one,), pooled in zip(on.folds, disjoint.folds, strict=True):
        assert sorted(np.concatenate([split.test for split in pooled]).tolist()) == one.test.tolist()


def test_facts_count_rows_a_reader_can_count():
    _, facts = make_schemes(balanced(6, 20), CONFIG)
    on, off, date_disjoint, disjoint = facts
    # 14 days up to the cut, of which the last two are labelled with prices from beyond it.
    assert (off.n_train_rows, off.n_purged, off.n_test_rows, off.n_violations) == (6 * 12, 6 * 2, 6 * 6, 0)
    assert (on.n_train_rows, on.n_violations, on.n_purged) == (2 * 120, 2 * 120, 0)
    # Four blocks of five days, six sides towards other blocks, two days purged at each.
    assert (date_disjoint.n_purged, date_disjoint.n_left_out, date_disjoint.n_violations) == (6 * 2 * 6, 0, 0)
    assert (disjoint.n_purged, disjoint.n_violations, disjoint.n_test_rows) == (3 * 6 * 2 * 4, 0, 120)


def test_without_robust_settings_their_defaults_hold():
    config = CONFIG.model_copy(update={"robust": None})
    assert [own.n_splits for own in make_schemes(balanced(6, 30), config)[1]] == [3, 1, 5, 15]


def test_rows_that_cannot_be_split_are_refused():
    with pytest.raises(EmptySplit, match=r"split 1 of Chronological\("):
        make_schemes(balanced(6, 10), CONFIG)
