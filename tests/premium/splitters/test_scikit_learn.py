"""Splitters are scikit-learn's to use."""

from datetime import date

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score

from tasks.premium.splitters import (
    Chronological,
    CombinatorialPurged,
    DateDisjoint,
    StockAndDateDisjoint,
    StockDisjoint,
    WalkForward,
)
from tests.premium.splitters.panels import balanced

SPLITTERS = [
    Chronological(date(2020, 11, 15)),
    StockDisjoint(3),
    DateDisjoint(4),
    StockAndDateDisjoint(2, 3),
    WalkForward(3),
    CombinatorialPurged(5, 2),
]


@pytest.fixture
def data():
    table, rng = balanced(6, 20), np.random.default_rng(0)
    return table, rng.normal(size=(120, 2)), rng.normal(size=120)


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_cross_val_score_gives_the_scores_of_a_plain_loop(splitter, data):
    table, columns, target = data
    plain = [
        Ridge().fit(columns[train], target[train]).score(columns[test], target[test])
        for train, test in splitter.split(columns, target, table)
    ]
    assert cross_val_score(Ridge(), columns, target, groups=table, cv=splitter).tolist() == plain
    assert len(plain) == splitter.get_n_splits(columns, target, table)


def test_labels_reach_a_splitter_by_metadata_routing(data):
    table, columns, target = data
    expected = cross_val_score(Ridge(), columns, target, groups=table, cv=DateDisjoint(4))
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_val_score(Ridge(), columns, target, params={"groups": table}, cv=DateDisjoint(4))
    assert routed.tolist() == expected.tolist()


def test_a_grid_search_chooses_on_purged_splits(data):
    table, columns, target = data
    search = GridSearchCV(Ridge(), {"alpha": [1.0, 1e6]}, cv=DateDisjoint(4, embargo_days=1))
    assert search.fit(columns, target, groups=table).best_params_ == {"alpha": 1e6}


def test_labels_of_another_length_than_the_columns_are_refused(data):
    table, columns, target = data
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        list(DateDisjoint(4).split(columns[:-1], target[:-1], table))


def test_a_splitter_says_what_it_does():
    assert repr(DateDisjoint(4, embargo_days=1)) == "DateDisjoint(n_blocks=4, embargo_days=1)"
