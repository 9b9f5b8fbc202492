"""The end of the year: who is asked and reminded, what is taken in, completion and thanks."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date, datetime

import pytest
from cohorts import (
    World,
    at,
    fault,
    form,
    in_daytime,
    list_days,
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
from mentoring.changes import AddUnplacedResponse, EndMatch, Plan, PutEvaluation
from mentoring.cohort import Cohort
from mentoring.completion import (
    REMINDERS,
    Certificate,
    count_year,
    describe_certificate,
    list_asked,
    plan_completion,
    summarise_year,
)
from mentoring.responses import Response

NOTHING = form("evaluation")
MENTOR, MENTEE = "2027-mentor-001", "2027-mentee-001"


def make_pair() -> Cohort:
    return make_cohort([mentor(1), mentee(1)], [pair(1, 1)])


def complete(world: World, now: datetime, answers: FormAnswers = NOTHING) -> Plan:
    plan = world.apply(plan_completion(world.cohort, answers, now), now)
    again = plan_completion(world.cohort, answers, now)
    assert (again.changes, again.messages) == ((), ()), "running twice changes nothing"
    return plan


def answer(
    cohort: Cohort, who: str = MENTEE, when: str | None = "2027-11-20", row: int = 2, **more: str
) -> Response:
    token = token_for(cohort, "2027-match-001", who, "evaluation_invitation")
    return respond("evaluation", row, when, token=token, **{"satisfaction": "4", **more})


def invited_world() -> World:
    world = World(make_pair())
    complete(world, at("2027-11-15"))
    return world


def kinds(plan: Plan) -> list[tuple[str, str, str]]:
    return [(draft.kind, draft.period, draft.recipient_id) for draft in plan.messages]


# --- Who is asked ------------------------------------------------------------------------------------------------


def test_both_are_invited_on_the_day() -> None:
    world = World(make_pair())
    assert complete(world, at("2027-11-14 23:59")).messages == ()
    plan = complete(world, at("2027-11-15 00:00"))
    assert kinds(plan) == [
        ("evaluation_invitation", "1", "person-mentor-1"),
        ("evaluation_invitation", "1", "person-mentee-1"),
    ]
    assert plan.messages[0].context == {
        "link": "https://forms.example.org/mentoring/evaluation?reference={token}",
        "due_on": "10 December 2027",
        "partner": {"name": "Ben Mentee1"},
    }
    assert plan.messages[0].expires_at == at("2027-12-11 00:00")
    assert plan.counts == {
        "evaluations received": 0,
        "invitations": 2,
        "reminders": 0,
        "matches completed": 0,
        "thanks": 0,
    }


def test_everybody_evaluates_what_lasted_or_else_the_last_match() -> None:
    people = [mentor(1, capacity="2"), mentor(2), mentor(3, "withdrawn"), mentee(1), mentee(2), mentee(3)]
    matches = [
        pair(1, 1, "ended", number=1, reason="not_working_out"),
        pair(2, 1, "active", number=4),
        pair(1, 2, "active", number=5, seat=2),
        pair(3, 3, "ended", number=6),
    ]
    asked = [(match.match_id[-3:], key[5:]) for match, key in list_asked(make_cohort(people, matches))]
    assert asked == [
        ("004", "mentor-002"),
        ("004", "mentee-001"),
        ("005", "mentor-001"),
        ("005", "mentee-002"),
        ("006", "mentee-003"),
    ]


def test_a_faulty_edit_during_the_year_costs_nobody_the_evaluation() -> None:
    cohort = make_cohort([mentor(1), mentee(1, "needs_attention")], [pair(1, 1)])
    assert [key for _, key in list_asked(cohort)] == [MENTOR, MENTEE]


def test_pairs_that_were_never_introduced_are_not_asked() -> None:
    for state in ("proposed", "approved", "rejected"):
        assert list_asked(make_cohort([mentor(1), mentee(1)], [pair(1, 1, state)])) == []


def test_nobody_is_asked_about_an_erased_person() -> None:
    erased = replace(mentee(1), email="", name="", answers={})
    cohort = make_cohort([mentor(1), erased], [pair(1, 1)])
    assert plan_completion(cohort, NOTHING, at("2027-11-15")).messages == ()


def test_reminders_go_only_to_those_who_have_not_answered() -> None:
    world = invited_world()
    said = form("evaluation", answer(world.cohort, MENTOR))
    assert complete(world, at("2027-11-29 23:59"), said).messages == ()
    first = complete(world, at("2027-11-30"), said)
    assert kinds(first) == [("evaluation_reminder", "1", "person-mentee-1")]
    assert first.messages[0].context["number"] == 1
    assert {draft.kind for draft in complete(world, at("2027-12-06"), said).messages} == {"thanks"}
    second = complete(world, at("2027-12-07"), said)
    assert [kind for kind in kinds(second) if kind[0] == "evaluation_reminder"] == [
        ("evaluation_reminder", "2", "person-mentee-1")
    ]
    assert second.messages[0].context["number"] == 2


def test_after_downtime_only_the_latest_reminder_goes_out() -> None:
    world = invited_world()
    assert {
        draft.period
        for draft in complete(world, at("2027-12-08")).messages
        if draft.kind == "evaluation_reminder"
    } == {"2"}


def test_whoever_was_invited_late_is_not_reminded_the_next_day() -> None:
    world = World(make_pair())
    assert len(complete(world, at("2027-12-01")).messages) == 4  # invitations and thanks
    assert complete(world, at("2027-12-02")).messages == ()
    assert {draft.period for draft in complete(world, at("2027-12-07")).messages} == {"2"}


@pytest.mark.parametrize("now", ["2027-12-10 21:30", "2027-12-11 00:00", "2028-01-10"])
def test_nothing_is_asked_that_could_not_be_answered_in_time(now: str) -> None:
    plan = plan_completion(make_pair(), NOTHING, at(now))
    assert [draft for draft in plan.messages if draft.kind != "thanks"] == []


@given(
    st.sets(
        st.tuples(st.sampled_from(list_days("2027-11-01", "2027-12-20")), st.integers(0, 23)), max_size=25
    ),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_days_the_flow_runs_nobody_is_asked_twice_or_too_late(
    runs: set[tuple[date, int]], answers: bool
) -> None:
    people = [mentor(1, time_zone="Pacific/Honolulu"), mentee(1, time_zone="Europe/Berlin")]
    zones = {"person-mentor-1": "Pacific/Honolulu", "person-mentee-1": "Europe/Berlin"}
    world = World(make_cohort(people, [pair(1, 1)]))
    asked: Counter[tuple[str, str, str, str]] = Counter()
    said = NOTHING
    has_answered = False
    for now in sorted(at(f"{day} {hour:02d}:00") for day, hour in runs):
        plan = complete(world, now, said)
        for draft in plan.messages:
            asked[draft.key] += 1
            assert in_daytime(world.cohort, draft, zones[draft.recipient_id])
            assert draft.kind == "thanks" or draft.not_before < at("2027-12-11 00:00")
            assert not (has_answered and draft.recipient_id == "person-mentee-1" and draft.kind != "thanks")
        invited = [
            m
            for m in world.cohort.messages
            if m.recipient_id == "person-mentee-1" and m.kind == "evaluation_invitation"
        ]
        if answers and invited and not has_answered:
            said, has_answered = (
                form(
                    "evaluation",
                    answer(world.cohort, when=f"{now.astimezone(world.cohort.program.zone):%Y-%m-%d %H:%M}"),
                ),
                True,
            )
    assert set(asked.values()) <= {1}
    for recipient in zones:
        reminders = [key for key in asked if key[0] == "evaluation_reminder" and key[3] == recipient]
        assert len(reminders) <= len(REMINDERS)
    last = max((at(f"{day} {hour:02d}:00") for day, hour in runs), default=at("2027-11-01"))
    ended = [match for match in world.cohort.matches.values() if match.state == "ended"]
    assert bool(ended) == (last >= at("2027-12-01 00:00"))
    assert sum(key[0] == "thanks" for key in asked) == 2 * len(ended)


# --- Answers -----------------------------------------------------------------------------------------------------


def test_an_answer_is_taken_in_once() -> None:
    world = invited_world()
    said = answer(world.cohort, comment="Good.")
    plan = complete(world, at("2027-11-21"), form("evaluation", said))
    assert plan.changes == (
        PutEvaluation(
            "2027-match-001",
            MENTEE,
            said.key,
            "2027-11-20T14:00:00Z",
            json.dumps(dict(said.answers), ensure_ascii=False, sort_keys=True),
        ),
    )
    assert plan.counts["evaluations received"] == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_later_answer_counts_whatever_the_order_of_rows(order: tuple[int, int]) -> None:
    world = invited_world()
    rows = [
        answer(world.cohort, when="2027-11-20", row=2, satisfaction="1"),
        answer(world.cohort, when="2027-11-22", row=3, satisfaction="5"),
    ]
    complete(world, at("2027-11-23"), form("evaluation", *(rows[number] for number in order)))
    assert [item.answers["satisfaction"] for item in world.cohort.evaluations] == ["5"]


def test_an_answer_without_a_readable_time_never_replaces_another() -> None:
    world = invited_world()
    rows = [answer(world.cohort, when=None, row=row, satisfaction=str(row)) for row in (2, 3)]
    complete(world, at("2027-11-23"), form("evaluation", *rows))
    first = world.cohort.evaluations
    for day in ("2027-11-24", "2027-11-25"):
        assert plan_completion(world.cohort, form("evaluation", *rows), at(day)).changes == ()
    assert world.cohort.evaluations == first


def test_an_answer_without_our_reference_waits_for_a_person() -> None:
    world = invited_world()
    strange = respond("evaluation", 4, "2027-11-20", token="abc", satisfaction="1")
    plan = complete(world, at("2027-11-23"), form("evaluation", strange, replace(strange, row=5)))
    sentence = "The reference is not one of ours; ask the sender to use the link in the invitation."
    assert [change.problem for change in only(plan.changes, AddUnplacedResponse)] == [sentence]
    assert len(plan.waiting) == 1
    assert plan.waiting[0].endswith(sentence)


def test_an_answer_that_can_not_be_read_does_not_stop_the_others() -> None:
    world = invited_world()
    rows = answer(world.cohort, MENTOR, row=2, satisfaction="9"), answer(world.cohort, MENTEE, row=3)
    plan = complete(world, at("2027-11-23"), form("evaluation", *rows, faults={2: [fault(2)]}))
    assert [change.application_id for change in only(plan.changes, PutEvaluation)] == [MENTEE]
    assert plan.waiting == ("Evaluations, row 2: Row 2, “How many?”: Write a number.",)


def test_answers_of_last_year_are_left_alone() -> None:
    world = invited_world()
    old = respond("evaluation", 2, "2027-02-20", token="abc")
    assert complete(world, at("2027-11-23"), form("evaluation", old)).changes == ()


def test_whoever_answered_before_being_invited_is_not_invited() -> None:
    cohort = make_pair()
    cohort = with_messages(cohort, queue(cohort, "check_in", "2027-match-001", "1", MENTEE))
    early = respond(
        "evaluation", 2, "2027-11-10", token=token_for(cohort, "2027-match-001", MENTEE), satisfaction="4"
    )
    plan = complete(World(cohort), at("2027-11-15"), form("evaluation", early))
    assert kinds(plan) == [("evaluation_invitation", "1", "person-mentor-1")]


# --- The end -----------------------------------------------------------------------------------------------------


def test_matches_are_completed_after_the_last_day_and_everybody_is_thanked_once() -> None:
    people = [mentor(1, capacity="2"), mentee(1), mentee(2)]
    world = World(make_cohort(people, [pair(1, 1), pair(1, 2, seat=2)]))
    assert only(complete(world, at("2027-11-30 23:59")).changes, EndMatch) == []
    plan = complete(world, at("2027-12-01 00:00"))
    assert only(plan.changes, EndMatch) == [
        EndMatch("2027-match-001", "completed"),
        EndMatch("2027-match-002", "completed"),
    ]
    thanks = {draft.recipient_id: draft.context for draft in plan.messages if draft.kind == "thanks"}
    offered = {"year": "2027", "certificate": False}
    assert thanks == {
        "person-mentor-1": {"partners": ["Ben Mentee1", "Cleo Mentee2"], **offered},
        "person-mentee-1": {"partners": ["Ben Mentor1"], **offered},
        "person-mentee-2": {"partners": ["Ben Mentor1"], **offered},
    }
    assert plan.counts["thanks"] == 3
    assert plan.counts["matches completed"] == 2


def test_a_certificate_goes_with_the_thanks_where_it_can_be_written() -> None:
    people = [mentor(1, name="Zoë 👩‍🏫"), mentee(1)]
    cohort = make_cohort(people, [pair(1, 1)])
    asked: list[Certificate] = []

    def can_certify(certificate: Certificate) -> bool:
        asked.append(certificate)
        return "👩" not in certificate.name

    plan = plan_completion(cohort, NOTHING, at("2027-12-01"), can_certify)
    assert {
        draft.subject_id: draft.context["certificate"] for draft in plan.messages if draft.kind == "thanks"
    } == {MENTOR: False, MENTEE: True}
    assert plan.waiting == (
        "Certificates that the fonts of this machine can't write, to be sent by hand on request: 1 "
        "(2027-mentor-001).",
    )
    assert (
        asked[0]
        == describe_certificate(cohort, MENTEE)
        == Certificate(
            name="Ben Mentee1",
            role="mentee",
            program=cohort.program.name,
            association=cohort.program.association,
            year="2027",
            period="1 March 2027 to 30 November 2027",
            given_on="30 November 2027",
        )
    )


def test_nobody_looks_at_fonts_before_the_year_is_over() -> None:
    def can_certify(certificate: Certificate) -> bool:
        raise AssertionError(certificate.role)

    assert plan_completion(make_pair(), NOTHING, at("2027-11-30"), can_certify).waiting == ()


def test_an_erased_person_is_neither_thanked_nor_named() -> None:
    erased = replace(mentee(1), email="", name="", answers={})
    plan = plan_completion(make_cohort([mentor(1), erased], [pair(1, 1)]), NOTHING, at("2027-12-01"))
    assert [
        (draft.recipient_id, draft.context["partners"]) for draft in plan.messages if draft.kind == "thanks"
    ] == [("person-mentor-1", [])]


def test_the_years_counts() -> None:
    people = [
        mentor(1),
        mentor(2, "withdrawn"),
        mentor(3),
        mentee(1),
        mentee(2, "needs_attention"),
        mentee(3, "duplicate"),
        mentee(4),
    ]
    matches = [pair(1, 1, "active", is_rematch=True), pair(2, 1, "ended", number=9)]
    cohort = make_cohort(people, matches)
    cohort = with_messages(
        cohort,
        queue(cohort, "monthly_topic", "2027-match-001", "2027-04", MENTOR),
        queue(cohort, "monthly_topic", "2027-match-001", "2027-05", MENTOR, "failed"),
    )
    counts = count_year(cohort, [date(2027, 4, 1), date(2027, 5, 1)])
    assert counts == {
        "introduced": 2,
        "rematches": 1,
        "ended.completed": 0,
        "ended.withdrawn": 1,
        "ended.not_working_out": 0,
        "active": 1,
        "contact.told": 0,
        "contact.none": 0,
        "contact.unknown": 1,
        "applications.mentor": 3,
        # Whoever left during the year had been accepted.
        "accepted.mentor": 3,
        "matched.mentor": 2,
        "waiting.mentor": 1,
        "applications.mentee": 3,
        "accepted.mentee": 2,
        "matched.mentee": 1,
        "waiting.mentee": 1,
        "topics_sent.2027-04": 1,
        "topics_sent.2027-05": 0,
    }


def test_the_summary_rests_on_who_was_asked_and_who_answered() -> None:
    world = invited_world()
    complete(world, at("2027-11-23"), form("evaluation", answer(world.cohort)))
    summary = summarise_year(world.cohort, {"2027-04": "Reading"})
    assert [(rate.group, rate.answered, rate.invited) for rate in summary.response] == [
        ("all", 1, 2),
        ("mentor", 0, 1),
        ("mentee", 1, 1),
    ]
    assert summary.year_counts["introduced"] == 1
    assert ("2027-04", "Reading", 0) in summary.topics_sent
