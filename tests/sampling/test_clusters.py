"""Intervals by cluster: Student's where each observation is a cluster, wider where clusters are alike."""

import numpy as np
import pytest
from scipy.stats import t

from tasks.sampling.clusters import cluster_half_width

VALUES = np.random.default_rng(0).normal(size=30)


def test_with_a_cluster_per_observation_it_is_students_interval_of_a_mean():
    half_width = cluster_half_width(VALUES - VALUES.mean(), np.arange(30), 30)
    low, high = t.interval(0.95, 29, loc=VALUES.mean(), scale=VALUES.std(ddof=1) / 30**0.5)
    assert half_width == pytest.approx((high - low) / 2)


def test_copies_of_an_observation_in_its_cluster_change_nothing():
    once = cluster_half_width(VALUES - VALUES.mean(), np.arange(30), 30)
    copied = np.repeat(VALUES, 7)
    assert cluster_half_width(copied - copied.mean(), np.repeat(np.arange(30), 7), 210) == pytest.approx(once)
    assert cluster_half_width(copied - copied.mean(), np.arange(210), 210) < 0.5 * once


def test_two_clusters_say_nothing():
    assert cluster_half_width(VALUES - VALUES.mean(), np.arange(30) % 2, 30) is None
