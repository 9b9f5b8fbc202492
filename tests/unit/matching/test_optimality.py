"""The engine against a search through all matchings (small) and a plain assignment solver (larger)."""

import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from mentoring.matching import Matching, find_matches
from mentoring.policy import ExperienceGap, Policy, Weights

TOPICS = ["Job search", "Publishing", "Leadership"]
CHANNELS = ["Phone", "E-mail", "Video"]
DATES = ["", "", "2025-09-01", "2026-03-01"]


@st.composite
def small_cohorts(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, Policy]:
    """Up to 4 mentors and 5 mentees with ties, rules, waiting, must- and never-pairs, and any policy."""
    mentors, mentees = draw(st.integers(0, 4)), draw(st.integers(0, 5))
    topics, years = st.lists(st.sampled_from(TOPICS), max_size=2).map(";".join), st.integers(0, 6)
    channels = st.lists(st.sampled_from(CHANNELS), max_size=2).map(";".join)
    capacities = [draw(st.sampled_from([1, 0, 1, 2, 5])) for _ in range(mentors)]
    left = pd.DataFrame(
        [
            {"person_id": f"M{at}", "capacity": capacities[at], "topics_offered": draw(topics)}
            | {"years_experience": draw(years), "channels": draw(channels)}
            | {"never_pair": draw(st.sampled_from(["", "", "E0", "E1;E2"]))}
            for at in range(mentors)
        ]
    )
    room = list(capacities)
    rows = []
    for at in range(mentees):
        holdable = [m for m in range(mentors) if room[m] and f"E{at}" not in left.never_pair[m]]
        held = draw(st.sampled_from([None, None, None, *holdable]))
        if held is not None:
            room[held] -= 1
        rows.append(
            {"person_id": f"E{at}", "topics_wanted": draw(topics), "years_experience": draw(years)}
            | {"channels": draw(channels), "waiting_since": draw(st.sampled_from(DATES))}
            | {"must_pair": "" if held is None else f"M{held}"}
            | {"earlier_partners": draw(st.sampled_from(["", "", "M0"]))}
        )
    policy = Policy(
        weights=Weights(topics=draw(st.sampled_from([0, 3, 300])), experience=draw(st.sampled_from([0, 7]))),
        experience_gap=ExperienceGap(minimum=draw(st.integers(0, 2)), ideal=3),
        experience_gap_required=draw(st.booleans()),
        shared_channel_required=draw(st.booleans()),
        max_min=draw(st.booleans()),
        floor=draw(st.sampled_from([0, 0, 2])),
        seed=draw(st.integers(0, 3)),
    )
    return left, pd.DataFrame(rows), policy


def list_matchings(eligible: np.ndarray, capacity: list[int], held: dict[int, int]) -> list[tuple[int, ...]]:
    """Every way to match: for each mentee a mentor or -1, within rules and capacity, held pairs kept."""
    mentors, mentees = eligible.shape
    options = [
        [held[at]] if at in held else [-1, *(m for m in range(mentors) if eligible[m, at])]
        for at in range(mentees)
    ]
    return [
        way
        for way in itertools.product(*options)
        if all(way.count(mentor) <= capacity[mentor] for mentor in range(mentors))
    ]


def rank(
    way: tuple[int, ...], points: np.ndarray, waits: list[str], max_min: bool, held: dict[int, int]
) -> tuple:
    """What the program wants, in its order: most matched, longest waiting first, (worst pair,) total."""
    served = Counter(waits[at] for at, mentor in enumerate(way) if mentor >= 0)
    dates = sorted({date for date in waits if date})
    free = [int(points[mentor, at]) for at, mentor in enumerate(way) if mentor >= 0 and at not in held]
    worst = min(free, default=0) if max_min else 0
    total = sum(int(points[mentor, at]) for at, mentor in enumerate(way) if mentor >= 0)
    return sum(served.values()), tuple(served[date] for date in dates), worst, total


def read_way(matching: Matching, mentors: pd.DataFrame, mentees: pd.DataFrame) -> tuple[int, ...]:
    """The matching as a mentor row (or -1) for each mentee row."""
    row = {person_id: at for at, person_id in enumerate(mentors.get("person_id", []))}
    partner = dict(zip(matching.matches.mentee_id, matching.matches.mentor_id, strict=True))
    return tuple(row[partner[e]] if e in partner else -1 for e in mentees.get("person_id", []))


@settings(max_examples=400, deadline=None)
@given(small_cohorts())
def test_no_other_matching_is_better(cohort):
    mentors, mentees, policy = cohort
    matching = find_matches(mentors, mentees, policy)
    points, eligible = matching.scores()
    capacity = list(mentors.get("capacity", []))
    waits = list(mentees.get("waiting_since", []))
    held = {at: int(m[1:]) for at, m in enumerate(mentees.get("must_pair", [])) if m}
    ways = list_matchings(eligible, capacity, held)
    chosen = read_way(matching, mentors, mentees)
    assert chosen in ways
    best = max(rank(way, points, waits, policy.max_min, held) for way in ways)
    assert rank(chosen, points, waits, policy.max_min, held) == best
    assert matching.summary["total_points"] == best[-1] == int(matching.matches.points.sum())


@settings(max_examples=150, deadline=None)
@given(small_cohorts())
def test_the_cost_of_a_runner_up_is_what_choosing_it_costs(cohort):
    mentors, mentees, policy = cohort
    policy = policy.model_copy(update={"max_min": False})
    matching = find_matches(mentors, mentees, policy)
    points, eligible = matching.scores()
    waits = list(mentees.get("waiting_since", []))
    held = {at: int(m[1:]) for at, m in enumerate(mentees.get("must_pair", [])) if m}
    ways = list_matchings(eligible, list(mentors.get("capacity", [])), held)
    best = max(rank(way, points, waits, False, held) for way in ways)
    for row in matching.runner_ups.itertuples():
        mentor, mentee = (
            (row.person_id, row.partner_id) if row.role == "mentor" else (row.partner_id, row.person_id)
        )
        chosen = [way for way in ways if way[int(mentee[1:])] == int(mentor[1:])]
        forced = max(rank(way, points, waits, False, held) for way in chosen)
        assert row.cost_is_exact
        assert (best[0] - forced[0], best[3] - forced[3]) == (row.mentees_lost, row.cost)
        assert (best[0] == forced[0] and best[1] != forced[1]) == row.waiting_passed_over


@settings(max_examples=150, deadline=None)
@given(small_cohorts())
def test_runner_ups_are_the_three_least_costly(cohort):
    mentors, mentees, policy = cohort
    matching = find_matches(mentors, mentees, policy.model_copy(update={"max_min": False}))
    _, eligible = matching.scores()
    pairs = set(zip(matching.matches.mentor_id, matching.matches.mentee_id, strict=True))
    held = {
        mentee
        for mentee, must in zip(mentees.get("person_id", []), mentees.get("must_pair", []), strict=True)
        if must
    }
    room = dict(zip(mentors.get("person_id", []), mentors.get("capacity", []), strict=True))
    for must in mentees.get("must_pair", []):
        if must:
            room[must] -= 1
    for at, mentee in enumerate(mentees.get("person_id", [])):
        others = (
            [
                m
                for row, m in enumerate(mentors.person_id)
                if eligible[row, at] and room[m] and (m, mentee) not in pairs
            ]
            if len(mentors)
            else []
        )
        listed = matching.runner_ups.query("role == 'mentee' and person_id == @mentee")
        assert len(listed) == (0 if mentee in held else min(3, len(others)))
        assert list(listed["rank"]) == list(range(1, len(listed) + 1))


@settings(max_examples=100, deadline=None)
@given(small_cohorts(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(cohort, random):
    mentors, mentees, policy = cohort
    first = find_matches(mentors, mentees, policy)
    shuffled = [table.iloc[random.sample(range(len(table)), len(table))] for table in (mentors, mentees)]
    second = find_matches(*shuffled, policy)
    for name in ("matches", "runner_ups", "unmatched"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))
    for name, values in first.certificate.items():
        assert (values == second.certificate[name]).all(), name
    assert {**first.summary, "seconds": 0} == {**second.summary, "seconds": 0}


@settings(max_examples=100, deadline=None)
@given(small_cohorts())
def test_the_seat_that_is_named_does_match_the_mentee(cohort):
    mentors, mentees, policy = cohort
    policy = policy.model_copy(update={"max_min": False})
    matching = find_matches(mentors, mentees, policy)
    for row in matching.unmatched.query("role == 'mentee'").itertuples():
        words = row.smallest_change.replace("{", " ").replace("}", " ").split()
        if "seat" not in words or words[0] != "One" or words[1] != "more" or words[2] != "seat":
            continue
        named = [word for word in words if word in set(mentors.person_id)]
        more = mentors.assign(capacity=mentors.capacity + (mentors.person_id == named[0]))
        rows = mentees.copy()
        if "committee" in words:
            pair = named[-1]
            rows.loc[rows.person_id == row.person_id, "must_pair"] = pair
        helped = find_matches(more, rows, policy)
        assert row.person_id in set(helped.matches.mentee_id)
        assert helped.summary["matched"] == matching.summary["matched"] + 1


@pytest.mark.parametrize(
    ("mentors", "mentees", "capacity"), [(60, 60, 1), (40, 120, 5), (90, 50, 2), (30, 100, 1), (1, 40, 5)]
)
@pytest.mark.parametrize("seed", range(4))
def test_the_total_agrees_with_a_plain_solver(make_cohort, mentors, mentees, capacity, seed):
    left, right = make_cohort(mentors, mentees, seed, capacity)
    right = right.drop(columns="waiting_since")
    matching = find_matches(left, right, Policy(seed=seed))
    points, eligible = matching.scores()
    seats = np.repeat(np.arange(mentors), left.capacity)
    worth = np.where(eligible, points + 10**6, 0)[seats]
    rows, columns = linear_sum_assignment(worth, maximize=True)
    taken = worth[rows, columns] > 0
    assert matching.summary["matched"] == int(taken.sum())
    assert matching.summary["total_points"] == int((worth[rows, columns][taken] - 10**6).sum())


@pytest.mark.parametrize("seed", range(3))
def test_the_certificate_proves_the_matching(make_cohort, seed):
    left, right = make_cohort(30, 70, seed)
    matching = find_matches(left, right, Policy())
    points, eligible = matching.scores()  # the rows of make_cohort are in the order of the ids
    proof = matching.certificate
    worth = np.where(eligible, points + proof["bonus"][None, :], 0)
    wish = np.maximum((worth - proof["prices"][:, None] * eligible).max(axis=0), 0)
    matched = np.flatnonzero(proof["partner"] >= 0)
    primal = int(worth[proof["partner"][matched], matched].sum())
    assert (proof["prices"] >= 0).all()
    assert primal == int(proof["worth"]) == int(wish.sum()) + int((proof["seats"] * proof["prices"]).sum())
    pairs = {(proof["mentor_ids"][proof["partner"][at]], proof["mentee_ids"][at]) for at in matched}
    assert pairs == set(zip(matching.matches.mentor_id, matching.matches.mentee_id, strict=True))


def topics(*rows: str) -> dict[str, list[str]]:
    return {"topics_wanted": list(rows)}


def test_who_waits_longest_comes_before_points():
    mentors = pd.DataFrame({"person_id": ["M"], "topics_offered": ["Jobs"]})
    dates = ["", "2026-03-01", "2025-09-01", "2025-10-01"]
    mentees = pd.DataFrame(
        {"person_id": list("ABCD"), "waiting_since": dates} | topics("Jobs", "Jobs", "Law", "Jobs")
    )
    matching = find_matches(mentors, mentees, Policy())
    assert matching.matches[["mentee_id", "points"]].values.tolist() == [["C", 0]]
    first = matching.runner_ups.query("role == 'mentor'").iloc[0]
    assert (first.partner_id, first.cost, first.mentees_lost, first.waiting_passed_over) == (
        "D",
        -300,
        0,
        True,
    )
    two = find_matches(mentors.assign(capacity=2), mentees, Policy())
    assert set(two.matches.mentee_id) == {"C", "D"}


def test_most_mentees_come_before_who_waits():
    mentors = pd.DataFrame({"person_id": ["M", "N"], "never_pair": ["", "A"]})
    mentees = pd.DataFrame(
        {
            "person_id": ["A", "B", "C"],
            "waiting_since": ["", "2025-09-01", "2026-01-01"],
            "never_pair": ["", "N", ""],
        }
    )
    # only M can take A or B, so one of them and C are served: B, who waits
    assert set(find_matches(mentors, mentees, Policy()).matches.mentee_id) == {"B", "C"}
    mentees = mentees.assign(never_pair=["", "N", "M;N"])
    assert set(find_matches(mentors, mentees, Policy()).matches.mentee_id) == {"B"}


def test_fairness_is_reached_and_priced():
    mentors = pd.DataFrame({"person_id": ["M", "N"], "topics_offered": ["a;b", "c"]})
    mentees = pd.DataFrame({"person_id": ["E", "F"]} | topics("a;b;c", "x;b"))
    # M-E 250 and N-F 0, or M-F 100 and N-E 50
    plain = find_matches(mentors, mentees, Policy())
    assert (sorted(plain.matches.points), plain.summary["fairness"]) == ([0, 250], {})
    lifted = find_matches(mentors, mentees, Policy(max_min=True))
    assert sorted(lifted.matches.points) == [50, 100]
    assert lifted.summary["fairness"] == {"max_min": {"value": 50, "points_paid": 100, "mentees_lost": 0}}
    assert lifted.certificate["threshold"] == 50
    floored = find_matches(mentors, mentees, Policy(floor=60))
    assert floored.matches.points.tolist() == [250]
    assert floored.summary["fairness"] == {"floor": {"value": 60, "points_paid": 0, "mentees_lost": 1}}


def test_blocking_pairs_are_counted():
    mentors = pd.DataFrame({"person_id": ["M", "N"], "topics_offered": ["a;b", "a"]})
    mentees = pd.DataFrame({"person_id": ["E", "F"]} | topics("a;b", "b"))
    # M-F 300 and N-E 200 is best; E would rather have M (300), but M has F for as much
    assert find_matches(mentors, mentees, Policy()).summary["blocking_pairs"] == 0
    mentees.loc[1, "topics_wanted"] = "b;c"
    # M-F 200 and N-E 200 is best; E and M would both rather have each other (300)
    summary = find_matches(mentors, mentees, Policy()).summary
    assert (summary["total_points"], summary["blocking_pairs"]) == (400, 1)


def test_the_seed_decides_between_equally_good_matchings():
    mentors = pd.DataFrame({"person_id": [f"M{at}" for at in range(6)]})
    mentees = pd.DataFrame({"person_id": [f"E{at}" for at in range(6)]})
    ways = {
        read_way(find_matches(mentors, mentees, Policy(seed=seed)), mentors, mentees) for seed in range(12)
    }
    assert len(ways) > 6
    assert all(sorted(way) == list(range(6)) for way in ways)
