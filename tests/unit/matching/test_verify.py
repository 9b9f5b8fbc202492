"""The checker accepts what the engines prove, and refuses whatever was changed afterwards."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_optimality import small_cohorts

from mentoring.matching import find_matches, verify_matching
from mentoring.matching.verify_pass import BLOCK, Pass, allow_pairs, read_case, score_pairs
from mentoring.policy import Policy


@settings(max_examples=200, deadline=None)
@given(small_cohorts(), st.sampled_from([4_000_000, -1]))
def test_every_result_of_both_engines_is_accepted(cohort, dense_pairs):
    mentors, mentees, policy = cohort
    matching = find_matches(mentors, mentees, policy, dense_pairs=dense_pairs)
    problems = verify_matching(
        mentors, mentees, policy, matching.matches, matching.certificate, matching.summary
    )
    assert problems == []


@settings(max_examples=150, deadline=None)
@given(small_cohorts(), st.randoms(use_true_random=False))
def test_no_worse_matching_passes_with_any_price_changed(cohort, random):
    mentors, mentees, policy = cohort
    matching = find_matches(mentors, mentees, policy)
    if not len(matching.matches) or matching.summary["held"] == len(matching.matches):
        return
    # leave one pair out and tell the same story everywhere: only the proof can notice
    held = set(mentees.person_id[mentees.must_pair != ""])
    dropped = random.choice(sorted(set(matching.matches.mentee_id) - held))
    matches = matching.matches[matching.matches.mentee_id != dropped]
    proof = dict(matching.certificate)
    at = proof["mentee_ids"].tolist().index(dropped)
    partner = proof["partner"].copy()
    partner[at] = -1
    lost = int(matching.matches.set_index("mentee_id").points[dropped])
    prices = np.maximum(proof["prices"] + random.choice([-1, 0, 1]), 0)
    proof |= {"partner": partner, "prices": prices, "worth": proof["worth"] - lost - proof["bonus"][at]}
    assert verify_matching(mentors, mentees, policy, matches, proof, matching.summary)


@pytest.fixture
def case(make_cohort):
    mentors, mentees = make_cohort(30, 60, seed=3)
    policy = Policy(floor=100)
    matching = find_matches(mentors, mentees, policy)
    assert len(matching.matches) > 20
    return mentors, mentees, policy, matching.matches, dict(matching.certificate), dict(matching.summary)


def check(case, **changed):
    names = ("mentors", "mentees", "policy", "matches", "certificate", "summary")
    return verify_matching(**(dict(zip(names, case, strict=True)) | changed))


def test_what_was_written_is_accepted_as_text_too(case):
    matches = case[3].astype(str)
    assert check(case) == []
    assert check(case, matches=matches) == []


def test_a_swapped_pair_is_refused(case):
    matches = case[3].copy()
    matches.loc[[0, 5], "mentor_id"] = matches.loc[[5, 0], "mentor_id"].to_numpy()
    problems = check(case, matches=matches)
    assert "The certificate is about other pairs than the table of matches." in problems
    assert any("points" in problem for problem in problems)


def test_a_wrong_total_is_refused(case):
    problems = check(case, summary=case[5] | {"total_points": case[5]["total_points"] + 1})
    assert problems == [
        f"The summary says {case[5]['total_points'] + 1} for total_points, but it is {case[5]['total_points']}."
    ]


@pytest.mark.parametrize("column", ["points", "topics", "goals"])
def test_wrong_points_are_refused(case, column):
    matches = case[3].copy()
    matches.loc[2, column] += 1
    assert len(check(case, matches=matches)) == 1


@pytest.mark.parametrize("name", ["seats", "prices", "bonus", "partner", "worth", "held", "threshold"])
def test_a_changed_certificate_is_refused(case, name):
    values = case[4][name].copy()
    changed = ~values if values.dtype == bool else values + 1
    assert check(case, certificate=case[4] | {name: changed})


def test_every_price_that_is_lowered_is_noticed(case):
    prices = case[4]["prices"]
    for at in np.flatnonzero(prices > 0).tolist():
        lower = prices.copy()
        lower[at] -= 1
        # the wishes rise with it, so the sum no longer fits or a pair is worth more
        problems = check(case, certificate=case[4] | {"prices": lower})
        assert problems == [] or any("Not proven best" in problem for problem in problems)
    assert check(case, certificate=case[4] | {"prices": np.zeros_like(prices)})


def test_other_input_than_was_matched_is_refused(case):
    mentees = case[1].copy()
    mentees.loc[0, "topics_wanted"] = "Leadership;Metadata;Conferences"
    mentees.loc[1, "channels"] = ""
    assert check(case, mentees=mentees)
    assert check(case, mentees=mentees.iloc[1:]) == [
        "The certificate is about other mentees than the input; match again."
    ]
    assert check(case, policy=Policy(floor=100, weights={"topics": 299}))
    assert check(case, policy=Policy(floor=500))
    assert check(case, mentors=case[0].drop(columns="person_id"))[0].startswith("The input cannot be read:")


def test_a_threshold_that_could_be_higher_is_refused():
    mentors = pd.DataFrame({"person_id": ["M", "N"], "topics_offered": ["a;b", "c"]})
    mentees = pd.DataFrame({"person_id": ["E", "F"], "topics_wanted": ["a;b;c", "x;b"]})
    plain = find_matches(mentors, mentees, Policy())
    cover = {"cover": np.ones(2, dtype=np.int64)}
    problems = verify_matching(
        mentors, mentees, Policy(max_min=True), plain.matches, plain.certificate | cover, plain.summary
    )
    assert problems == [
        "Not proven that the worst pair is as good as it can be: pairs above it may serve as many."
    ]
    lifted = find_matches(mentors, mentees, Policy(max_min=True))
    assert (
        verify_matching(
            mentors, mentees, Policy(max_min=True), lifted.matches, lifted.certificate, lifted.summary
        )
        == []
    )


def test_a_must_pair_that_is_missing_is_refused(case):
    mentees = case[1].assign(must_pair=["M-001"] + [""] * (len(case[1]) - 1))
    assert any("must be paired and are not" in problem for problem in check(case, mentees=mentees))


def test_a_mentee_who_is_matched_twice_and_a_stranger_are_named(case):
    matches = pd.concat([case[3], case[3].iloc[[0, 1]]], ignore_index=True)
    matches.loc[len(matches) - 1, "mentor_id"] = "M-999"
    first, second = matches.mentee_id[:2]
    assert check(case, matches=matches) == [
        f"The pair M-999 and {second} names somebody who is not in the input.",
        f"Mentee {first} is matched twice.",
    ]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("within", [1, 30, 400])
def test_a_pass_counts_what_every_single_pair_gives_over_whole_and_broken_blocks(
    make_cohort, within, workers
):
    mentors, mentees = make_cohort(BLOCK[0] + 70, BLOCK[1] + 30, seed=5)
    case = read_case(mentors, mentees, Policy(floor=100))
    left, right = np.divmod(np.arange(len(mentors) * len(mentees)), len(mentees))
    prices = np.random.default_rng(1).integers(0, 300, len(mentors))
    points = score_pairs(case.criteria, left, right)
    allowed = (points >= 100) & allow_pairs(case, left, right)
    gain = np.where(allowed, points - prices[left], -1)
    # Only the pairs `within` the best one are worth more than both prices.
    wishes = np.full(len(mentees), gain.max() - within)
    everybody = np.arange(len(mentors)), np.arange(len(mentees))
    better = Pass(case, everybody, 100, workers).count(prices, wishes, 10_000_000)
    assert better == (gain > gain.max() - within).sum() > 0
