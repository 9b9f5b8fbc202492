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
from mentoring.check_ins import MEANINGS, find_sender, plan_check_ins
from mentoring.cohort import CheckIn, Cohort, Rhythm
from mentoring.form_fields import RHYTHMS, SIGNALS
from mentoring.pair_standing import Standing, describe_standing, list_check_in_days
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
    assert plan.counts == {"answers": 0, "asked": 2, "reminded": 0}


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
    assert plan.counts == {"answers": 1, "asked": 0, "reminded": 0}


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


def test_silence_reaches_the_committee_after_ten_days() -> None:
    assert stand(now="2027-03-21 10:00") == Standing(None, "Asked, no answer yet", "")
    step = ("Reminders were in vain. Write to both, or call.", "silent", at("2027-03-21 10:00"))
    assert stand(now="2027-03-21 10:01") == Standing(None, "Silence: nobody answered the check-in", *step)


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
    """A month until the next check-in, and ten days of patience."""
    last = 12 + len(signals) - 1
    patient_until = at(f"2027-04-{last + 10} 00:00")
    for now, concern in ((f"2027-04-{last + 9} 23:59", ""), (f"2027-04-{last + 10} 00:00", "silent")):
        standing = stand(*signals, now=now)
        assert standing.concern == concern
    step = "Reminders were in vain. Write to both, or call."
    assert (standing.signal, standing.next_step) == (signal, step)
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


# --- Silence goes up in steps ------------------------------------------------------------------------------------


def list_reminders(cohort: Cohort, now: str, *answers: Response) -> list[tuple[str, str]]:
    """(recipient, period) of every reminder that a run at `now` would queue."""
    plan = plan_check_ins(cohort, form("check_in", *answers), at(now))
    return [(d.recipient_id, d.period) for d in plan.messages if d.kind == "check_in_reminder"]


@pytest.mark.parametrize(
    ("now", "step"),
    [
        ("2027-03-14 09:59", None),
        ("2027-03-14 10:00", 1),
        ("2027-03-18 09:59", 1),
        ("2027-03-18 10:00", 2),
        # From here on the committee has it.
        ("2027-03-21 10:00", None),
        ("2027-03-25 10:00", None),
    ],
)
def test_a_reminder_then_another_way_then_the_committee(now: str, step: int | None) -> None:
    expected = [("person-mentor-1", f"1-{step}"), ("person-mentee-1", f"1-{step}")] if step else []
    assert list_reminders(make_pair(), now) == expected


def test_the_second_reminder_names_other_ways_and_what_the_partner_wrote() -> None:
    people = [mentor(1, channels="E-mail; Phone; Chat"), mentee(1, channels="Phone; E-mail")]
    asked = at("2027-03-11")
    cohort = make_cohort(people, [pair(1, 1)])
    question = queue(cohort, "check_in", "2027-match-001", "1", MENTEE, queued_at=asked, settled_at=asked)
    wish = CheckIn(
        "k", "2027-match-001", MENTOR, at("2027-03-02"), "not_yet", None, "", None, "Call the desk"
    )
    cohort = replace(with_messages(cohort, question), check_ins=[wish])
    [draft] = plan_check_ins(cohort, NOTHING, at("2027-03-18 10:00")).messages[-1:]
    assert draft.context == {
        "partner": {"name": "Ben Mentor1"},
        "link": "https://forms.example.org/mentoring/check-in?reference={token}",
        "number": 2,
        "ways": ["Phone", "E-mail"],
        "fallback": "Call the desk",
    }
    assert draft.expires_at == at("2027-03-11") + timedelta(days=10)


def test_whoever_has_answered_is_not_reminded_and_nobody_where_all_is_well() -> None:
    cohort = make_pair()
    not_yet, fine = answer(cohort, MENTEE, "Not yet"), answer(cohort, MENTEE)
    assert list_reminders(cohort, "2027-03-14 10:00", not_yet) == [("person-mentor-1", "1-1")]
    assert list_reminders(cohort, "2027-03-14 10:00", fine) == []


def test_a_pair_on_the_committees_desk_is_not_reminded() -> None:
    cohort = make_pair()
    assert list_reminders(cohort, "2027-03-14 10:00", answer(cohort, MENTEE, SIGNALS[2])) == []


def test_nobody_is_reminded_of_a_question_that_did_not_arrive() -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)])
    failed = queue(cohort, "check_in", "2027-match-001", "1", MENTOR, state="failed")
    assert list_reminders(with_messages(cohort, failed), "2027-03-15") == []


def test_what_the_two_wrote_for_this_case_stands_in_the_next_step() -> None:
    said = CheckIn("a", "2027-match-001", MENTOR, at("2027-03-02"), "not_yet", None, "", None, "Ring twice")
    missing = CheckIn("b", "2027-match-001", MENTEE, at("2027-03-12"), "partner_missing", None, "")
    cohort = make_pair()
    match = cohort.matches["2027-match-001"]
    standing = describe_standing(replace(cohort, check_ins=[said, missing]), match, at("2027-03-12"))
    assert standing.next_step.endswith("answer the mentee. For this the mentor wrote: “Ring twice”")
    standing = describe_standing(replace(cohort, check_ins=[said]), match, at("2027-05-12"))
    assert standing.next_step == (
        "Reminders were in vain. Write to both, or call. For this the mentor wrote: “Ring twice”"
    )


# --- A pair's own rhythm -----------------------------------------------------------------------------------------


def list_days_with(*wishes: tuple[str, Rhythm]) -> list[date]:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)])
    answers = [
        CheckIn(str(number), "2027-match-001", MENTEE, at(day), "connected", None, "", rhythm)
        for number, (day, rhythm) in enumerate(wishes)
    ]
    return list_check_in_days(replace(cohort, check_ins=answers), cohort.matches["2027-match-001"])


def test_a_rhythm_told_with_the_introduction_counts_from_the_first_question() -> None:
    assert list_days_with(("2027-03-02", "two_weeks"))[:3] == [
        date(2027, 3, 11),
        date(2027, 3, 25),
        date(2027, 4, 8),
    ]


def test_a_rhythm_told_later_counts_from_that_day_and_moves_no_day_before() -> None:
    days = list_days_with(("2027-04-13", "two_months"), ("2027-06-20", "two_weeks"))
    assert days[:6] == [
        date(2027, 3, 11),
        date(2027, 4, 11),
        date(2027, 6, 13),
        date(2027, 7, 4),
        date(2027, 7, 18),
        date(2027, 8, 1),
    ]


def test_the_same_wish_with_every_answer_moves_nothing() -> None:
    usual = list_days_with()
    assert list_days_with(("2027-03-15", "month"), ("2027-04-20", "month")) == usual


def test_an_answer_on_the_day_of_a_question_keeps_that_question() -> None:
    """A number names one question for ever: it is part of the message's key."""
    assert list_days_with(("2027-04-11", "two_months"))[:3] == [
        date(2027, 3, 11),
        date(2027, 4, 11),
        date(2027, 6, 11),
    ]


def test_a_rhythm_and_a_way_to_be_reached_are_taken_in_with_an_answer() -> None:
    world = World(make_pair())
    said = answer(world.cohort, MENTEE, rhythm=RHYTHMS[0], fallback="Call me")
    [change] = ask(world, at("2027-03-13"), form("check_in", said)).changes
    assert isinstance(change, AddCheckIn)
    assert (change.rhythm, change.fallback) == ("two_weeks", "Call me")


def test_silence_is_measured_by_the_pairs_own_rhythm() -> None:
    said = CheckIn("a", "2027-match-001", MENTOR, at("2027-03-12"), "connected", None, "", "two_months")
    cohort = make_pair(check_ins=[said])
    match = cohort.matches["2027-match-001"]
    assert describe_standing(cohort, match, at("2027-05-21 23:59")).concern == ""
    assert describe_standing(cohort, match, at("2027-05-22 00:00")).concern == "silent"
