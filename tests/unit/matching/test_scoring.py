"""The scoring definition: shares add up, texts never exceed their weight, products are exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentoring.matching.people import read_people
from mentoring.matching.rules import lay_out
from mentoring.matching.scoring import split_points
from mentoring.matching.text import compare_texts, read_words
from mentoring.policy import Policy, Weights

WORDS = st.frozensets(st.sampled_from(["metadata", "serials", "budget", "archive", "teaching", "policy"]))


@given(st.integers(0, 10**6), st.lists(st.integers(1, 500), min_size=1, max_size=12))
def test_shares_add_up_and_keep_their_order(total, shares):
    parts = split_points(total, shares)
    assert sum(parts) == total
    assert all(abs(part - total * share / sum(shares)) < 1 for part, share in zip(parts, shares, strict=True))


@given(st.lists(WORDS, min_size=1, max_size=6), st.lists(WORDS, min_size=1, max_size=6), st.integers(0, 2000))
def test_shared_words_earn_between_nothing_and_the_weight(mentors, mentees, weight):
    left, right = compare_texts(mentors, mentees, weight)
    points = left @ right.T
    assert points.min() >= 0
    assert points.max() <= weight
    for i, said in enumerate(mentors):
        for j, hoped in enumerate(mentees):
            assert points[i, j] == 0 or said & hoped


def test_equal_texts_earn_most_and_rare_words_more():
    common, rare = frozenset({"metadata"}), frozenset({"metadata", "papyrus"})
    left, right = compare_texts([common, rare], [rare, common, common, common], 1000)
    points = left @ right.T
    assert points[1, 0] > 900
    assert points[0, 1] > 900
    assert 0 < points[0, 0] < 500


def test_words_are_folded_and_empty_ones_left_out():
    assert read_words("Library POLICIES; the Serials, ＭＥＴＡＤＡＴＡ and a status of bus.") == {
        "policy", "serial", "metadata", "status", "bus",
    }  # fmt: skip


@pytest.mark.parametrize("total", [1, 1000, 1_000_000])
def test_single_precision_products_are_exact_up_to_the_largest_weights(make_cohort, total):
    share = total // 7
    weights = Weights(**dict.fromkeys(Weights.model_fields, share))
    mentors, mentees = (
        read_people(table, role)
        for table, role in zip(make_cohort(40, 50), ("mentor", "mentee"), strict=True)
    )
    board = lay_out(mentors, mentees, Policy(weights=weights))
    exact = sum(f.mentors.astype(np.int64) @ f.mentees.T.astype(np.int64) for f in board.factors.values())
    assert (board.points == exact).all()
    for factor in board.factors.values():
        assert 0 <= factor.multiply().min() <= factor.multiply().max() <= share
