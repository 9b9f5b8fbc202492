"""Check-ins: who is asked when, whose answer it is, and what the committee sees of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

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
from mentoring.changes import AddCheckIn, AddUnplacedResponse, Plan
from mentoring.check_ins import (
    MEANINGS,
    Standing,
    describe_standing,
    find_sender,
    list_check_in_days,
    plan_check_ins,
)
from mentoring.cohort import CheckIn, Cohort
from mentoring.form_fields import SIGNALS
from mentoring.responses import Response

NOTHING = form("check_in")
MENTOR, MENTEE = "2027-mentor-001", "2027-mentee-001"


def make_pair(**changes: object) -> Cohort:
    """One active pair that was asked once."""
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)], **changes)
    asked = at("2027-03-11")
    return with_messages(
        cohort,
        *(
            queue(cohort, "check_in", "2027-match-001", "1", key, queued_at=asked, settled_at=asked)
            for key in (MENTOR, MENTEE)
        ),
    )


def answer(
    cohort: Cohort,
    who: str,
    signal: str = "We are in touch",
    when: str = "2027-03-12",
    row: int = 2,
    **more: str,
) -> Response:
    return respond(
        "check_in", row, when, token=token_for(cohort, "2027-match-001", who), signal=signal, **more
    )


def ask(world: World, now: datetime, answers: FormAnswers = NOTHING) -> Plan:
    plan = world.apply(plan_check_ins(world.cohort, answers, now), now)
    again = plan_check_ins(world.cohort, answers, now)
    assert (again.changes, again.messages) == ((), ()), "running twice changes nothing"
    return plan


def test_both_are_asked_some_days_after_the_introduction() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1)]))
    assert ask(world, at("2027-03-10 23:59")).messages == ()
    plan = ask(world, at("2027-03-11"))
    assert [draft.key for draft in plan.messages] == [
        ("check_in", "2027-match-001", "1", "person-mentor-1"),
        ("check_in", "2027-match-001", "1", "person-mentee-1"),
    ]
    assert plan.messages[0].context == {
        "partner": {"name": "Ben Mentee1"},
        "link": "https://forms.example.org/mentoring/check-in?reference={token}",
        "first": True,
        "month": "March 2027",
    }
    assert plan.messages[0].expires_at == at("2027-03-11 00:00") + timedelta(days=20)
    assert plan.counts == {"answers": 0, "asked": 2}


def test_then_every_month_until_the_year_ends() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, introduced_at=at("2027-03-21"))])
    days = list_check_in_days(cohort, cohort.matches["2027-match-001"])
    assert days[:3] == [date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]
    assert days[-1] == date(2027, 10, 31)
    second = plan_check_ins(cohort, NOTHING, at("2027-05-02")).messages[0]
    assert (second.period, second.context["first"], second.context["month"]) == ("2", False, "April 2027")


def test_after_a_long_silence_of_the_server_only_the_latest_is_asked() -> None:
    world = World(make_cohort([mentor(1), mentee(1)], [pair(1, 1)]))
    assert {draft.period for draft in ask(world, at("2027-06-12")).messages} == {"4"}


def test_a_check_in_that_is_too_late_waits_for_the_next() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)])
    assert len(plan_check_ins(cohort, NOTHING, at("2027-03-30 12:00")).messages) == 2
    assert plan_check_ins(cohort, NOTHING, at("2027-03-31 12:00")).messages == ()


@pytest.mark.parametrize("now", ["2027-11-30", "2027-12-15"])
def test_nobody_is_asked_once_the_year_ends(now: str) -> None:
    assert plan_check_ins(make_cohort([mentor(1), mentee(1)], [pair(1, 1)]), NOTHING, at(now)).messages == ()


def test_only_active_pairs_of_people_who_are_there_are_asked() -> None:
    for state in ("proposed", "approved", "rejected", "ended"):
        cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, state)])
        assert plan_check_ins(cohort, NOTHING, at("2027-03-11")).messages == ()
    erased = replace(mentee(1), email="", name="", answers={})
    cohort = make_cohort([mentor(1), erased], [pair(1, 1)])
    assert plan_check_ins(cohort, NOTHING, at("2027-03-11")).messages == ()


@given(
    st.sets(
        st.tuples(st.sampled_from(list_days("2027-03-01", "2027-12-05")), st.integers(0, 23)), max_size=30
    )
)
@settings(max_examples=60, deadline=None)
def test_each_check_in_is_asked_at_most_once_whatever_days_the_flow_runs(runs: set[tuple[date, int]]) -> None:
    zones = {"person-mentor-1": "Pacific/Honolulu", "person-mentee-1": "Europe/Berlin"}
    people = [mentor(1, time_zone="Pacific/Honolulu"), mentee(1, time_zone="Europe/Berlin")]
    world = World(make_cohort(people, [pair(1, 1)]))
    days = list_check_in_days(world.cohort, world.cohort.matches["2027-match-001"])
    asked: Counter[tuple[str, str, str, str]] = Counter()
    for now in sorted(at(f"{day} {hour:02d}:00") for day, hour in runs):
        for draft in ask(world, now).messages:
            asked[draft.key] += 1
            due = days[int(draft.period) - 1]
            local = draft.not_before.astimezone(
                world.cohort.zone_of(MENTOR if "mentor" in draft.recipient_id else MENTEE)
            )
            assert draft.not_before >= now
            assert local.date() >= due
            assert local.date() <= due + timedelta(days=20)
            assert in_daytime(world.cohort, draft, zones[draft.recipient_id])
    assert set(asked.values()) <= {1}
    # Whoever runs it within the day that it is due has asked everybody.
    for number, day in enumerate(days, 1):
        if any(when == day for when, _ in runs):
            assert ("check_in", "2027-match-001", str(number), "person-mentor-1") in asked


# --- Answers -----------------------------------------------------------------------------------------------------


def test_an_answer_is_taken_in_once_with_whose_it_is() -> None:
    world = World(make_pair())
    said = answer(world.cohort, MENTEE, contacts="3", comment="Fine.")
    plan = ask(world, at("2027-03-13"), form("check_in", said, replace(said, row=5)))
    assert plan.changes == (
        AddCheckIn(said.key, "2027-match-001", MENTEE, "2027-03-12T14:00:00Z", "connected", 3, "Fine."),
    )
    assert plan.counts == {"answers": 1, "asked": 0}


def test_every_answer_of_the_form_has_a_meaning() -> None:
    assert list(MEANINGS) == list(SIGNALS)
    assert list(MEANINGS.values()) == ["connected", "not_yet", "partner_missing", "want_to_talk"]


def test_a_reference_finds_its_sender_whatever_its_case() -> None:
    cohort = make_pair()
    token = token_for(cohort, "2027-match-001", MENTOR)
    match = cohort.matches["2027-match-001"]
    assert find_sender(cohort, f" {token.upper()} ") == (match, MENTOR)
    assert find_sender(cohort, "") is None
    assert find_sender(cohort, "2027-match-001") is None


def test_a_reference_of_a_message_about_no_match_is_nobodys() -> None:
    cohort = make_cohort([mentor(1)])
    cohort = with_messages(cohort, queue(cohort, "acknowledgement", MENTOR, "first", MENTOR))
    assert find_sender(cohort, cohort.messages[0].message_id) is None


def test_an_answer_without_our_reference_waits_for_a_person_once() -> None:
    world = World(make_pair())
    strange = respond("check_in", 7, "2027-03-12", token="abc", signal="Not yet")
    plan = ask(world, at("2027-03-13"), form("check_in", strange))
    sentence = "The reference is not one of ours; ask the sender to use the link in the latest mail."
    assert plan.changes == (AddUnplacedResponse(strange.key, "check_in", 7, sentence),)
    assert plan.waiting == (f"Check-ins, row 7: {sentence}",)
    assert plan.counts["answers"] == 0


def test_an_answer_that_can_not_be_read_does_not_stop_the_others() -> None:
    world = World(make_pair())
    bad, good = answer(world.cohort, MENTOR, "Perhaps", row=2), answer(world.cohort, MENTEE, row=3)
    plan = ask(world, at("2027-03-13"), form("check_in", bad, good, faults={2: [fault(2)]}))
    assert [change.problem for change in only(plan.changes, AddUnplacedResponse)] == [
        "Row 2, “How many?”: Write a number."
    ]
    assert [change.application_id for change in only(plan.changes, AddCheckIn)] == [MENTEE]


def test_answers_of_another_year_and_of_erased_people_are_left_alone() -> None:
    old = respond("check_in", 2, "2027-02-28", token="abc", signal="Not yet")
    erased = respond("check_in", 3, "2027-03-12", token="abc", signal="Not yet")
    cohort = replace(make_pair(), forgotten=frozenset({erased.key}))
    assert plan_check_ins(cohort, form("check_in", old, erased), at("2027-03-13")).changes == ()


def test_a_sheet_that_can_not_be_read_is_said_and_still_everybody_is_asked() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)])
    plan = plan_check_ins(cohort, FormAnswers("check_in", problems=("No column.",)), at("2027-03-11"))
    assert plan.waiting == ("No column.",)
    assert len(plan.messages) == 2


# --- How a pair stands -------------------------------------------------------------------------------------------


def stand(*signals: tuple[str, str], now: str = "2027-04-01", cohort: Cohort | None = None) -> Standing:
    """How the pair stands after these answers: (who, signal), a day apart from 12 March."""
    cohort = cohort or make_pair()
    answers = [
        CheckIn(
            str(number), "2027-match-001", who, at("2027-03-12") + timedelta(days=number), signal, None, ""
        )  # type: ignore[arg-type]
        for number, (who, signal) in enumerate(signals)
    ]
    return describe_standing(replace(cohort, check_ins=answers), cohort.matches["2027-match-001"], at(now))


@pytest.mark.parametrize(
    ("signals", "standing"),
    [
        ([(MENTOR, "connected")], Standing(date(2027, 3, 12), "In touch", "")),
        ([(MENTOR, "not_yet"), (MENTEE, "connected")], Standing(date(2027, 3, 13), "In touch", "")),
        (
            [(MENTOR, "not_yet")],
            Standing(None, "Not in touch yet", "Wait for the next check-in; a friendly word to both helps."),
        ),
        (
            [(MENTEE, "partner_missing"), (MENTOR, "connected")],
            Standing(
                date(2027, 3, 13),
                "The mentee has not heard from the mentor",
                "Ask the mentor whether all is well, and answer the mentee.",
                "missing",
                at("2027-03-12"),
            ),
        ),
        (
            [(MENTOR, "partner_missing")],
            Standing(
                None,
                "The mentor has not heard from the mentee",
                "Ask the mentee whether all is well, and answer the mentor.",
                "missing",
                at("2027-03-12"),
            ),
        ),
        (
            [(MENTEE, "partner_missing"), (MENTOR, "want_to_talk")],
            Standing(
                None,
                "The mentor would like to talk to the committee",
                "Write to the mentor today.",
                "talk",
                at("2027-03-13"),
            ),
        ),
        # What somebody said later counts.
        ([(MENTEE, "partner_missing"), (MENTEE, "connected")], Standing(date(2027, 3, 13), "In touch", "")),
    ],
)
def test_trouble_goes_before_good_news(signals: list[tuple[str, str]], standing: Standing) -> None:
    assert stand(*signals) == standing


def test_silence_reaches_the_committee_after_a_week() -> None:
    assert stand(now="2027-03-18 10:00") == Standing(None, "Asked, no answer yet", "")
    step = ("Write to both, or call.", "silent", at("2027-03-18 10:00"))
    assert stand(now="2027-03-18 10:01") == Standing(None, "Silence: nobody answered the check-in", *step)


def test_a_new_question_every_month_does_not_begin_the_patience_anew() -> None:
    cohort = make_pair()
    again = queue(cohort, "check_in", "2027-match-001", "2", MENTOR, settled_at=at("2027-04-11"))
    assert stand(now="2027-04-12", cohort=with_messages(cohort, again)).concern == "silent"


@pytest.mark.parametrize(
    ("signals", "signal"),
    [
        ([(MENTOR, "connected")], "Silent since 12 March 2027 (last said to be in touch)"),
        (
            [(MENTOR, "connected"), (MENTEE, "connected")],
            "Silent since 13 March 2027 (last said to be in touch)",
        ),
        ([(MENTOR, "connected"), (MENTEE, "not_yet")], "Silent since 13 March 2027 (last answer)"),
        ([(MENTEE, "not_yet")], "Silent since 12 March 2027 (last answer)"),
    ],
)
def test_a_pair_that_falls_silent_after_a_first_answer_is_noticed(
    signals: list[tuple[str, str]], signal: str
) -> None:
    """A month until the next check-in, and a week of patience."""
    last = 12 + len(signals) - 1
    patient_until = at(f"2027-04-{last + 7} 00:00")
    for now, concern in ((f"2027-04-{last + 6} 23:59", ""), (f"2027-04-{last + 7} 00:00", "silent")):
        standing = stand(*signals, now=now)
        assert standing.concern == concern
    assert (standing.signal, standing.next_step) == (signal, "Write to both, or call.")
    assert standing.since == patient_until


def test_trouble_that_was_told_does_not_turn_into_silence() -> None:
    assert stand((MENTEE, "want_to_talk"), now="2027-08-01").concern == "talk"
    assert stand((MENTEE, "partner_missing"), now="2027-08-01").concern == "missing"


def test_whoever_was_not_asked_is_not_silent() -> None:
    assert stand(cohort=make_cohort([mentor(1), mentee(1)], [pair(1, 1)])) == Standing(
        None, "Not asked yet", ""
    )


def test_the_answers_of_another_match_say_nothing() -> None:
    cohort = make_pair()
    other = CheckIn("1", "2027-match-009", MENTOR, at("2027-03-12"), "want_to_talk", None, "")
    assert describe_standing(
        replace(cohort, check_ins=[other]), cohort.matches["2027-match-001"], at("2027-03-13")
    ).signal == ("Asked, no answer yet")
