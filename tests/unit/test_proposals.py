"""Proposals: the committee's decisions, who is free, and what holds whatever the optimum would be."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from cohorts import World, at, decide, make_cohort, mentee, mentor, only, pair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mentoring.changes import ApproveMatch, ExplainMatch, HoldMatch, Plan, ProposeMatch, RejectMatch
from mentoring.cohort import Cohort, Match
from mentoring.policy import Policy
from mentoring.proposals import plan_match_decisions, plan_proposals
from mentoring.rosters import find_waiting_since

NOW = at("2027-02-20")
M1, M2, M3 = (f"2027-mentor-{number:03d}" for number in (1, 2, 3))
E1, E2, E3 = (f"2027-mentee-{number:03d}" for number in (1, 2, 3))


def rule(word: str, pair_of: tuple[str, str]) -> dict[str, str]:
    return {"Rule": word, "Mentor": pair_of[0], "Mentee": pair_of[1]}


def show(cohort: Cohort, words: dict[str, str] | None = None) -> list[dict[str, str]]:
    """The Matches tab with a row for every match and these decisions."""
    return [decide(match_id, (words or {}).get(match_id, "")) for match_id in sorted(cohort.matches)]


def propose(
    world: World,
    words: dict[str, str] | None = None,
    rules: list[dict[str, str]] | None = None,
) -> Plan:
    """Propose, and once more to see that the second run changes nothing."""
    rows = show(world.cohort, words)
    plan = world.apply(plan_proposals(world.cohort, rows, rules or [], NOW), NOW)
    again = plan_proposals(world.cohort, show(world.cohort, words), rules or [], NOW)
    assert again.changes == (), "running twice changes nothing"
    assert plan.messages == (), "nothing is sent unapproved"
    return plan


def pairs(world: World, *states: str) -> set[tuple[str, str]]:
    return {match.pair for match in world.cohort.list_matches(*(states or ("proposed",)))}


def test_everybody_who_is_free_is_proposed_with_reasons() -> None:
    world = World(make_cohort([mentor(1), mentor(2), mentee(1), mentee(2), mentee(3)]))
    plan = propose(world)
    assert len(pairs(world)) == 2
    proposals = only(plan.changes, ProposeMatch)
    assert [change.match_id for change in proposals] == ["2027-match-001", "2027-match-002"]
    match = world.cohort.matches["2027-match-001"]
    assert match.points == sum(match.explanation["criteria"].values()) > 0
    assert "Finding a first job" in match.explanation["why"]
    assert plan.counts == {
        "proposed": 2,
        "replaced": 0,
        "unmatched mentees": 1,
        "free seats": 0,
        "approved": 0,
        "rejected": 0,
        "held": 0,
    }
    assert plan.waiting == ("Proposals that wait for a decision on the Matches tab: 2.",)


def test_unmatched_people_are_listed_by_name_with_the_reason() -> None:
    cohort = make_cohort([mentor(1, channels="Phone"), mentee(1, channels="Chat")])
    [update] = plan_proposals(cohort, [], [], NOW).updates
    assert (update.tab, update.remove_missing) == ("Unmatched", True)
    assert [(row["Reference"], row["Name"], row["Role"]) for row in update.rows] == [
        (E1, "Ben Mentee1", "mentee"),
        (M1, "Ben Mentor1", "mentor"),
    ]
    assert "share no way to talk" in str(update.rows[0]["Why"])


@pytest.mark.parametrize("people", [[], [mentor(1)], [mentee(1)]])
def test_a_side_that_is_empty_is_no_mistake(people: list[object]) -> None:
    plan = plan_proposals(make_cohort(people), [], [], NOW)  # type: ignore[arg-type]
    assert plan.changes == ()
    assert plan.counts["proposed"] == 0
    assert len(plan.updates[0].rows) == len(people)


def test_nothing_is_proposed_before_the_closing_day_is_over() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, "proposed")])
    early = plan_proposals(cohort, show(cohort, {"2027-match-001": "Hold"}), [], at("2027-02-12 23:59"))
    assert early.changes == (HoldMatch("2027-match-001", 1, "NB"),)
    assert early.waiting == (
        "Applications are open until 12 February 2027; proposals follow after that day.",
    )
    assert [update.rows for update in early.updates] == [[]]
    assert only(
        plan_proposals(make_cohort([mentor(1), mentee(1)]), [], [], at("2027-02-13 00:00")).changes,
        ProposeMatch,
    )


@pytest.mark.parametrize("moment", ["2027-02-01", "2027-02-20"])
def test_the_mentors_to_look_for_stand_on_the_desk_before_the_deadline_and_after(moment: str) -> None:
    cohort = make_cohort([mentor(1), mentee(1), mentee(2), mentee(3)])
    [update] = plan_proposals(cohort, [], [], at(moment)).updates
    [wanted] = [row for row in update.rows if row["Role"] == "wanted"]
    assert wanted["Reference"] == "2027-wanted-1"
    assert str(wanted["Why"]).startswith("Wanted: one more mentor, ")
    assert "Ben" not in str(wanted["Why"]), "the call is pasted where everybody reads it"
    assert str(wanted["Smallest change"]).startswith("One more mentor like Ben Mentor1, ")
    assert "would give one more mentee a mentor" in str(wanted["Smallest change"])


def test_a_rematch_says_what_giving_up_the_pairs_that_stay_would_gain() -> None:
    serials = {"focus_areas": "Serials", "library_type": "Consortium"}
    people = [
        mentor(1, topics_offered="Usage statistics and assessment", **serials),
        mentor(2),
        mentee(1),
        mentee(2, topics_wanted="Usage statistics and assessment", **serials),
    ]
    cohort = make_cohort(people)
    free, forced = (plan_proposals(cohort, [], rules, NOW) for rules in ([], [rule("Must pair", (M1, E1))]))
    totals = [sum(change.points for change in only(plan.changes, ProposeMatch)) for plan in (free, forced)]
    kept = make_cohort(people, [pair(1, 1, "active")])
    plan = plan_proposals(kept, show(kept), [], NOW)
    [proposed] = only(plan.changes, ProposeMatch)
    assert (proposed.mentor_application_id, proposed.mentee_application_id) == (M2, E2)
    assert plan.counts["points to gain if no pair were kept"] == totals[0] - totals[1] > 0
    assert plan.counts["mentees to gain if no pair were kept"] == 0
    assert not [name for name in free.counts if "no pair were kept" in name], "no pair stays yet"


def test_nothing_is_proposed_after_the_last_day_of_the_year() -> None:
    cohort = make_cohort([mentor(1), mentee(1)])
    assert only(plan_proposals(cohort, [], [], at("2027-11-30 23:00")).changes, ProposeMatch)
    assert plan_proposals(cohort, [], [], at("2027-12-01 00:30")) == Plan(counts={"proposed": 0})


@pytest.mark.parametrize("state", ["needs_attention", "withdrawn", "received", "duplicate"])
def test_only_accepted_people_are_proposed(state: str) -> None:
    assert plan_proposals(make_cohort([mentor(1), mentee(1, state)]), [], [], NOW).changes == ()
    assert plan_proposals(make_cohort([mentor(1, state), mentee(1)]), [], [], NOW).changes == ()


def test_an_erased_person_takes_no_part() -> None:
    gone = replace(mentee(1), email="", name="", answers={})
    plan = plan_proposals(make_cohort([mentor(1), gone]), [], [], NOW)
    assert plan.changes == ()
    assert [row["Reference"] for row in plan.updates[0].rows] == [M1]


def test_one_person_is_never_their_own_mentor() -> None:
    both = [mentor(1, person_id="p", email="a@example.org"), mentee(1, person_id="p", email="a@example.org")]
    assert plan_proposals(make_cohort(both), [], [], NOW).changes == ()
    world = World(make_cohort([*both, mentor(2), mentee(2)]))
    propose(world)
    assert pairs(world) == {(M1, E2), (M2, E1)}


# --- Decisions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        ("Approve", [ApproveMatch("2027-match-001", "NB")]),
        ("Reject", [RejectMatch("2027-match-001", "proposed", "committee", "NB")]),
        ("Hold", [HoldMatch("2027-match-001", 1, "NB")]),
        ("", []),
    ],
)
def test_a_decision_on_a_proposal(word: str, changes: list[object]) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, "proposed")])
    assert plan_match_decisions(cohort, show(cohort, {"2027-match-001": word})) == (changes, {})


def test_an_emptied_cell_ends_a_hold_but_a_missing_or_unreadable_row_does_not() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, "proposed", is_held=True)])
    assert plan_match_decisions(cohort, show(cohort))[0] == [HoldMatch("2027-match-001", 0, "the committee")]
    assert plan_match_decisions(cohort, [])[0] == []
    assert plan_match_decisions(cohort, [decide("2027-match-001", "Hold on")])[0] == []
    assert plan_match_decisions(cohort, [decide("2027-match-001", "Hold")])[0] == []


@pytest.mark.parametrize(
    ("match", "word", "remark"),
    [
        (pair(1, 1, "approved"), "Hold", "Already approved. Reject stops it before the introduction."),
        (
            pair(1, 1, "active"),
            "Reject",
            "The two are already introduced. To end the match, put a request into the request form.",
        ),
        (
            pair(1, 1, "active"),
            "Hold",
            "The two are already introduced. To end the match, put a request into the request form.",
        ),
        (pair(1, 1, "rejected"), "Approve", "The committee rejected this pair; it does not return."),
        (
            pair(1, 1, "rejected", reason="superseded"),
            "Approve",
            "This pair is no longer proposed. A Must pair rule on the Rules tab brings the two together.",
        ),
    ],
)
def test_a_decision_that_comes_too_late_gets_a_remark(match: Match, word: str, remark: str) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [match])
    changes, remarks = plan_match_decisions(cohort, show(cohort, {match.match_id: word}))
    assert (changes, remarks) == ([], {match.match_id: remark})


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("approved", "Approve"),
        ("active", "Approve"),
        ("rejected", "Reject"),
        ("ended", "Approve"),
        ("ended", "Reject"),
    ],
)
def test_a_decision_that_was_carried_out_stays_in_its_cell_in_peace(state: str, word: str) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, state)])
    assert plan_match_decisions(cohort, show(cohort, {"2027-match-001": word})) == ([], {})


def test_an_approval_can_be_taken_back_before_the_introduction() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, "approved")])
    assert plan_match_decisions(cohort, show(cohort, {"2027-match-001": "Reject"}))[0] == [
        RejectMatch("2027-match-001", "approved", "committee", "NB")
    ]


def test_somebody_who_is_no_longer_accepted_can_not_be_approved() -> None:
    cohort = make_cohort([mentor(1), mentee(1, "needs_attention")], [pair(1, 1, "proposed")])
    assert plan_match_decisions(cohort, show(cohort, {"2027-match-001": "Approve"})) == (
        [],
        {
            "2027-match-001": "One of the two is not accepted any more; see the Applications tab. No introduction."
        },
    )


# --- What holds --------------------------------------------------------------------------------------------------


def better_world() -> World:
    """Mentor 1 and mentee 1 fit badly, mentor 2 and mentee 1 well."""
    bad = {
        "topics_offered": "Usage statistics and assessment",
        "focus_areas": "Serials",
        "library_type": "Consortium",
    }
    return World(make_cohort([mentor(1, **bad), mentor(2), mentee(1)], [pair(1, 1, "proposed")]))


def test_an_undecided_proposal_gives_way_to_a_better_one() -> None:
    world = better_world()
    plan = propose(world)
    assert pairs(world) == {(M2, E1)}
    assert RejectMatch("2027-match-001", "proposed", "superseded", None) in plan.changes
    assert plan.counts["replaced"] == 1


@pytest.mark.parametrize("word", ["Hold", "Approve"])
def test_a_pair_that_the_committee_keeps_does_not_give_way(word: str) -> None:
    world = better_world()
    plan = propose(world, {"2027-match-001": word})
    assert world.cohort.matches["2027-match-001"].pair == (M1, E1)
    assert world.cohort.matches["2027-match-001"].is_live
    assert only(plan.changes, ProposeMatch) == []
    assert plan.counts["held" if word == "Hold" else "approved"] == 1
    # Whoever holds has decided for now: nothing waits.
    assert plan.waiting == ()


def test_a_rejected_pair_never_returns() -> None:
    world = World(make_cohort([mentor(1), mentee(1)]))
    propose(world)
    propose(world, {"2027-match-001": "Reject"})
    assert pairs(world) == set()
    assert pairs(world, "rejected") == {(M1, E1)}
    plan = propose(world, {"2027-match-001": "Reject"}, [rule("Must pair", (M1, E1))])
    assert plan.changes == ()


def test_a_superseded_pair_may_return() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1, "rejected", reason="superseded")]))
    propose(world)
    assert pairs(world) == {(M1, E1)}


def test_a_must_pair_holds_against_the_optimum_and_waits_for_a_decision() -> None:
    world = better_world()
    plan = propose(world, rules=[rule("Must pair", (M1, E1))])
    assert pairs(world) == {(M1, E1)}
    assert plan.waiting == ("Proposals that wait for a decision on the Matches tab: 1.",)


def test_a_never_pair_is_stronger_than_a_hold_and_does_not_stop_the_others() -> None:
    world = World(make_cohort([mentor(1), mentor(2), mentee(1), mentee(2)]))
    propose(world)
    held = next(match for match in world.cohort.matches.values())
    plan = propose(world, {held.match_id: "Hold"}, [rule("Never pair", held.pair)])
    assert held.pair not in pairs(world)
    assert len(pairs(world)) == 2
    assert plan.counts["proposed"] == 2


def test_a_must_pair_with_oneself_does_not_stop_the_others() -> None:
    people = [mentor(1, person_id="p"), mentee(1, person_id="p"), mentee(2)]
    world = World(make_cohort(people))
    propose(world, rules=[rule("Must pair", (M1, E1))])
    assert pairs(world) == {(M1, E2)}


def answer(world: World, *asked: dict[str, str]) -> list[str]:
    """What the `Rules` tab would say in the column `Answer`."""
    update = next(each for each in propose(world, rules=[*asked]).updates if each.tab == "Rules")
    assert [row["Rule"] for row in update.rows] == [row["Rule"] for row in asked]
    return [str(row["Answer"]) for row in update.rows]


def test_a_what_if_is_answered_with_its_cost_and_who_would_move_and_decides_nothing() -> None:
    world = better_world()
    propose(world)
    best = pairs(world)
    assert (M1, E1) not in best
    [costly, none, no_question] = answer(
        world, rule("What if", (M1, E1)), rule("what if", min(best)), rule("Hm", (M1, E1))
    )
    assert re.match(r"Pairing Ben Mentor1 with Ben Mentee1 costs \d+ points in total", costly)
    assert none.endswith("is part of the best matching; nothing else changes.")
    assert no_question == ""
    assert pairs(world) == best


def test_a_what_if_about_somebody_who_is_not_free_says_so() -> None:
    world = World(make_cohort([mentor(1), mentor(2), mentee(1)], [pair(1, 1, "approved")]))
    assert answer(world, rule("What if", (M2, E1))) == [
        "Ben Mentee1 is not free: not accepted, or in a match already."
    ]


def test_without_rules_the_rules_tab_is_left_alone() -> None:
    assert [update.tab for update in propose(better_world()).updates] == ["Unmatched"]


def test_contradicting_must_pairs_give_one_sentence_and_keep_the_decisions() -> None:
    cohort = make_cohort([mentor(1), mentor(2), mentee(1), mentee(2)], [pair(2, 2, "proposed")])
    plan = plan_proposals(
        cohort,
        show(cohort, {"2027-match-002": "Reject"}),
        [rule("Must pair", (M1, E1)), rule("Must pair", (M2, E1))],
        NOW,
    )
    assert plan.changes == (RejectMatch("2027-match-002", "proposed", "committee", "NB"),)
    assert plan.waiting == (
        f"No proposal could be made: Mentee {E1} must be paired with two mentors, {M1} and {M2}; keep one of them.",
    )


def test_pairs_of_this_year_and_of_earlier_years_never_return() -> None:
    people = [mentor(1, capacity="2"), mentee(1), mentee(2)]
    cohort = make_cohort(
        people, [pair(1, 1, "ended")], earlier_pairs=frozenset({("person-mentor-1", "person-mentee-2")})
    )
    assert plan_proposals(cohort, show(cohort), [], at("2027-05-05")).changes == ()


def test_a_rematch_leaves_every_active_pair_and_uses_the_free_seat() -> None:
    people = [mentor(1), mentor(2, capacity="2"), mentee(1), mentee(2), mentee(3)]
    matches = [pair(1, 1, "ended"), pair(2, 2), pair(2, 3, "ended", seat=2)]
    world = World(make_cohort(people, matches))
    plan = propose(world)
    assert pairs(world, "active") == {(M2, E2)}
    assert pairs(world) == {(M1, E3), (M2, E1)}
    assert [(change.seat, change.is_rematch) for change in only(plan.changes, ProposeMatch)] == [
        (1, 1),
        (2, 1),
    ]


def test_a_mentor_who_lowered_the_capacity_keeps_active_mentees_and_gets_no_more() -> None:
    people = [mentor(1, capacity="1"), mentee(1), mentee(2), mentee(3)]
    cohort = make_cohort(people, [pair(1, 1), pair(1, 2, seat=2)])
    assert plan_proposals(cohort, show(cohort), [], NOW).changes == ()


def test_a_mentor_with_two_seats_gets_two_mentees_on_two_seats() -> None:
    world = World(make_cohort([mentor(1, capacity="2"), mentee(1), mentee(2)]))
    plan = propose(world)
    assert [change.seat for change in only(plan.changes, ProposeMatch)] == [1, 2]


def test_a_staying_proposal_learns_of_new_reasons() -> None:
    world = World(make_cohort([mentor(1), mentee(1)]))
    propose(world)
    edited = replace(
        world.cohort.applications[E1], answers=mentee(1, topics_wanted="Working with vendors").answers
    )
    world.cohort = replace(world.cohort, applications={**world.cohort.applications, E1: edited})
    plan = propose(world)
    [change] = only(plan.changes, ExplainMatch)
    assert "Working with vendors" in change.explanation
    assert plan.changes == (change,)


def test_a_proposal_with_somebody_who_left_gives_way() -> None:
    world = World(make_cohort([mentor(1), mentee(1, "withdrawn"), mentee(2)], [pair(1, 1, "proposed")]))
    propose(world)
    assert pairs(world) == {(M1, E2)}


def test_runner_ups_are_named_with_their_cost() -> None:
    world = World(make_cohort([mentor(1), mentor(2), mentee(1)]))
    propose(world)
    [match] = world.cohort.list_matches("proposed")
    other = M2 if match.mentor_application_id == M1 else M1
    assert match.explanation["runner_ups"] == [f"{{{other}}} (costs 0 points)"]


def test_a_choice_for_which_somebody_who_waited_longer_would_go_without_says_so() -> None:
    """Everybody would have a mentor but the one who waits longest: points would even be gained."""
    people = [mentor(1), mentor(2), *(mentee(number) for number in (1, 2, 3))]
    people[-1] = mentee(3, is_late=True, received_at=at("2027-02-15"))
    world = World(make_cohort(people, waited_since={"person-mentee-1": date(2026, 2, 1)}))
    propose(world, rules=[rule("Never pair", (M1, E1))])
    assert pairs(world) == {(M2, E1), (M1, E2)}
    told = {
        match.mentee_application_id: match.explanation["runner_ups"]
        for match in world.cohort.matches.values()
    }
    assert told[E2] == [f"{{{M2}}} (somebody who waited longer would go without)"]


# --- The line ----------------------------------------------------------------------------------------------------


def test_places_in_the_line() -> None:
    people = [
        mentor(1),
        mentee(1),
        mentee(2, is_late=True, received_at=at("2027-03-05 23:30")),
        mentee(3),
        mentee(4),
    ]
    cohort = make_cohort(people, [pair(1, 3, "ended")], waited_since={"person-mentee-4": date(2026, 2, 1)})
    since = [find_waiting_since(cohort, item).isoformat() for item in cohort.list_accepted("mentee")]
    assert since == ["2027-02-12", "2027-03-05", "2027-01-10", "2026-02-01"]


@pytest.mark.parametrize("first", [1, 2])
def test_the_partner_of_somebody_who_left_goes_first(first: int) -> None:
    """One seat, two who want it: the one whose match ended gets it, whatever the points."""
    people = [mentor(1), mentor(2, "withdrawn"), mentee(1), mentee(2)]
    world = World(make_cohort(people, [pair(2, first, "ended", number=9)]))
    propose(world)
    assert pairs(world) == {(M1, (E1, E2)[first - 1])}


def test_somebody_in_time_goes_before_a_late_one() -> None:
    people = [
        mentor(1),
        mentee(1, is_late=True, received_at=at("2027-02-15")),
        mentee(2, topics_wanted="Linked data and BIBFRAME"),
    ]
    world = World(make_cohort(people))
    propose(world)
    assert pairs(world) == {(M1, E2)}


def test_the_policy_in_force_counts() -> None:
    people = [mentor(1, institution="One"), mentee(1, institution="One")]
    assert plan_proposals(make_cohort(people), [], [], NOW).changes == ()
    allowed = make_cohort(people, policy=Policy(same_institution_allowed=True))
    assert len(plan_proposals(allowed, [], [], NOW).changes) == 1


# --- Whatever the committee decides ------------------------------------------------------------------------------

ids = st.tuples(st.sampled_from((M1, M2, M3)), st.sampled_from((E1, E2, E3)))


@st.composite
def committees(
    draw: st.DrawFn,
) -> tuple[list[int], list[dict[str, str]], list[list[str]], set[tuple[str, str]]]:
    """Capacities, rules that do not contradict each other, three rounds of decisions, earlier pairs."""
    capacities = draw(st.lists(st.integers(1, 2), min_size=3, max_size=3))
    never = draw(st.sets(ids, max_size=2))
    must = draw(st.sets(ids, max_size=1)) - never
    rules = [rule("Never pair", found) for found in never] + [rule("Must pair", found) for found in must]
    word = st.sampled_from(["", "", "Approve", "Reject", "Hold", "Maybe"])
    rounds = draw(st.lists(st.lists(word, min_size=12, max_size=12), min_size=1, max_size=3))
    return capacities, rules, rounds, draw(st.sets(ids, max_size=2)) - must


@given(committees())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whatever_the_committee_decides_its_word_holds(
    case: tuple[list[int], list[dict[str, str]], list[list[str]], set[tuple[str, str]]],
) -> None:
    capacities, rules, rounds, earlier = case
    people = [
        *(mentor(n, capacity=str(c)) for n, c in enumerate(capacities, 1)),
        *(mentee(n) for n in (1, 2, 3)),
    ]
    as_people = frozenset(
        (f"person-mentor-{int(a[-3:])}", f"person-mentee-{int(b[-3:])}") for a, b in earlier
    )
    world = World(make_cohort(people, earlier_pairs=as_people))
    never = {(row["Mentor"], row["Mentee"]) for row in rules if row["Rule"] == "Never pair"}
    rejected: set[tuple[str, str]] = set()
    for words in rounds:
        decisions = dict(zip(sorted(world.cohort.matches), words, strict=False))
        settled = {m.match_id: m for m in world.cohort.list_matches("approved", "active")}
        held = {
            m.match_id
            for m in world.cohort.list_matches("proposed")
            if decisions.get(m.match_id) == "Hold" and m.pair not in never
        }
        rejected |= {
            world.cohort.matches[match_id].pair
            for match_id, word in decisions.items()
            if word == "Reject" and world.cohort.matches[match_id].state in ("proposed", "approved")
        }
        plan = plan_proposals(world.cohort, show(world.cohort, decisions), rules, NOW)
        world.apply(plan, NOW)
        again = plan_proposals(world.cohort, show(world.cohort, decisions), rules, NOW)
        assert again.changes == ()
        if any(line.startswith("No proposal") for line in plan.waiting):
            continue
        proposed = only(plan.changes, ProposeMatch)
        new = {(change.mentor_application_id, change.mentee_application_id) for change in proposed}
        assert not new & never
        assert not new & rejected
        assert not new & earlier
        live = world.cohort.list_matches("proposed", "approved", "active")
        seats = Counter(match.mentor_application_id for match in live)
        assert all(seats[key] <= world.cohort.applications[key].capacity for key in seats), "capacity holds"
        for match_id, match in settled.items():
            if decisions.get(match_id) != "Reject":
                assert world.cohort.matches[match_id] == match, "an approved pair stays as it is"
        assert all(world.cohort.matches[match_id].is_live for match_id in held), "a held pair holds"
