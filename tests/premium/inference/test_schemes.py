"""The six schemes of the decomposition."""

from datetime import date

import numpy as np
import pytest

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.inference.schemes import make_schemes
from tasks.sampling.errors import EmptySplit
from tests.sampling.splitters.panels import balanced

CONFIG = PremiumConfig(train_until=date(2020, 11, 15), n_folds=3, robust=RobustConfig(n_date_blocks=4))


def test_the_six_schemes_and_their_facts_come_in_the_same_order():
    found, facts = make_schemes(balanced(6, 20), CONFIG)
    names = ["on", "off", "date_disjoint", "disjoint", "matched", "walk_forward"]
    assert [scheme.name for scheme in found] == [own.name for own in facts] == names
    assert [[len(fold) for fold in scheme.folds] for scheme in found] == [
        *([1, 1, 1], [1], [1, 1, 1, 1]),
        *([4, 4, 4], [2, 2, 2], [5]),
    ]


def test_a_fold_that_is_disjoint_in_both_tests_the_rows_the_stock_disjoint_fold_tests():
    (on, _, _, *pooled_schemes, _), _ = make_schemes(balanced(6, 20), CONFIG)
    for pooled_scheme in pooled_schemes:
        for (one,), pooled in zip(on.folds, pooled_scheme.folds, strict=True):
            assert sorted(np.concatenate([split.test for split in pooled]).tolist()) == one.test.tolist()


@pytest.mark.parametrize(("n_blocks", "embargo_days"), [(2, 0), (2, 10), (3, 10), (4, 0), (5, 0), (5, 15)])
def test_matched_fits_have_as_many_rows_as_disjoint_ones_and_share_every_test_day(n_blocks, embargo_days):
    """Two blocks, or a long embargo, leave disjoint fits less than matched ones have without the other half's days."""
    labels = balanced(30, 60)
    robust = RobustConfig(n_date_blocks=n_blocks, embargo_days=embargo_days)
    config = CONFIG.model_copy(update={"robust": robust, "train_until": labels["date"].iloc[50].date()})
    (*_, disjoint, matched, _), _ = make_schemes(labels, config)
    rows_a_day = 20  # of the stocks in train
    for blocks, halves in zip(disjoint.folds, matched.folds, strict=True):
        assert len(halves) == 2
        for half in halves:
            same_rows = [len(split.train) for split in blocks if np.isin(split.test, half.test).all()]
            assert abs(len(half.train) - np.mean(same_rows)) <= rows_a_day / 2 + 1e-9
            days, stocks = labels["date"], labels["code"]
            assert set(days.iloc[half.test]) <= set(days.iloc[half.train])
            assert not set(stocks.iloc[half.test]) & set(stocks.iloc[half.train])


def test_the_days_that_matched_fits_drop_come_from_the_seed():
    found = [make_schemes(balanced(6, 40), CONFIG.model_copy(update={"seed": seed}))[0][-2] for seed in (1, 1, 2)]
    trains = [[split.train.tolist() for split in scheme.splits] for scheme in found]
    assert trains[0] == trains[1] != trains[2]


def test_facts_count_rows_a_reader_can_count():
    _, facts = make_schemes(balanced(6, 20), CONFIG)
    on, off, date_disjoint, disjoint, _, walk_forward = facts
    # 14 days up to the cut, of which the last two are labelled with prices from beyond it.
    assert (off.n_train_rows, off.n_purged, off.n_test_rows, off.n_violations) == (6 * 12, 6 * 2, 6 * 6, 0)
    assert (on.n_train_rows, on.n_violations, on.n_purged) == (2 * 120, 2 * 120, 0)
    # Four blocks of five days, six sides towards other blocks, two days purged at each.
    assert (date_disjoint.n_purged, date_disjoint.n_left_out, date_disjoint.n_violations) == (6 * 2 * 6, 0, 0)
    assert (disjoint.n_purged, disjoint.n_violations, disjoint.n_test_rows) == (3 * 6 * 2 * 4, 0, 120)
    # Blocks of 4, 4, 3, 3, 3 and 3 days; the first is never tested, and two days are purged before each other one.
    assert (walk_forward.n_test_rows, walk_forward.n_test_days) == (6 * 16, 16)
    assert walk_forward.n_train_rows == 6 * (4 + 8 + 11 + 14 + 17 - 5 * 2)
    assert (walk_forward.n_purged, walk_forward.n_violations) == (6 * 2 * 5, 0)


def test_the_walk_forward_fits_on_no_row_whose_label_touches_a_later_day():
    labels = balanced(6, 30)
    (*_, walk_forward), _ = make_schemes(labels, CONFIG)
    tested = []
    for split in walk_forward.splits:
        first = labels["date"].iloc[split.test].min()
        assert (labels["label_until"].iloc[split.train] < first).all()
        assert len(split.train) == (labels["label_until"] < first).sum()
        tested += split.test.tolist()
    assert (
        sorted(tested) == sorted(set(tested)) == np.flatnonzero(labels["date"] >= labels["date"].unique()[5]).tolist()
    )


def test_the_walk_forward_has_fewer_folds_where_an_embargo_leaves_nothing_to_fit_the_first_one_on():
    robust = CONFIG.robust.model_copy(update={"n_date_blocks": 2, "embargo_days": 8})
    config = CONFIG.model_copy(update={"robust": robust, "train_until": date(2020, 12, 1)})
    schemes, _ = make_schemes(balanced(6, 40), config)
    assert len(schemes[-1].splits) == 3


def test_without_robust_settings_their_defaults_hold():
    config = CONFIG.model_copy(update={"robust": None})
    assert [own.n_splits for own in make_schemes(balanced(6, 30), config)[1]] == [3, 1, 5, 15, 6, 5]


def test_rows_that_cannot_be_split_are_refused():
    with pytest.raises(EmptySplit, match=r"split 1 of Chronological\("):
        make_schemes(balanced(6, 10), CONFIG)
