"""What scikit-learn's own tests ask of its splitters (sklearn/model_selection/tests/test_split.py), of ours."""

import copy
import pickle
from datetime import date

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, check_cv, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.sampling.errors import BadLabels
from tasks.sampling.splitters import (
    Chronological,
    CombinatorialPurged,
    DateDisjoint,
    StockAndDateDisjoint,
    StockDisjoint,
    WalkForward,
)
from tests.sampling.splitters.panels import balanced

SPLITTERS = {
    "Chronological(train_until=datetime.date(2020, 11, 15), purge=True, embargo_days=0)": Chronological(
        date(2020, 11, 15)
    ),
    "StockDisjoint(n_folds=3)": StockDisjoint(3),
    "DateDisjoint(n_blocks=4, embargo_days=1)": DateDisjoint(4, embargo_days=1),
    "StockAndDateDisjoint(n_folds=2, n_blocks=3, embargo_days=0)": StockAndDateDisjoint(2, 3),
    "WalkForward(n_folds=3, purge=True, embargo_days=0, embargo_dates=1)": WalkForward(3, embargo_dates=1),
    "CombinatorialPurged(n_blocks=5, n_test_blocks=2, embargo_days=0)": CombinatorialPurged(5, 2),
}
N_ROWS = 120


@pytest.fixture(params=SPLITTERS.values(), ids=repr)
def splitter(request):
    """A copy: some checks change it."""
    return copy.deepcopy(request.param)


@pytest.fixture
def data():
    """Labels, columns and a target of six stocks on twenty days; the columns' index differs from the labels'."""
    rng = np.random.default_rng(0)
    columns = pd.DataFrame(rng.normal(size=(N_ROWS, 2)), columns=["one", "other"], index=np.arange(N_ROWS)[::-1])
    return balanced(6, 20), columns, pd.Series(rng.normal(size=N_ROWS), index=columns.index)


def as_lists(splits):
    return [(train.tolist(), test.tolist()) for train, test in splits]


def test_as_many_splits_are_made_as_are_announced(splitter, data):
    table, columns, target = data
    made = list(splitter.split(columns, target, table))
    assert len(made) == splitter.get_n_splits(columns, target, table) == splitter.get_n_splits()


def test_indices_are_whole_numbers_in_range_and_train_and_test_share_none(splitter, data):
    table, columns, target = data
    for split in splitter.split(columns, target, table):
        for rows in split:
            assert isinstance(rows, np.ndarray)
            assert rows.dtype.kind == "i"
            assert rows.ndim == 1
            assert len(rows) == len(set(rows.tolist())) > 0
            assert 0 <= rows.min() <= rows.max() < N_ROWS
        assert not set(split[0].tolist()) & set(split[1].tolist())


def test_every_call_and_every_copy_gives_the_same_splits(splitter, data):
    table, columns, target = data
    first = as_lists(splitter.split(columns, target, table))
    for other in (splitter, copy.deepcopy(splitter), pickle.loads(pickle.dumps(splitter))):  # noqa: S301
        assert as_lists(other.split(columns, target, table)) == first
        assert other == splitter


def test_splits_depend_on_the_labels_alone(splitter, data):
    table, columns, target = data
    first = as_lists(splitter.split(columns, target, table))
    one_column, two_targets = columns["one"].to_numpy(), np.column_stack([target, target])
    other_index = table.set_index(np.arange(N_ROWS) * 7)
    for given in (
        (columns.to_numpy(), target.to_numpy(), table),
        (columns.to_numpy().tolist(), target.tolist(), table),
        (one_column, two_targets, table),
        (columns, None, table),
        (None, None, table),
        (columns, target, other_index),
    ):
        assert as_lists(splitter.split(*given)) == first
    assert as_lists(splitter.split(X=columns, groups=table)) == first


def test_rows_without_labels_are_refused(splitter, data):
    _, columns, target = data
    with pytest.raises(BadLabels, match="groups is of type NoneType; pass the panel's labels"):
        next(splitter.split(columns, target))


@pytest.mark.parametrize(
    ("shown", "splitter"), SPLITTERS.items(), ids=[type(own).__name__ for own in SPLITTERS.values()]
)
def test_a_splitter_shows_its_settings_and_equals_one_of_the_same(shown, splitter):
    assert repr(splitter) == shown
    same = eval(shown, {"datetime": __import__("datetime"), **globals()})  # noqa: S307
    assert same == splitter
    assert hash(same) == hash(splitter)
    assert splitter != GroupKFold(3)


def test_scikit_learn_takes_it_as_cv_and_clones_what_holds_it(splitter, data):
    table, columns, target = data
    assert check_cv(splitter) is splitter
    search = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1.0, 1e6]}, cv=splitter)
    copied = clone(search)
    assert copied.get_params()["cv"] == splitter
    assert "".join(repr(splitter).split()) in "".join(repr(copied).split())
    fitted = copied.fit(columns, target, groups=table)
    assert fitted.n_splits_ == splitter.get_n_splits()
    assert np.isfinite(fitted.cv_results_["mean_test_score"]).all()


def test_a_grid_search_chooses_on_purged_splits(data):
    table, columns, target = data
    search = GridSearchCV(Ridge(), {"alpha": [1.0, 1e6]}, cv=DateDisjoint(4, embargo_days=1))
    assert search.fit(columns, target, groups=table).best_params_ == {"alpha": 1e6}


def test_labels_of_another_length_than_the_columns_are_refused(splitter, data):
    table, columns, target = data
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(splitter.split(columns[:-1], target[:-1], table))


def test_scores_are_those_of_a_plain_loop_also_in_other_processes(splitter, data):
    table, columns, target = data
    plain = [
        Ridge().fit(columns.iloc[train], target.iloc[train]).score(columns.iloc[test], target.iloc[test])
        for train, test in splitter.split(columns, target, table)
    ]
    for n_jobs in (None, 2):
        scores = cross_val_score(Ridge(), columns, target, groups=table, cv=splitter, n_jobs=n_jobs)
        assert scores.tolist() == plain


def test_labels_are_asked_for_by_metadata_routing_and_may_have_another_name(splitter, data):
    table, columns, target = data
    expected = cross_val_score(Ridge(), columns, target, groups=table, cv=splitter).tolist()
    assert splitter.get_metadata_routing().split.requests == {"groups": True}
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_val_score(Ridge(), columns, target, params={"groups": table}, cv=splitter)
        renamed = splitter.set_split_request(groups="labels")
        assert renamed is splitter
        named = cross_val_score(Ridge(), columns, target, params={"labels": table}, cv=renamed)
    assert routed.tolist() == named.tolist() == expected


def test_a_search_inside_a_search_gets_its_own_rows_labels():
    """Both purge; the inner splitter sees the outer train side only."""
    table, rng = balanced(6, 40), np.random.default_rng(0)
    columns, target = rng.normal(size=(240, 2)), rng.normal(size=240)
    inner, outer = DateDisjoint(3, embargo_days=1), DateDisjoint(4, embargo_days=1)
    alphas = [1.0, 1e6]
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(Ridge(), {"alpha": alphas}, cv=inner)
        nested = cross_val_score(search, columns, target, params={"groups": table}, cv=outer)
    plain = []
    for train, test in outer.split(columns, target, table):
        own = GridSearchCV(Ridge(), {"alpha": alphas}, cv=inner).fit(
            columns[train], target[train], groups=table.iloc[train]
        )
        plain.append(own.score(columns[test], target[test]))
    assert nested.tolist() == plain


@pytest.mark.parametrize("splitter", [StockDisjoint(3), DateDisjoint(4), StockAndDateDisjoint(2, 3)], ids=repr)
def test_splitters_that_test_each_row_once_give_a_prediction_for_each(splitter, data):
    table, columns, target = data
    predicted = cross_val_predict(Ridge(), columns, target, groups=table, cv=splitter)
    assert np.isfinite(predicted).all()
    train, test = next(splitter.split(columns, target, table))
    first = Ridge().fit(columns.iloc[train], target.iloc[train]).predict(columns.iloc[test])
    np.testing.assert_array_equal(predicted[test], first)
