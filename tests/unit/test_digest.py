"""The committee's digest: on Mondays if something waits, the same day if it is urgent and new, never twice a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cohorts import (
    YEAR,
    World,
    at,
    decide,
    load_program,
    make_cohort,
    mentee,
    mentor,
    only,
    pair,
    queue,
    topic_rows,
    with_messages,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.changes import AddPerson, Plan, RenamePerson, ResolveMessage
from mentoring.cohort import CheckIn, Cohort, Person, Request
from mentoring.digest import COMMITTEE_ID, add_digest, list_waiting, plan_digest
from mentoring.outbox import plan_message_decisions
from mentoring.program import GoogleSettings

MATCH, MENTOR, MENTEE = "2027-match-001", "2027-mentor-001", "2027-mentee-001"
#: A Monday.
MONDAY = at("2027-05-10")


def make_pair(**parts: Any) -> Cohort:
    """A pair that is in touch."""
    said = CheckIn("said", MATCH, MENTEE, at("2027-05-06"), "connected", None, "")
    parts = {"check_ins": (said,)} | parts
    return make_cohort([mentor(1), mentee(1)], [pair(1, 1)], **parts)


def ask(cohort: Cohort, number: int = 1, when: str = "2027-05-06") -> Cohort:
    """The cohort with one more request that nobody decided on."""
    moment = at(when)
    request = Request(
        f"2027-request-{number:03d}",
        str(number),
        moment,
        MENTEE,
        MATCH,
        "withdrawn",
        False,
        "",
        "",
        None,
        "received",
    )
    return replace(cohort, requests={**cohort.requests, request.request_id: request})


def say(cohort: Cohort, signal: str, when: str) -> Cohort:
    """The cohort with one more answer of the mentee."""
    answer = CheckIn(f"{signal} {when}", MATCH, MENTEE, at(when), signal, None, "")  # type: ignore[arg-type]
    return replace(cohort, check_ins=(*cohort.check_ins, answer))


def fail(cohort: Cohort, when: datetime, kind: str = "heads_up", state: str = "failed") -> Cohort:
    """The cohort with one more message that did not arrive."""
    period = when.isoformat()
    return with_messages(
        cohort, queue(cohort, kind, MATCH, period, MENTEE, state, queued_at=when, settled_at=when)
    )


def send(world: World, now: datetime) -> Plan:
    plan = world.apply(plan_digest(world.cohort, topic_rows(*YEAR), now), now)
    assert plan_digest(world.cohort, topic_rows(*YEAR), now) == Plan(), "running twice changes nothing"
    return plan


def write(cohort: Cohort, now: datetime = MONDAY, rows: Any = None) -> dict[str, Any]:
    """The facts of the digest that is due now."""
    [draft] = plan_digest(cohort, topic_rows(*YEAR) if rows is None else rows, now).messages
    return dict(draft.context)


def test_on_monday_the_committee_hears_what_waits() -> None:
    world = World(ask(make_pair()))
    plan = send(world, MONDAY)
    [draft] = plan.messages
    assert (draft.kind, draft.period, draft.recipient_id) == ("committee_digest", "2027-05-10", "committee")
    address = world.cohort.program.committee_address
    assert plan.changes == (AddPerson("committee", "committee:", address, "mentoring committee"),)
    assert plan.counts == {"digest": 1}
    assert draft.not_before == MONDAY
    assert draft.expires_at - draft.not_before == timedelta(days=2)
    assert draft.context["waiting"] == [
        {
            "tab": "Requests",
            "count": 1,
            "what": "request to confirm or decline",
            "references": ["2027-request-001"],
        }
    ]
    assert (draft.context["urgent"], draft.context["day"]) == ([], "10 May 2027")


def test_nothing_waits_no_mail() -> None:
    assert plan_digest(make_pair(), topic_rows(*YEAR), MONDAY) == Plan()


@pytest.mark.parametrize(
    ("now", "is_due"),
    [
        ("2027-05-10 08:59", False),
        ("2027-05-10 09:00", True),
        ("2027-05-10 20:59", True),
        ("2027-05-10 21:00", False),
        # The server was down on Monday.
        ("2027-05-12 11:00", True),
        ("2027-05-16 11:00", True),
        ("2027-05-17 09:00", True),
    ],
)
def test_it_goes_out_by_day_and_catches_up(now: str, is_due: bool) -> None:
    assert bool(plan_digest(ask(make_pair()), topic_rows(*YEAR), at(now)).messages) is is_due


def test_what_comes_in_during_the_week_waits_for_monday() -> None:
    world = World(ask(make_pair()))
    assert send(world, MONDAY).messages
    world.cohort = ask(world.cohort, 2, "2027-05-11")
    for day in range(11, 17):
        assert send(world, at(f"2027-05-{day}")).messages == ()
    [draft] = send(world, at("2027-05-17")).messages
    assert draft.context["waiting"][0]["count"] == 2
    fresh = ask(make_pair(), 1, "2027-05-11")
    assert plan_digest(fresh, topic_rows(*YEAR), at("2027-05-12")) == Plan(), "nothing waited on Monday"


@pytest.mark.parametrize("signal", ["partner_missing", "want_to_talk"])
def test_an_urgent_answer_is_told_the_same_day_and_once(signal: str) -> None:
    world = World(ask(make_pair()))
    send(world, MONDAY)
    # It was given before Monday's digest and read after it.
    world.cohort = say(world.cohort, signal, "2027-05-10 08:55")
    assert send(world, at("2027-05-10 16:00")).messages == (), "one a day"
    [draft] = send(world, at("2027-05-11")).messages
    [line] = draft.context["urgent"]
    assert (line["tab"], line["count"], line["references"]) == ("Check-ins", 1, [MATCH])
    assert send(world, at("2027-05-12")).messages == ()
    world.cohort = say(world.cohort, signal, "2027-05-12")
    assert len(send(world, at("2027-05-12 15:00")).messages) == 1


def test_an_urgent_answer_that_was_taken_back_is_not_told() -> None:
    world = World(make_pair())
    world.cohort = say(say(world.cohort, "partner_missing", "2027-05-11"), "connected", "2027-05-12")
    assert send(world, at("2027-05-13")).messages == ()


@pytest.mark.parametrize("state", ["failed", "unknown", "suppressed", "expired"])
def test_a_message_in_doubt_is_told_the_same_day_and_once(state: str) -> None:
    world = World(make_pair())
    world.cohort = fail(world.cohort, at("2027-05-11 10:00"), state=state)
    [draft] = send(world, at("2027-05-11 10:15")).messages
    assert draft.context["urgent"] == [
        {
            "tab": "Messages",
            "count": 1,
            "what": "message in doubt, not delivered or come back",
            "references": [MATCH],
        }
    ]
    assert send(world, at("2027-05-12")).messages == ()
    world.cohort = fail(world.cohort, at("2027-05-12"), state=state)
    assert len(send(world, at("2027-05-12 15:00")).messages) == 1


def test_a_message_that_comes_back_after_the_digest_is_told_the_next_day() -> None:
    world = World(ask(make_pair()))
    world.cohort = fail(world.cohort, at("2027-05-07"), state="sent")
    send(world, MONDAY)
    back = [replace(m, problem="No such mailbox.") if m.state == "sent" else m for m in world.cohort.messages]
    world.cohort = replace(world.cohort, messages=back)
    [draft] = send(world, at("2027-05-11")).messages
    assert draft.context["urgent"][0]["tab"] == "Messages"
    assert send(world, at("2027-05-12")).messages == ()


def test_what_fails_in_the_run_that_wrote_the_digest_is_told_the_next_day() -> None:
    world = World(ask(make_pair()))
    send(world, MONDAY)
    world.cohort = fail(world.cohort, MONDAY)
    assert len(send(world, at("2027-05-11")).messages) == 1


def test_a_digest_that_did_not_arrive_is_no_reason_for_another() -> None:
    world = World(ask(make_pair()))
    send(world, MONDAY)
    lost = [replace(m, state="failed", settled_at=MONDAY + timedelta(hours=1)) for m in world.cohort.messages]
    world.cohort = replace(world.cohort, messages=lost)
    assert send(world, at("2027-05-11")).messages == ()


def test_what_the_committee_just_decided_no_longer_waits() -> None:
    cohort = fail(make_pair(), at("2027-05-09"))
    [message] = cohort.messages
    decided = plan_message_decisions(cohort, [decide(message.reference, "Leave")], MONDAY)
    assert only(decided.changes, ResolveMessage)
    assert add_digest(decided, cohort, topic_rows(*YEAR), MONDAY) == decided
    undecided = plan_message_decisions(cohort, [], MONDAY)
    plan = add_digest(undecided, cohort, topic_rows(*YEAR), MONDAY)
    assert [draft.kind for draft in plan.messages] == ["committee_digest"]
    assert (plan.counts, plan.waiting) == ({"resent": 0, "digest": 1}, undecided.waiting)


def test_every_tab_has_its_line() -> None:
    people = [
        *(mentor(number) for number in range(1, 6)),
        *(mentee(number) for number in range(1, 6)),
        mentee(6, "needs_attention", email="", name="", person_id=None),
        mentee(7, "needs_attention"),
    ]
    matches = [
        pair(1, 1),
        pair(2, 2),
        pair(3, 3, "proposed"),
        pair(4, 4, "proposed", is_held=True),
        pair(5, 5, "approved"),
    ]
    answers = (
        CheckIn("1", MATCH, MENTEE, at("2027-05-20"), "want_to_talk", None, ""),
        CheckIn("2", "2027-match-002", "2027-mentor-002", at("2027-04-01"), "connected", None, ""),
    )
    cohort = fail(ask(make_cohort(people, matches, check_ins=answers)), at("2027-05-20"))
    now = at("2027-05-24")
    assert [(line.tab, line.count, line.what) for line in list_waiting(cohort, [], now)] == [
        ("Check-ins", 1, "pair in which somebody would like to talk to you"),
        ("Messages", 1, "message in doubt, not delivered or come back"),
        ("Check-ins", 1, "pair of which nobody answers the check-ins"),
        ("Requests", 1, "request to confirm or decline"),
        ("Matches", 1, "proposal to approve, reject or hold"),
        ("Applications", 1, "application with an address that can't be used"),
        ("Topics", 1, "topic to write: June 2027"),
    ]
    facts = write(cohort, now)
    assert facts["others"] == ["applicants who were asked to correct an answer: 1", "pairs that you hold: 1"]
    assert facts["upcoming"] == [{"day": "1 June 2027", "what": "the month's topic goes out"}]
    assert all(line["tab"] != "Topics" for line in facts["waiting"]), "June is written"


def test_the_digest_tells_when_the_next_cohort_opens() -> None:
    cohort = ask(make_cohort([mentor(1), mentee(1)], [pair(1, 1)], next_cohort_opens="2028-01-10"))
    assert write(cohort, at("2027-12-28"))["upcoming"] == [
        {"day": "10 January 2028", "what": "applications for the next cohort open"}
    ]


def test_after_the_year_only_what_can_still_be_decided_waits() -> None:
    cohort = make_cohort([mentor(1), mentee(1), mentee(2, "needs_attention")], [pair(1, 1, "proposed")])
    after = at("2027-12-06")
    assert [line.tab for line in list_waiting(cohort, [], at("2027-11-29"))] == ["Matches"]
    assert list_waiting(cohort, [], after) == []
    assert write(ask(cohort), after)["others"] == []


def test_long_lists_are_cut() -> None:
    people = [mentor(1, capacity="5"), *(mentee(number) for number in range(1, 13))]
    matches = [pair(1, number, "proposed", seat=number) for number in range(1, 13)]
    [line] = write(make_cohort(people, matches))["waiting"]
    assert line["count"] == 12
    assert line["references"] == [*(f"2027-match-{number:03d}" for number in range(1, 9)), "4 more"]


def test_it_names_nobody() -> None:
    cohort = say(fail(ask(make_pair()), at("2027-05-09")), "want_to_talk", "2027-05-09")
    [draft] = plan_digest(cohort, [], MONDAY).messages
    words = str(draft.context)
    for person in cohort.people.values():
        assert person.name not in words
        assert person.email not in words
    assert not [message.message_id for message in cohort.messages if message.message_id in words]


def test_the_committees_address_follows_the_program() -> None:
    known = Person(COMMITTEE_ID, "committee:", "old@example.org", "mentoring committee")
    cohort = ask(make_pair(people={COMMITTEE_ID: known}))
    address = cohort.program.committee_address
    assert plan_digest(cohort, [], MONDAY).changes == (
        RenamePerson("committee", address, "mentoring committee"),
    )
    same = replace(cohort, people={**cohort.people, COMMITTEE_ID: replace(known, email=address)})
    assert plan_digest(same, [], MONDAY).changes == ()


def test_it_links_to_the_desk_where_the_desk_has_an_address() -> None:
    assert write(ask(make_pair()))["desk"] == ""
    google = GoogleSettings(forms="forms-made-up", committee="desk-made-up")
    program = load_program().model_copy(update={"google": google})
    assert write(ask(make_pair(program=program)))["desk"] == (
        "https://docs.google.com/spreadsheets/d/desk-made-up"
    )


def test_an_anonymised_cohort_writes_to_nobody() -> None:
    assert plan_digest(ask(make_pair(is_anonymised=True)), [], MONDAY) == Plan()


HAPPENINGS = st.sampled_from(["", "", "", "", "request", "partner_missing", "want_to_talk", "failed"])


@given(st.lists(st.tuples(HAPPENINGS, st.integers(0, 23)), min_size=20, max_size=40))
@settings(max_examples=40, deadline=None)
def test_never_twice_a_day_and_nothing_urgent_waits_for_long(days: list[tuple[str, int]]) -> None:
    """Four runs a day: each urgent thing is in a digest within a day, each request within a week and a day."""
    world = World(make_pair())
    waits: list[tuple[str, datetime]] = []
    for number, (happening, hour) in enumerate(days):
        midnight = at("2027-04-05 00:00") + timedelta(days=number)
        happened = midnight + timedelta(hours=hour)
        sent = 0
        for run_hour in (8, 11, 14, 17):
            now = midnight + timedelta(hours=run_hour)
            if happening and happened <= now:
                world.cohort = happen(world.cohort, happening, happened, number)
                waits.append((happening, now))
                happening = ""
            digests = send(world, now).messages
            sent += len(digests)
            if digests:
                waits = []
            assert not [
                what for what, since in waits if what != "request" and now - since > timedelta(days=1)
            ]
            assert not [what for what, since in waits if now - since > timedelta(days=8)]
        assert sent <= 1


def happen(cohort: Cohort, happening: str, moment: datetime, number: int) -> Cohort:
    words = moment.astimezone(cohort.program.zone).strftime("%Y-%m-%d %H:%M")
    if happening == "request":
        return ask(cohort, number + 1, words)
    return fail(cohort, moment) if happening == "failed" else say(cohort, happening, words)
