"""Requests: who and which match is meant, and what follows once the committee has confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cohorts import (
    World,
    at,
    decide,
    fault,
    form,
    make_cohort,
    mentee,
    mentor,
    only,
    pair,
    queue,
    respond,
    token_for,
    with_messages,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.answers import FormAnswers
from mentoring.changes import (
    AddRequest,
    AddUnplacedResponse,
    CancelMessage,
    DecideRequest,
    EndMatch,
    FinishRequest,
    Plan,
    RejectMatch,
    SettleApplication,
)
from mentoring.cohort import Application, Cohort, Draft, Match, Request
from mentoring.decisions import PairRules
from mentoring.requests import find_obstacle, plan_requests
from mentoring.responses import Response
from mentoring.rosters import list_free

NOW = at("2027-05-10")
NOTHING = form("request")
RESTS = {"matches paused": 0, "matches resumed": 0}
CANT, NOT_WORKING = "I can't go on", "Our match isn't working out"
MENTOR, MENTEE = "2027-mentor-001", "2027-mentee-001"


def process(world: World, answers: FormAnswers = NOTHING, *rows: dict[str, str]) -> Plan:
    plan = world.apply(plan_requests(world.cohort, answers, rows, NOW), NOW)
    again = plan_requests(world.cohort, answers, rows, NOW)
    assert (again.changes, again.messages) == ((), ()), "running twice changes nothing"
    return plan


def ask(
    request: str,
    email: str,
    row: int = 2,
    when: str = "2027-05-08",
    rematch: str = "Yes, please",
    **more: str,
) -> Response:
    return respond("request", row, when, request=request, email=email, rematch=rematch, **more)


def take_in(cohort: Cohort, response: Response) -> AddRequest:
    [change] = plan_requests(cohort, form("request", response), [], NOW).changes
    assert isinstance(change, AddRequest)
    return change


def open_request(
    number: int, application_id: str | None, match_id: str | None, kind: str = "withdrawn", **changes: object
) -> Request:
    values: dict[str, object] = {
        "wants_rematch": False,
        "words": "",
        "problem": "",
        "decided_by": None,
        "state": "received",
    }
    return Request(
        f"2027-request-{number:03d}",
        f"r{number}",
        at("2027-05-08"),
        application_id,
        match_id,
        kind,
        **{**values, **changes},  # type: ignore[arg-type]
    )


def confirm(number: int) -> dict[str, str]:
    return decide(f"2027-request-{number:03d}", "Confirm")


def letters(plan: Plan) -> dict[tuple[str, str], Draft]:
    return {(draft.kind, draft.recipient_id.removeprefix("person-")): draft for draft in plan.messages}


# --- Taking in ---------------------------------------------------------------------------------------------------


def test_a_request_comes_in_and_waits_for_the_committee() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1)]))
    response = ask(CANT, "MENTOR1@example.org", comment="A new job.")
    plan = process(world, form("request", response, replace(response, row=9)))
    assert plan.changes == (
        AddRequest(
            "2027-request-001",
            response.key,
            "2027-05-08T13:00:00Z",
            MENTOR,
            "2027-match-001",
            "withdrawn",
            1,
            "A new job.",
            "",
        ),
    )
    assert plan.messages == ()
    assert plan.waiting == ("Requests that wait for a decision on the Requests tab: 1.",)
    assert plan.counts == {"new requests": 1, "confirmed": 0, "declined": 0, "matches ended": 0} | RESTS
    assert world.cohort.matches["2027-match-001"].state == "active", "nothing happens unconfirmed"


def test_the_reference_of_a_mail_tells_which_match_is_meant() -> None:
    cohort = make_cohort([mentor(1, capacity="2"), mentee(1), mentee(2)], [pair(1, 1), pair(1, 2, seat=2)])
    cohort = with_messages(cohort, queue(cohort, "monthly_topic", "2027-match-002", "2027-04", MENTOR))
    token = token_for(cohort, "2027-match-002", MENTOR, "monthly_topic")
    change = take_in(cohort, ask(NOT_WORKING, "", token=token))
    assert (change.application_id, change.match_id, change.kind, change.problem) == (
        MENTOR,
        "2027-match-002",
        "not_working_out",
        "",
    )


def test_several_matches_without_a_reference_need_a_question() -> None:
    cohort = make_cohort([mentor(1, capacity="2"), mentee(1), mentee(2)], [pair(1, 1), pair(1, 2, seat=2)])
    change = take_in(cohort, ask(NOT_WORKING, "mentor1@example.org"))
    assert (change.application_id, change.match_id) == (MENTOR, None)
    assert (
        change.problem
        == "The sender has several matches; ask which one, and that the link in a mail of it be used."
    )
    # Whoever can't go on means all of them.
    assert take_in(cohort, ask(CANT, "mentor1@example.org")).problem == ""


def test_a_person_with_matches_in_both_roles_is_asked_which_is_meant() -> None:
    both = {"person_id": "p", "email": "a@example.org"}
    cohort = make_cohort(
        [mentor(1, **both), mentee(1), mentor(2), mentee(2, **both)], [pair(1, 1), pair(2, 2)]
    )
    assert take_in(cohort, ask(CANT, "a@example.org")).problem.startswith("The sender has several matches;")


def test_an_address_that_nobody_applied_from() -> None:
    change = take_in(make_cohort([mentor(1)]), ask(CANT, "x@example.org"))
    assert (change.application_id, change.match_id) == (None, None)
    assert (
        change.problem
        == "Nobody of this cohort has the sender's address; ask from which address the person applied."
    )


def test_no_address_at_all_is_not_somebody_whose_data_was_removed() -> None:
    erased = replace(mentor(1), email="", name="", answers={})
    assert take_in(make_cohort([erased]), ask(CANT, "")).application_id is None


def test_somebody_without_a_match() -> None:
    cohort = make_cohort([mentor(1), mentee(1)])
    assert take_in(cohort, ask(CANT, "mentee1@example.org")).problem == ""
    change = take_in(cohort, ask(NOT_WORKING, "mentee1@example.org"))
    assert change.application_id == MENTEE
    assert change.problem == "The sender has no match at the moment; answer the sender, then choose Decline."


def test_somebody_without_a_match_in_both_roles_is_not_guessed() -> None:
    both = {"person_id": "p", "email": "a@example.org"}
    change = take_in(make_cohort([mentor(1, **both), mentee(1, **both)]), ask(CANT, "a@example.org"))
    assert change.problem.startswith("The sender applied as mentor and as mentee;")


def test_a_faulty_edit_does_not_keep_somebody_from_asking() -> None:
    cohort = make_cohort([mentor(1), mentee(1, "needs_attention")], [pair(1, 1)])
    assert take_in(cohort, ask(CANT, "mentee1@example.org")).match_id == "2027-match-001"


def test_a_response_that_can_not_be_read_waits_for_a_person_and_stops_nobody() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1)]))
    bad, good = ask("Something else", "x", row=2), ask(CANT, "mentor1@example.org", row=3)
    plan = process(world, form("request", bad, good, faults={2: [fault(2)]}))
    assert [change.problem for change in only(plan.changes, AddUnplacedResponse)] == [
        "Row 2, “How many?”: Write a number."
    ]
    assert [change.request_id for change in only(plan.changes, AddRequest)] == ["2027-request-001"]
    assert plan.waiting == (
        "Requests, row 2: Row 2, “How many?”: Write a number.",
        "Requests that wait for a decision on the Requests tab: 1.",
    )


def test_requests_of_an_earlier_year_and_of_erased_people_are_left_alone() -> None:
    old, erased = (
        ask(CANT, "mentor1@example.org", when="2027-01-10"),
        ask(CANT, "mentor1@example.org", comment="x"),
    )
    cohort = make_cohort([mentor(1)], forgotten=frozenset({erased.key}))
    assert plan_requests(cohort, form("request", old, erased), [], NOW).changes == ()


# --- Carrying out ------------------------------------------------------------------------------------------------


def carried(request: Request, *matches: Match, people: tuple[Application, ...] = ()) -> tuple[World, Plan]:
    everybody = people or (mentor(1, capacity="2"), mentor(2), mentee(1), mentee(2))
    world = World(make_cohort(everybody, matches or (pair(1, 1),), requests=[request]))
    return world, process(world, NOTHING, confirm(1))


def test_a_confirmed_withdrawal_ends_the_match_and_tells_both() -> None:
    world, plan = carried(open_request(1, MENTOR, "2027-match-001"))
    assert plan.changes == (
        DecideRequest("2027-request-001", "received", "confirmed", "NB"),
        EndMatch("2027-match-001", "withdrawn"),
        SettleApplication(MENTOR, "accepted", "withdrawn", "[]", "Left the program during the year."),
        FinishRequest("2027-request-001"),
    )
    told = letters(plan)
    assert set(told) == {("match_ended", "mentor-1"), ("partner_withdrew", "mentee-1")}
    assert told["match_ended", "mentor-1"].context == {
        "partner": {"name": "Ben Mentee1"},
        "rematch": False,
        "own_request": True,
    }
    assert told["partner_withdrew", "mentee-1"].context == {
        "partner": {"name": "Ben Mentor1"},
        "rematch": True,
    }
    assert plan.counts == {"new requests": 0, "confirmed": 1, "declined": 0, "matches ended": 1} | RESTS
    assert plan.waiting == ()
    assert world.cohort.requests["2027-request-001"].state == "done"


@pytest.mark.parametrize("wants_rematch", [True, False])
def test_a_match_that_does_not_work_out_ends_and_both_are_told(wants_rematch: bool) -> None:
    request = open_request(1, MENTEE, "2027-match-001", "not_working_out", wants_rematch=wants_rematch)
    world, plan = carried(request)
    told = letters(plan)
    assert told["match_ended", "mentee-1"].context == {
        "partner": {"name": "Ben Mentor1"},
        "rematch": wants_rematch,
        "own_request": True,
    }
    assert told["match_ended", "mentor-1"].context == {
        "partner": {"name": "Ben Mentee1"},
        "rematch": True,
        "own_request": False,
    }
    assert world.cohort.matches["2027-match-001"].reason == "not_working_out"
    expected = "accepted" if wants_rematch else "withdrawn"
    assert world.cohort.applications[MENTEE].state == expected
    assert world.cohort.applications[MENTOR].state == "accepted"


def test_what_was_queued_for_the_match_is_cancelled() -> None:
    cohort = make_cohort(
        [mentor(1), mentee(1)], [pair(1, 1)], requests=[open_request(1, MENTOR, "2027-match-001")]
    )
    cohort = with_messages(
        cohort,
        queue(cohort, "monthly_topic", "2027-match-001", "2027-05", MENTOR, "pending"),
        queue(cohort, "heads_up", "2027-match-001", "2027-05", MENTEE, "sent"),
    )
    plan = process(World(cohort), NOTHING, confirm(1))
    assert [change.problem for change in only(plan.changes, CancelMessage)] == [
        "The match ended before it went out."
    ]


def test_a_mentor_who_leaves_ends_both_matches_and_the_proposal() -> None:
    matches = pair(1, 1), pair(1, 2, seat=2), pair(1, 3, "proposed", seat=3)
    people = mentor(1, capacity="3"), mentee(1), mentee(2), mentee(3)
    _, plan = carried(open_request(1, MENTOR, "2027-match-001"), *matches, people=people)
    assert [change.match_id for change in only(plan.changes, EndMatch)] == [
        "2027-match-001",
        "2027-match-002",
    ]
    assert RejectMatch("2027-match-003", "proposed", "applicant_withdrew", None) in plan.changes
    assert set(letters(plan)) == {
        ("match_ended", "mentor-1"),
        ("partner_withdrew", "mentee-1"),
        ("partner_withdrew", "mentee-2"),
    }


def test_a_mentor_who_ends_one_match_keeps_the_other() -> None:
    request = open_request(1, MENTOR, "2027-match-001", "not_working_out")
    world, plan = carried(request, pair(1, 1), pair(1, 2, seat=2))
    assert [change.match_id for change in only(plan.changes, EndMatch)] == ["2027-match-001"]
    assert world.cohort.applications[MENTOR].state == "accepted"


def test_somebody_without_a_match_who_leaves_is_told_so() -> None:
    world = World(
        make_cohort(
            [mentor(1), mentee(1)], [pair(1, 1, "proposed")], requests=[open_request(1, MENTEE, None)]
        )
    )
    plan = process(world, NOTHING, confirm(1))
    assert world.cohort.applications[MENTEE].state == "withdrawn"
    assert world.cohort.matches["2027-match-001"].reason == "applicant_withdrew"
    assert list(letters(plan)) == [("application_withdrawn", "mentee-1")]
    assert plan.messages[0].context == {"role": "mentee"}


def test_a_request_that_is_declined_changes_nothing_else() -> None:
    world = World(
        make_cohort(
            [mentor(1), mentee(1)], [pair(1, 1)], requests=[open_request(1, MENTOR, "2027-match-001")]
        )
    )
    plan = process(world, NOTHING, decide("2027-request-001", "Decline"))
    assert plan.changes == (DecideRequest("2027-request-001", "received", "declined", "NB"),)
    assert (plan.messages, plan.waiting) == ((), ())


def test_an_unclear_request_can_not_be_confirmed_but_declined() -> None:
    unclear = open_request(1, MENTOR, None, "not_working_out", problem="Which one?")
    world = World(make_cohort([mentor(1)], requests=[unclear]))
    assert find_obstacle(world.cohort, unclear, NOW.date()) == "Which one?"
    plan = process(world, NOTHING, confirm(1))
    assert plan.changes == ()
    assert plan.waiting == ("Requests that wait for a decision on the Requests tab: 1.",)
    assert len(process(world, NOTHING, decide("2027-request-001", "Decline")).changes) == 1


def test_a_request_of_an_erased_person_can_only_be_declined() -> None:
    erased = replace(mentor(1, "withdrawn"), email="", name="", answers={})
    request = open_request(1, MENTOR, None)
    assert (
        find_obstacle(make_cohort([erased]), request, NOW.date())
        == "The sender's data was removed; choose Decline."
    )


def test_both_sides_may_ask_at_the_same_time() -> None:
    requests = [open_request(1, MENTOR, "2027-match-001"), open_request(2, MENTEE, "2027-match-001")]
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1)], requests=requests))
    plan = process(world, NOTHING, confirm(1), confirm(2))
    assert len(only(plan.changes, EndMatch)) == 1
    assert [draft.context["rematch"] for draft in plan.messages] == [False, False], "nobody hopes who leaves"
    assert {item.state for item in world.cohort.applications.values()} == {"withdrawn"}


def test_one_person_may_ask_twice() -> None:
    requests = [
        open_request(1, MENTEE, "2027-match-001", "not_working_out"),
        open_request(2, MENTEE, "2027-match-001"),
    ]
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1)], requests=requests))
    plan = process(world, NOTHING, confirm(1), confirm(2))
    assert len(only(plan.changes, SettleApplication)) == 1
    assert len(plan.messages) == 2


def test_both_people_of_a_proposal_may_leave_in_one_run() -> None:
    requests = [open_request(1, MENTOR, None), open_request(2, MENTEE, None)]
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1, "approved")], requests=requests))
    plan = process(world, NOTHING, confirm(1), confirm(2))
    assert len(only(plan.changes, RejectMatch)) == 1


def test_after_the_year_nobody_is_promised_a_new_match() -> None:
    cohort = make_cohort(
        [mentor(1), mentee(1)], [pair(1, 1)], requests=[open_request(1, MENTOR, "2027-match-001")]
    )
    plan = plan_requests(cohort, NOTHING, [confirm(1)], at("2027-12-01 00:00"))
    assert [draft.context["rematch"] for draft in plan.messages] == [False, False]
    assert [
        draft.context["rematch"]
        for draft in plan_requests(cohort, NOTHING, [confirm(1)], at("2027-11-30 23:00")).messages
    ] == [False, True]


def test_somebody_with_a_faulty_edit_may_leave() -> None:
    world = World(
        make_cohort(
            [mentor(1), mentee(1, "needs_attention")],
            [pair(1, 1)],
            requests=[open_request(1, MENTEE, "2027-match-001")],
        )
    )
    process(world, NOTHING, confirm(1))
    assert world.cohort.applications[MENTEE].state == "withdrawn"


def test_letters_go_out_in_daytime() -> None:
    cohort = make_cohort(
        [mentor(1, time_zone="Europe/Berlin"), mentee(1)],
        [pair(1, 1)],
        requests=[open_request(1, MENTOR, "2027-match-001")],
    )
    plan = plan_requests(cohort, NOTHING, [confirm(1)], at("2027-05-10 16:00"))
    assert [draft.not_before for draft in plan.messages] == [
        at("2027-05-11 08:00", "Europe/Berlin"),
        at("2027-05-10 16:00"),
    ]


cases = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.sampled_from(["mentor", "mentee"]),
        st.sampled_from(["withdrawn", "not_working_out"]),
        st.booleans(),
    ),
    max_size=5,
)


@given(cases, st.lists(st.sampled_from(["Confirm", "Decline", "", "Perhaps"]), min_size=5, max_size=5))
@settings(max_examples=80)
def test_whatever_is_asked_and_confirmed_together_every_match_ends_once_and_both_are_told(
    asked: list[tuple[int, str, str, bool]], words: list[str]
) -> None:
    """Mentor 1 has both mentees."""
    people = [mentor(1, capacity="2"), mentee(1), mentee(2)]
    requests = [
        open_request(
            number,
            MENTOR if role == "mentor" else f"2027-mentee-{which:03d}",
            f"2027-match-{which:03d}",
            kind,
            wants_rematch=wants,
        )
        for number, (which, role, kind, wants) in enumerate(asked, 1)
    ]
    world = World(make_cohort(people, [pair(1, 1), pair(1, 2, seat=2)], requests=requests))
    rows = [decide(request.request_id, word) for request, word in zip(requests, words, strict=False)]
    plan = process(world, NOTHING, *rows)
    ended = {match.match_id for match in world.cohort.list_matches("ended")}
    for match_id in ended:
        told = {draft.recipient_id for draft in plan.messages if draft.subject_id == match_id}
        assert len(told) == 2, "both are told"
    for request, word in zip(requests, words, strict=False):
        after = world.cohort.requests[request.request_id].state
        assert after == {"Confirm": "done", "Decline": "declined"}.get(word, "received")
        if word == "Confirm":
            assert request.match_id in ended
        if word == "Confirm" and request.kind == "withdrawn":
            assert request.application_id is not None
            assert world.cohort.applications[request.application_id].state == "withdrawn"
            assert not [m for m in world.cohort.list_matches("active") if request.application_id in m.pair]
    if not any(word == "Confirm" for word in words[: len(asked)]):
        assert not ended


def test_a_mentor_with_another_mentee_who_wants_no_other_offers_no_seat_until_applying_anew() -> None:
    people = [mentor(1, capacity="2"), mentee(1), mentee(2), mentee(3)]
    matches = [pair(1, 1), pair(1, 2, seat=2)]
    cohort = make_cohort(people, matches)
    for wants_rematch, seats in ((False, 0), (True, 1)):
        request = open_request(1, MENTOR, "2027-match-001", "not_working_out", wants_rematch=wants_rematch)
        world = World(replace(cohort, requests={request.request_id: request}))
        process(world, NOTHING, decide(request.request_id, "Confirm"))
        assert world.cohort.applications[MENTOR].state == "accepted", "goes on with the other mentee"
        roster = list_free(world.cohort, [], PairRules())
        assert sum(free for _, free in roster.mentors) == seats
    later = replace(cohort.applications[MENTOR], received_at=request.received_at + timedelta(days=1))
    done = replace(request, state="done", wants_rematch=False)
    ended = {"2027-match-001": pair(1, 1, "ended"), "2027-match-002": pair(1, 2, seat=2)}
    applications = {**cohort.applications, MENTOR: later}
    anew = replace(cohort, applications=applications, matches=ended, requests={done.request_id: done})
    assert [free for _, free in list_free(anew, [], PairRules()).mentors] == [1]
