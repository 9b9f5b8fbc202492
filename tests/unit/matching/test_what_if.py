"""What choosing a pair costs and moves, against all matchings and against the exact runner-ups."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_optimality import list_matchings, rank, read_way, small_cohorts

from mentoring.matching import MatchingError, ask_what_if, find_matches
from mentoring.policy import Policy


@settings(max_examples=150, deadline=None)
@given(small_cohorts(), st.randoms(use_true_random=False))
def test_the_cost_is_exact_and_the_moves_are_the_fewest(cohort, random):
    mentors, mentees, policy = cohort
    policy = policy.model_copy(update={"max_min": False})
    matching = find_matches(mentors, mentees, policy)
    if not len(matching.runner_ups):
        return
    row = random.choice(list(matching.runner_ups.itertuples()))
    pair = (row.person_id, row.partner_id) if row.role == "mentor" else (row.partner_id, row.person_id)
    answer = ask_what_if(mentors, mentees, policy, *pair, matching=matching)
    assert (answer.cost, answer.mentees_lost) == (row.cost, row.mentees_lost)
    assert answer.waiting_passed_over == row.waiting_passed_over
    points, eligible = matching.scores()
    held = {at: int(m[1:]) for at, m in enumerate(mentees.must_pair) if m}
    ways = list_matchings(eligible, list(mentors.capacity), held)
    forced = [way for way in ways if way[int(pair[1][1:])] == int(pair[0][1:])]
    waits = list(mentees.waiting_since)
    best = max(rank(way, points, waits, False, held) for way in forced)
    now = read_way(matching, mentors, mentees)
    fewest = min(
        sum(a != b for a, b in zip(way, now, strict=True))
        for way in forced
        if rank(way, points, waits, False, held) == best
    )
    assert len(answer.moves) == fewest


MENTORS = pd.DataFrame({"person_id": ["M", "N"], "topics_offered": ["a;b", "a"]})
MENTEES = pd.DataFrame({"person_id": ["E", "F"], "topics_wanted": ["a;b", "b;c"]})


def test_the_answer_is_one_sentence_with_who_moves():
    answer = ask_what_if(MENTORS, MENTEES, Policy(), "M", "E")
    assert answer.cost == 100
    assert answer.moves.values.tolist() == [["E", "N", "M"], ["F", "M", "N"]]
    assert answer.sentence == (
        "Pairing {M} with {E} costs 100 points in total. {F} would go from {M} to {N}."
    )
    settled = ask_what_if(MENTORS, MENTEES, Policy(), "N", "E")
    assert settled.sentence == "Pairing {N} with {E} is part of the best matching; nothing else changes."


def test_a_mentee_who_loses_the_place_is_said():
    answer = ask_what_if(MENTORS.iloc[:1], MENTEES, Policy(), "M", "F")
    assert answer.mentees_lost == 0
    assert answer.sentence == (
        "Pairing {M} with {F} costs 100 points in total. {E} would go from {M} to no mentor."
    )


@pytest.mark.parametrize(
    ("mentor", "mentee", "sentence"),
    [
        ("X", "E", "There is no mentor X"),
        ("M", "X", "There is no mentee X"),
        ("N", "F", "must be paired with two mentors"),
        ("M", "E", "must be paired with 2 mentees but has room for 1"),
    ],
)
def test_a_pair_that_cannot_be_gets_one_sentence(mentor, mentee, sentence):
    mentees = MENTEES.assign(must_pair=["", "M"])
    with pytest.raises(MatchingError, match=sentence):
        ask_what_if(MENTORS, mentees, Policy(), mentor, mentee)
