"""Intake: which application counts, what becomes of it, and that nobody is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cohorts import (
    World,
    application,
    at,
    fault,
    form,
    load_program,
    make_cohort,
    mentee,
    mentor,
    only,
    pair,
    queue,
    respond,
    with_messages,
    withdrawal,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.addresses import normalise_address
from mentoring.answers import FormAnswers
from mentoring.changes import AddApplication, AddRequest, CancelMessage, Plan, RejectMatch, SettleApplication
from mentoring.cohort import Application, Draft, Person
from mentoring.intake import plan_intake
from mentoring.program import Program
from mentoring.responses import Response

NOW = at("2027-01-25")
ADA, BEN, CLEO = "ada@example.org", "ben@example.org", "cleo@example.org"


def take_in(world: World, *forms: FormAnswers, now: datetime = NOW) -> Plan:
    """Run intake, and once more to see that the second run changes nothing."""
    plan = world.apply(plan_intake(world.cohort, forms, now), now)
    again = plan_intake(world.cohort, forms, now + timedelta(minutes=5))
    assert (again.changes, again.messages) == ((), ())
    return plan


def states(world: World) -> dict[str, str]:
    return {key.removeprefix("2027-"): item.state for key, item in world.cohort.applications.items()}


def the(world: World, key: str) -> Application:
    return world.cohort.applications[f"2027-{key}"]


def letters(plan: Plan) -> list[tuple[str, str]]:
    return [(draft.kind, draft.subject_id.removeprefix("2027-")) for draft in plan.messages]


def test_good_applications_are_accepted_and_acknowledged() -> None:
    world = World(make_cohort())
    responses = (
        [application("mentor", 2, "2027-01-20", ADA, capacity="3")],
        [application("mentee", 2, "2027-01-20", BEN)],
    )
    plan = take_in(world, form("mentor", *responses[0]), form("mentee", *responses[1]))
    assert states(world) == {"mentor-001": "accepted", "mentee-001": "accepted"}
    assert letters(plan) == [("acknowledgement", "mentor-001"), ("acknowledgement", "mentee-001")]
    assert plan.messages[0].context == {
        "role": "mentor",
        "closes_on": "12 February 2027",
        "is_late": False,
        "notes": [],
    }
    assert world.seats == {("2027-mentor-001", seat) for seat in (1, 2, 3)}
    assert plan.counts == {
        "new applications": 2,
        "changed applications": 0,
        "accepted": 2,
        "needs attention": 0,
        "duplicate": 0,
        "withdrawn": 0,
    }
    assert plan.waiting == ()


def test_an_application_with_faults_hears_what_to_mend() -> None:
    world = World(make_cohort())
    wrong = application("mentor", 5, "2027-01-20", ADA, capacity="many")
    plan = take_in(world, form("mentor", wrong, faults={5: [fault(5)]}))
    assert the(world, "mentor-001").state == "needs_attention"
    assert the(world, "mentor-001").faults == [fault(5)]
    assert world.seats == set()
    assert letters(plan) == [("please_correct", "mentor-001")]
    assert plan.messages[0].context == {
        "role": "mentor",
        "faults": [{"question": "How many?", "mend": "Write a number."}],
        "form_link": load_program().links.mentor_form,
    }


def test_a_corrected_application_is_acknowledged() -> None:
    world = World(make_cohort())
    wrong = application("mentee", 5, "2027-01-20", ADA, code_of_conduct="")
    take_in(world, form("mentee", wrong, faults={5: [fault(5)]}))
    right = application("mentee", 9, "2027-01-22", ADA)
    plan = take_in(world, form("mentee", wrong, right, faults={5: [fault(5)]}))
    assert states(world) == {"mentee-001": "accepted", "mentee-002": "duplicate"}
    assert the(world, "mentee-001").response_key == right.key
    assert the(world, "mentee-002").reason == "A later application of the same person counts."
    assert letters(plan) == [("acknowledgement", "mentee-001")]
    # The plea to correct had not gone out yet.
    assert [change.problem for change in only(plan.changes, CancelMessage)] == [
        "The application changed before it went out."
    ]


def test_an_edit_of_an_accepted_application_is_taken_in_without_another_letter() -> None:
    world = World(make_cohort())
    take_in(world, form("mentor", application("mentor", 2, "2027-01-20", ADA, capacity="3")))
    edited = application("mentor", 2, "2027-01-24", ADA, capacity="1")
    plan = take_in(world, form("mentor", edited))
    assert letters(plan) == []
    assert the(world, "mentor-001").capacity == 1
    assert the(world, "mentor-001").revision == 2
    assert world.seats == {("2027-mentor-001", 1)}
    assert plan.counts["changed applications"] == 1


def test_a_seat_in_use_is_kept_when_capacity_is_lowered() -> None:
    world = World(make_cohort())
    mentors = form("mentor", application("mentor", 2, "2027-01-20", ADA, capacity="3"))
    mentees = form("mentee", application("mentee", 2, "2027-01-20", BEN))
    take_in(world, mentors, mentees)
    world.cohort = replace(world.cohort, matches={"2027-match-001": pair(1, 1, "active", seat=3)})
    take_in(world, form("mentor", application("mentor", 2, "2027-01-24", ADA, capacity="1")), mentees)
    assert world.seats == {("2027-mentor-001", 1), ("2027-mentor-001", 3)}


def test_the_latest_name_counts_whatever_the_order_of_rows() -> None:
    world = World(make_cohort())
    rows = [
        application("mentee", 2, "2027-01-21", "ADA@example.org", name="Ada Newname"),
        application("mentee", 3, "2027-01-20", ADA, name="Ada Oldname"),
    ]
    take_in(world, form("mentee", *rows))
    [person] = world.cohort.people.values()
    assert (person.name, person.email, person.email_key) == ("Ada Newname", "ADA@example.org", ADA)
    assert states(world) == {"mentee-001": "accepted", "mentee-002": "duplicate"}


def test_a_response_sent_twice_is_one_application() -> None:
    world = World(make_cohort())
    twice = application("mentee", 2, "2027-01-21", ADA)
    plan = take_in(world, form("mentee", twice, replace(twice, row=3)))
    assert states(world) == {"mentee-001": "accepted"}
    assert len(plan.messages) == 1


def test_one_person_in_both_roles_has_two_applications_and_is_one_person() -> None:
    world = World(make_cohort())
    plan = take_in(
        world,
        form("mentor", application("mentor", 2, "2027-01-20", ADA)),
        form("mentee", application("mentee", 2, "2027-01-21", ADA)),
    )
    assert states(world) == {"mentor-001": "accepted", "mentee-001": "accepted"}
    assert the(world, "mentor-001").person_id == the(world, "mentee-001").person_id == "person-0001"
    assert the(world, "mentor-001").reason == "Applied as mentee too."
    assert the(world, "mentee-001").reason == "Applied as mentor too."
    assert len(plan.messages) == 2


def test_ids_go_on_after_those_of_people_who_were_erased() -> None:
    gone = {f"person-{number:04d}": Person(f"person-{number:04d}", "", "", "") for number in (1, 2, 3)}
    world = World(make_cohort(people=gone))
    take_in(world, form("mentee", application("mentee", 2, "2027-01-20", ADA)))
    assert the(world, "mentee-001").person_id == "person-0004"


def test_an_address_that_can_not_be_used_is_kept_and_reaches_the_committee() -> None:
    world = World(make_cohort(people={"person-0001": Person("person-0001", "", "", "")}))
    wrong = application("mentee", 4, "2027-01-20", "ada at example.org")
    plan = take_in(world, form("mentee", wrong, faults={4: [fault(4, "Email", "Write an address.")]}))
    assert the(world, "mentee-001").state == "needs_attention"
    assert the(world, "mentee-001").person_id is None
    assert plan.messages == ()
    assert plan.waiting == (
        "2027-mentee-001: the address can't be used, so nobody can write to the applicant.",
    )


def test_a_mended_address_continues_the_same_application() -> None:
    world = World(make_cohort())
    wrong = application("mentee", 4, "2027-01-20", "ada at example.org")
    take_in(world, form("mentee", wrong, faults={4: [fault(4)]}))
    plan = take_in(world, form("mentee", application("mentee", 4, "2027-01-20", ADA)))
    assert states(world) == {"mentee-001": "accepted"}
    assert letters(plan) == [("acknowledgement", "mentee-001")]


def test_a_withdrawal_withdraws_and_frees_the_partner() -> None:
    world = World(make_cohort())
    mentors = form("mentor", application("mentor", 2, "2027-01-20", ADA))
    first = application("mentee", 2, "2027-01-20", BEN, goals_text="Learn.")
    take_in(world, mentors, form("mentee", first))
    world.cohort = replace(world.cohort, matches={"2027-match-001": pair(1, 1, "approved")})
    plan = take_in(world, mentors, form("mentee", first, withdrawal("mentee", 3, "2027-01-23", BEN)))
    assert states(world) == {"mentor-001": "accepted", "mentee-001": "withdrawn", "mentee-002": "duplicate"}
    assert the(world, "mentee-001").reason == "The applicant took the application back."
    assert the(world, "mentee-001").answers["goals_text"] == "Learn."
    assert world.cohort.matches["2027-match-001"].reason == "applicant_withdrew"
    assert ("application_withdrawn", "mentee-001") in letters(plan)
    # Its acknowledgement was still waiting to go out.
    assert [m.state for m in world.cohort.messages if m.subject_id == "2027-mentee-001"] == [
        "cancelled",
        "pending",
    ]


def test_somebody_who_comes_back_is_acknowledged_again() -> None:
    world = World(make_cohort())
    first, back = application("mentee", 2, "2027-01-20", BEN), application("mentee", 4, "2027-01-24", BEN)
    gone = withdrawal("mentee", 3, "2027-01-23", BEN)
    take_in(world, form("mentee", first))
    take_in(world, form("mentee", first, gone))
    plan = take_in(world, form("mentee", first, gone, back))
    assert the(world, "mentee-001").state == "accepted"
    assert letters(plan) == [("acknowledgement", "mentee-001")]
    assert [m.state for m in world.cohort.messages] == ["cancelled", "cancelled", "pending"]


def test_both_sides_of_a_proposal_may_leave_in_one_run() -> None:
    world = World(make_cohort())
    rows = application("mentor", 2, "2027-01-20", ADA), application("mentee", 2, "2027-01-20", BEN)
    take_in(world, form("mentor", rows[0]), form("mentee", rows[1]))
    world.cohort = replace(world.cohort, matches={"2027-match-001": pair(1, 1, "proposed")})
    plan = take_in(
        world,
        form("mentor", rows[0], withdrawal("mentor", 3, "2027-01-23", ADA)),
        form("mentee", rows[1], withdrawal("mentee", 3, "2027-01-23", BEN)),
    )
    assert len(only(plan.changes, RejectMatch)) == 1
    assert world.cohort.matches["2027-match-001"].state == "rejected"


def paired_world() -> tuple[World, FormAnswers, Response]:
    world = World(make_cohort())
    mentors = form("mentor", application("mentor", 2, "2027-01-20", ADA))
    first = application("mentee", 2, "2027-01-20", BEN)
    take_in(world, mentors, form("mentee", first))
    world.cohort = replace(world.cohort, matches={"2027-match-001": pair(1, 1, "active")})
    return world, mentors, first


def test_a_withdrawal_during_an_active_match_becomes_a_request_for_the_committee() -> None:
    world, mentors, first = paired_world()
    gone = withdrawal("mentee", 3, "2027-04-02", BEN)
    plan = take_in(world, mentors, form("mentee", first, gone), now=at("2027-04-03"))
    [request] = only(plan.changes, AddRequest)
    assert request == AddRequest(
        "2027-request-001",
        gone.key,
        "2027-04-02T13:00:00Z",
        "2027-mentee-001",
        "2027-match-001",
        "withdrawn",
        0,
        "",
        "",
    )
    assert plan.changes == (request,)
    assert plan.messages == ()
    assert states(world) == {"mentor-001": "accepted", "mentee-001": "accepted"}


def test_after_the_committee_confirmed_intake_says_nothing_more() -> None:
    world, mentors, first = paired_world()
    forms = mentors, form("mentee", first, withdrawal("mentee", 3, "2027-04-02", BEN))
    take_in(world, *forms, now=at("2027-04-03"))
    ended = replace(world.cohort.matches["2027-match-001"], state="ended", reason="withdrawn")
    left = replace(the(world, "mentee-001"), state="withdrawn", reason="Left the program during the year.")
    world.cohort = replace(
        world.cohort,
        matches={"2027-match-001": ended},
        applications={**world.cohort.applications, left.application_id: left},
    )
    plan = take_in(world, *forms, now=at("2027-04-05"))
    assert plan.messages == ()
    assert the(world, "mentee-001").state == "withdrawn"


def test_faults_edited_in_during_an_active_match_leave_the_match_alone() -> None:
    world, mentors, _ = paired_world()
    edited = application("mentee", 2, "2027-04-02", BEN, time_zone="Mars")
    plan = take_in(world, mentors, form("mentee", edited, faults={2: [fault(2)]}), now=at("2027-04-03"))
    assert the(world, "mentee-001").state == "needs_attention"
    assert world.cohort.matches["2027-match-001"].state == "active"
    assert letters(plan) == [("please_correct", "mentee-001")]
    # An unreadable time zone stops nothing: the committee's counts.
    assert world.cohort.zone_of("2027-mentee-001") == load_program().zone


@pytest.mark.parametrize("state", ["proposed", "approved"])
def test_faults_edited_in_before_the_introduction_end_the_proposal(state: str) -> None:
    world, mentors, _ = paired_world()
    world.cohort = replace(world.cohort, matches={"2027-match-001": pair(1, 1, state)})
    edited = application("mentee", 2, "2027-02-02", BEN, channels="")
    take_in(world, mentors, form("mentee", edited, faults={2: [fault(2)]}), now=at("2027-02-03"))
    assert world.cohort.matches["2027-match-001"].state == "rejected"
    assert world.cohort.matches["2027-match-001"].reason == "applicant_withdrew"


def test_a_sheet_that_can_not_be_read_rejects_nobody() -> None:
    world = World(make_cohort([mentor(1), mentee(1)]))
    broken = FormAnswers("mentor", (), {}, ("The tab “Mentor applications” has no headings.",))
    plan = take_in(world, broken, form("mentee", application("mentee", 2, "2027-01-20", BEN)))
    assert the(world, "mentor-001").state == "accepted"
    assert plan.waiting[0] == "The tab “Mentor applications” has no headings."
    assert the(world, "mentee-002").state == "accepted"


def test_a_deleted_response_withdraws_its_application() -> None:
    world = World(make_cohort())
    rows = [application("mentee", 2, "2027-01-20", who) for who in (ADA, BEN, CLEO)]
    take_in(world, form("mentee", *rows))
    plan = take_in(world, form("mentee", *rows[1:]))
    assert states(world) == {"mentee-001": "withdrawn", "mentee-002": "accepted", "mentee-003": "accepted"}
    assert the(world, "mentee-001").reason == "The response was deleted from the form's sheet."
    assert plan.messages == ()


def test_a_row_that_was_cut_and_put_back_counts_again() -> None:
    world = World(make_cohort())
    rows = [application("mentee", 2, "2027-01-20", who) for who in (ADA, BEN, CLEO)]
    take_in(world, form("mentee", *rows))
    take_in(world, form("mentee", *rows[1:]))
    plan = take_in(world, form("mentee", *rows))
    assert the(world, "mentee-001").state == "accepted"
    assert letters(plan) == [("acknowledgement", "mentee-001")]


def test_whoever_left_does_not_come_back_with_the_old_row() -> None:
    left = mentee(1, "withdrawn", reason="Left the program during the year.")
    response = application("mentee", 2, "2027-01-20", "mentee1@example.org")
    cohort = make_cohort([replace(left, response_key=response.key)])
    assert plan_intake(cohort, [form("mentee", response)], NOW).changes == ()


def test_the_response_that_counts_may_be_deleted_while_an_older_one_stays() -> None:
    world = World(make_cohort())
    old, new = (
        application("mentee", 2, "2027-01-20", ADA),
        application("mentee", 3, "2027-01-22", ADA, goals_text="New."),
    )
    take_in(world, form("mentee", old, new))
    plan = take_in(world, form("mentee", old))
    assert plan.changes == ()
    assert the(world, "mentee-001").answers["goals_text"] == "New."
    take_in(world, form("mentee", application("mentee", 9, "2027-01-20", BEN)))
    assert the(world, "mentee-001").state == "withdrawn"


def test_a_deleted_response_of_an_active_match_is_left_to_the_committee() -> None:
    world, mentors, _ = paired_world()
    plan = take_in(world, mentors, form("mentee", application("mentee", 3, "2027-01-21", CLEO)))
    assert the(world, "mentee-001").state == "accepted"
    assert plan.waiting == ("2027-mentee-001: the form response was deleted, but the match is active.",)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_mass_disappearance_withdraws_nobody(left: int) -> None:
    world = World(make_cohort())
    rows = [application("mentee", n, "2027-01-20", f"m{n}@example.org") for n in range(2, 8)]
    take_in(world, form("mentee", *rows))
    plan = take_in(world, form("mentee", *rows[:left]))
    assert set(states(world).values()) == {"accepted"}
    assert plan.waiting == (
        f"Gone from the form's sheet: {6 - left} of 6 mentee applications. Nobody was withdrawn; put the rows back, or "
        "withdraw the applications one by one.",
    )


def test_an_empty_sheet_withdraws_not_even_one() -> None:
    world = World(make_cohort())
    take_in(world, form("mentee", application("mentee", 2, "2027-01-20", ADA)))
    plan = take_in(world, form("mentee"))
    assert states(world) == {"mentee-001": "accepted"}
    assert plan.waiting[0].startswith("Gone from the form's sheet: 1 of 1 mentee applications.")


def test_a_later_opening_day_withdraws_nobody_whose_response_is_still_there() -> None:
    world = World(make_cohort())
    rows = [
        application("mentee", 2, "2027-01-12", ADA),
        *(application("mentee", n, "2027-01-20", f"m{n}@example.org") for n in (3, 4, 5)),
    ]
    take_in(world, form("mentee", *rows))
    world.cohort = make_cohort(
        world.cohort.applications.values(), applications_open="2027-01-15", messages=world.cohort.messages
    )
    plan = take_in(world, form("mentee", *rows))
    assert plan.changes == ()
    assert plan.waiting == (
        "The mentee form has responses from before applications opened on 15 January 2027 (1); if they should count, "
        "move the day on the Program tab.",
    )


def test_responses_of_another_year_are_not_taken_in_nor_mentioned() -> None:
    plan = plan_intake(make_cohort(), [form("mentee", application("mentee", 2, "2026-01-20", ADA))], NOW)
    assert plan == Plan(counts=plan.counts)


def test_each_cohort_takes_in_its_own_responses() -> None:
    program = load_program()
    later = program.cohorts["2027"].model_dump() | {
        "applications_open": "2027-12-01",
        "applications_close": "2028-01-10",
    }
    later |= {
        "starts": "2028-02-01",
        "ends": "2028-11-30",
        "evaluation_opens": "2028-11-01",
        "evaluation_due": "2028-12-10",
    }
    both = Program.model_validate(
        program.model_dump() | {"cohorts": {"2027": program.cohorts["2027"], "2028": later}}
    )
    rows = form(
        "mentee", application("mentee", 2, "2027-01-20", ADA), application("mentee", 3, "2027-12-05", BEN)
    )
    plan = plan_intake(make_cohort(program=both), [rows], at("2027-12-06"))
    assert [change.response_key for change in only(plan.changes, AddApplication)] == [rows.responses[0].key]


def test_erased_people_do_not_come_in_again() -> None:
    response = application("mentee", 2, "2027-01-20", ADA)
    cohort = make_cohort(forgotten=frozenset({response.key}))
    assert plan_intake(cohort, [form("mentee", response)], NOW).changes == ()


def test_midnight_in_the_committees_time_zone_decides_about_late() -> None:
    world = World(make_cohort())
    rows = [
        application("mentee", 2, "2027-02-12 23:59", ADA),
        application("mentee", 3, "2027-02-13 00:00", BEN),
    ]
    plan = take_in(world, form("mentee", *rows), now=at("2027-02-14"))
    assert [the(world, key).is_late for key in ("mentee-001", "mentee-002")] == [False, True]
    assert the(world, "mentee-002").reason == "Came after the closing date."
    assert [draft.context["is_late"] for draft in plan.messages] == [False, True]


def test_mending_an_application_after_the_closing_day_makes_nobody_late() -> None:
    world = World(make_cohort())
    wrong = application("mentee", 2, "2027-02-10", ADA, channels="")
    take_in(world, form("mentee", wrong, faults={2: [fault(2)]}), now=at("2027-02-11"))
    plan = take_in(world, form("mentee", application("mentee", 2, "2027-02-20", ADA)), now=at("2027-02-21"))
    assert the(world, "mentee-001").is_late is False
    assert plan.messages[0].context["is_late"] is False


def test_coming_back_after_the_closing_day_is_late() -> None:
    world = World(make_cohort())
    rows = [
        application("mentee", 2, "2027-02-10", ADA),
        withdrawal("mentee", 3, "2027-02-11", ADA),
        application("mentee", 4, "2027-02-20", ADA),
    ]
    take_in(world, form("mentee", *rows), now=at("2027-02-21"))
    assert the(world, "mentee-001").is_late is True


def test_new_rules_are_told_but_a_moved_row_is_not() -> None:
    world = World(make_cohort())
    wrong = application("mentor", 5, "2027-01-20", ADA, capacity="many")
    take_in(world, form("mentor", wrong, faults={5: [fault(5)]}))
    moved = take_in(world, form("mentor", replace(wrong, row=3), faults={3: [fault(3)]}))
    assert moved.messages == ()
    assert the(world, "mentor-001").faults == [fault(3)]
    stricter = [fault(3), fault(3, "Which areas?", "Choose one.")]
    told = take_in(world, form("mentor", replace(wrong, row=3), faults={3: stricter}))
    assert letters(told) == [("please_correct", "mentor-001")]


def test_letters_go_out_in_the_applicants_daytime() -> None:
    night = at("2027-01-25 22:00")
    rows = [
        application("mentee", 2, "2027-01-20", ADA, time_zone="Pacific/Honolulu"),
        application("mentee", 3, "2027-01-20", BEN, time_zone="Mars"),
    ]
    plan = plan_intake(make_cohort(), [form("mentee", *rows)], night)
    assert [draft.not_before for draft in plan.messages] == [night, at("2027-01-26 08:00")]
    assert [draft.expires_at - draft.not_before for draft in plan.messages] == [timedelta(days=14)] * 2


def test_a_bad_row_never_stops_others() -> None:
    rows = [
        application("mentor", 2, "2027-01-20", "", name="", capacity=""),
        respond("mentor", 3, None, email="x", capacity="9"),
        application("mentor", 4, "2027-01-20", ADA),
    ]
    world = World(make_cohort())
    take_in(world, form("mentor", *rows, faults={2: [fault(2)], 3: [fault(3)]}))
    # A row whose time can't be read counts as the oldest.
    assert states(world) == {
        "mentor-001": "needs_attention",
        "mentor-002": "needs_attention",
        "mentor-003": "accepted",
    }


def test_a_waiting_letter_is_cancelled_when_its_application_is_withdrawn() -> None:
    response = application("mentee", 2, "2027-01-20", "mentee1@example.org")
    cohort = make_cohort([replace(mentee(1), response_key=response.key)])
    cohort = with_messages(
        cohort, queue(cohort, "waiting_list", "2027-mentee-001", "first", "2027-mentee-001", "pending")
    )
    gone = withdrawal("mentee", 3, "2027-03-04", "mentee1@example.org")
    plan = plan_intake(cohort, [form("mentee", response, gone)], at("2027-03-05"))
    assert len(only(plan.changes, CancelMessage)) == 1


# --- Whatever people do with the form and its sheet -------------------------------------------------------------

ADDRESSES = (ADA, "ADA@Example.org", BEN, CLEO, "not an address")
submissions = st.lists(
    st.tuples(
        st.sampled_from(("mentor", "mentee")),
        st.sampled_from(ADDRESSES),
        st.integers(0, 40),
        st.sampled_from(("good", "good", "faulty", "withdraw")),
    ),
    min_size=1,
    max_size=9,
)


def write_sheet(rows: list[tuple[str, str, int, str]], order: list[int]) -> tuple[FormAnswers, FormAnswers]:
    """The two forms with these submissions, in any order of rows; submission n comes n minutes after its hour."""
    forms = {}
    for role in ("mentor", "mentee"):
        responses, faults = [], {}
        for place, number in enumerate(order, 2):
            mine, email, hours, what = rows[number]
            if mine != role:
                continue
            when = (datetime(2027, 1, 20, 8, number) + timedelta(hours=hours)).isoformat(
                sep=" ", timespec="minutes"
            )
            if what == "withdraw":
                response = withdrawal(role, place, when, email)
            else:
                response = application(role, place, when, email, languages=f"Language {number}")
            responses.append(response)
            if what == "faulty" or "@" not in email:
                faults[place] = [fault(place)]
        forms[role] = form(role, *responses, faults=faults)
    return forms["mentor"], forms["mentee"]


def sum_up(world: World) -> set[tuple[str, str, str, str]]:
    """What counts of everybody: role, address, state, and by the languages which response it was."""
    return {
        (
            item.role,
            normalise_address(item.email) or item.response_key,
            item.state,
            "" if item.state == "withdrawn" else item.answers["languages"],
        )
        for item in world.cohort.applications.values()
        if item.state != "duplicate"
    }


@given(submissions, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_same_counts_whatever_the_order_and_doubling_of_rows(
    rows: list[tuple[str, str, int, str]], random: st.DataObject
) -> None:
    order = list(range(len(rows)))
    straight, shuffled = World(make_cohort()), World(make_cohort())
    take_in(straight, *write_sheet(rows, order))
    mixed = order + random.sample(order, len(order) // 2)  # type: ignore[attr-defined]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    take_in(shuffled, *write_sheet(rows, mixed))
    assert sum_up(straight) == sum_up(shuffled)
    in_force = [
        (item.role, normalise_address(item.email) or item.response_key)
        for item in straight.cohort.applications.values()
        if item.state != "duplicate"
    ]
    assert len(set(in_force)) == len(in_force), "one application per person and role"
    # Nobody is lost: every response has an application, and the latest of each address is the one that counts.
    forms = write_sheet(rows, order)
    keys = {item.response_key for item in straight.cohort.applications.values()}
    assert keys == {response.key for each in forms for response in each.responses}
    for each in forms:
        for response in each.responses:
            address = normalise_address(response.email) or response.key
            rivals = [r for r in each.responses if (normalise_address(r.email) or r.key) == address]
            latest = max(rivals, key=lambda item: item.submitted_at or datetime.min.replace(tzinfo=UTC))
            counting = next(a for a in straight.cohort.applications.values() if a.response_key == latest.key)
            expected = (
                "withdrawn"
                if latest.is_withdrawal
                else "needs_attention"
                if latest.row in each.faults
                else "accepted"
            )
            assert counting.state == expected


@given(submissions, st.lists(st.integers(1, 9), max_size=4))
@settings(max_examples=60)
def test_the_same_counts_however_the_responses_come_in(
    rows: list[tuple[str, str, int, str]], visits: list[int]
) -> None:
    """All at once, or a few at a time in the order in which they were sent."""
    order = sorted(range(len(rows)), key=lambda number: rows[number][2] * 60 + number)
    at_once, in_steps = World(make_cohort()), World(make_cohort())
    take_in(at_once, *write_sheet(rows, order))
    for seen in [*sorted(visits), len(order)]:
        take_in(in_steps, *write_sheet(rows, order[:seen]))
    assert sum_up(at_once) == sum_up(in_steps)
    # Whoever stands accepted was told so after the last correction or withdrawal.
    for item in in_steps.cohort.applications.values():
        told = [
            m.kind
            for m in in_steps.cohort.messages
            if m.subject_id == item.application_id and m.state == "pending"
        ]
        if item.person_id and item.state != "duplicate":
            expected = {"accepted": "acknowledgement", "needs_attention": "please_correct"}
            assert told[-1] == expected.get(item.state, "application_withdrawn")


@given(submissions, st.sets(st.integers(0, 8)), st.integers(0, 3))
@settings(max_examples=60)
def test_deleting_rows_never_breaks_a_run_and_never_loses_an_application(
    rows: list[tuple[str, str, int, str]], deleted: set[int], returning: int
) -> None:
    order = list(range(len(rows)))
    world = World(make_cohort())
    take_in(world, *write_sheet(rows, order))
    before = set(world.cohort.applications)
    left = [number for number in order if number not in deleted]
    plan = take_in(world, *write_sheet(rows, left))
    assert before <= set(world.cohort.applications)
    gone = [c for c in only(plan.changes, SettleApplication) if "deleted" in c.reason]
    for change in gone:
        assert world.cohort.applications[change.application_id].response_key not in {
            response.key for each in write_sheet(rows, left) for response in each.responses
        }
    take_in(world, *write_sheet(rows, left + sorted(deleted & set(order))[:returning]))


def test_the_letter_is_about_the_response_that_counts() -> None:
    draft: Draft = plan_intake(
        make_cohort(), [form("mentee", application("mentee", 2, "2027-01-20", ADA))], NOW
    ).messages[0]
    assert draft.key == ("acknowledgement", "2027-mentee-001", "first", "person-0001")


def test_what_newcomers_bring_comes_first_kind_by_kind_and_all_else_keeps_its_order() -> None:
    world = World(make_cohort())
    take_in(world, form("mentor", application("mentor", 2, "2027-01-20", ADA, capacity="2")))
    edited = application("mentor", 2, "2027-01-24", ADA, capacity="1", name="Ada New")
    newcomers = (
        application("mentor", row, "2027-01-22", email, capacity="2") for row, email in ((3, BEN), (4, CLEO))
    )
    plan = take_in(world, form("mentor", edited, *newcomers))
    assert [(type(change).__name__, change.entity[1].removeprefix("2027-")) for change in plan.changes] == [
        *[("AddPerson", "person-0002"), ("AddPerson", "person-0003")],
        *[("AddApplication", "mentor-002"), ("AddApplication", "mentor-003")],
        *[("SettleApplication", "mentor-002"), ("SettleApplication", "mentor-003")],
        *[("AddSeat", "mentor-002"), ("AddSeat", "mentor-002")],
        *[("AddSeat", "mentor-003"), ("AddSeat", "mentor-003")],
        *[("RenamePerson", "person-0001"), ("ReviseApplication", "mentor-001")],
        *[("SettleApplication", "mentor-001"), ("AddSeat", "mentor-001"), ("RemoveSeats", "mentor-001")],
    ]
