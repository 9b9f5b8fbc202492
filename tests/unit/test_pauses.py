"""A pause: until when, what rests meanwhile, and how the two go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from cohorts import (
    YEAR,
    World,
    at,
    decide,
    form,
    make_cohort,
    mentee,
    mentor,
    only,
    pair,
    queue,
    read_letter,
    respond,
    token_for,
    topic_rows,
    with_messages,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.standing import count_states
from mentoring.changes import (
    AddRequest,
    CancelMessage,
    DecideRequest,
    EndMatch,
    EndPause,
    FinishRequest,
    LengthenPause,
    PauseMatch,
    Plan,
    ResolveMessage,
    ResumeMatch,
)
from mentoring.check_ins import plan_check_ins
from mentoring.cohort import CheckIn, Cohort, Draft, Pause, Request
from mentoring.completion import list_asked, plan_completion
from mentoring.decisions import PairRules
from mentoring.desk_rows import list_check_in_rows, list_message_rows, list_request_rows
from mentoring.digest import list_waiting, plan_digest
from mentoring.erasure import plan_departure
from mentoring.handover import write_handover
from mentoring.monthly_topics import plan_monthly_topics
from mentoring.outbox import plan_message_decisions
from mentoring.pair_standing import count_contact, describe_standing
from mentoring.pauses import QUIET_KINDS, describe_outcome, settle_day
from mentoring.requests import count_given_up, plan_requests
from mentoring.responses import Response
from mentoring.rosters import list_free

NOW = at("2027-04-20")
TODAY = NOW.date()
PAUSE, GO_ON = "I'd like to pause for a while", "We'd like to go on after our pause"
CANT, NOT_WORKING = "I can't go on", "Our match isn't working out"
MENTOR, MENTEE, MATCH = "2027-mentor-001", "2027-mentee-001", "2027-match-001"
PAIR = ("person-mentor-1", "person-mentee-1")


def make_pair(**parts: object) -> Cohort:
    return make_cohort([mentor(1), mentee(1)], [pair(1, 1)], **parts)


def ask(request: str, email: str = "mentee1@example.org", row: int = 2, **more: str) -> Response:
    return respond("request", row, more.pop("when", "2027-04-18"), request=request, email=email, **more)


def open_request(number: int = 1, kind: str = "paused", who: str = MENTEE, **changes: object) -> Request:
    values: dict[str, object] = {"wants_rematch": False, "words": "", "problem": "", "decided_by": None}
    values |= {"state": "received", "paused_until": None}
    received, match_id = at("2027-04-18"), changes.pop("match_id", MATCH)
    key = f"2027-request-{number:03d}"
    return Request(key, f"r{number}", received, who, match_id, kind, **{**values, **changes})  # type: ignore[arg-type]


def confirm(*numbers: int) -> list[dict[str, str]]:
    return [decide(f"2027-request-{number:03d}", "Confirm") for number in numbers]


def process(world: World, rows: list[dict[str, str]] | None = None, now=NOW, *responses: Response) -> Plan:  # type: ignore[no-untyped-def]
    """One run, and a second in the same minute that may find nothing to do."""
    answers = form("request", *responses)
    plan = world.apply(plan_requests(world.cohort, answers, rows or [], now), now)
    again = plan_requests(world.cohort, answers, rows or [], now)
    assert (again.changes, again.messages) == ((), ()), "running twice changes nothing"
    return plan


def letters(plan: Plan) -> list[tuple[str, str]]:
    return sorted((draft.kind, draft.recipient_id) for draft in plan.messages)


def pause_until(day: str, now=NOW, **parts: object) -> World:  # type: ignore[no-untyped-def]
    """The pair, paused at `now` until the day."""
    request = open_request(paused_until=date.fromisoformat(day))
    world = World(make_pair(requests=[request], **parts))
    process(world, confirm(1), now)
    return world


def is_queued(plan: Plan, *kinds: str) -> bool:
    return any(draft.kind in kinds for draft in plan.messages)


# --- Taking in and deciding ----------------------------------------------------------------------------------------


def test_a_request_to_pause_waits_for_the_committee() -> None:
    world = World(make_pair())
    response = ask(PAUSE, until="2027-05-14 00:00:00", comment="An operation.")
    plan = process(world, None, NOW, response)
    assert plan.changes == (
        AddRequest(
            "2027-request-001",
            response.key,
            "2027-04-18T13:00:00Z",
            MENTEE,
            MATCH,
            "paused",
            0,
            "An operation.",
            "",
            "2027-05-14",
        ),
    )
    assert plan.messages == ()
    assert world.cohort.running_pauses == {}
    [row] = list_request_rows(world.cohort, [], NOW)
    assert (row["Request"], row["Status"]) == ("Pause", "Waits for you")
    assert row["To do"] == "Choose Confirm or Decline. Confirm: a pause until 14 May 2027."


def test_a_confirmed_pause_keeps_the_match_and_tells_both() -> None:
    world = World(make_pair(requests=[open_request(paused_until=date(2027, 5, 14), words="An operation.")]))
    plan = process(world, confirm(1))
    assert plan.changes == (
        DecideRequest("2027-request-001", "received", "confirmed", "NB"),
        FinishRequest("2027-request-001"),
        PauseMatch(MATCH, f"{MATCH}-pause-1", "2027-request-001", "2027-05-14"),
    )
    assert world.cohort.matches[MATCH].state == "active"
    assert letters(plan) == [("match_paused", person) for person in sorted(PAIR)]
    to_mentee, to_mentor = sorted(plan.messages, key=lambda draft: draft.recipient_id)
    assert to_mentee.context["own_request"]
    assert not to_mentor.context["own_request"]
    own, partner = read_letter(world.cohort, to_mentee).text, read_letter(world.cohort, to_mentor).text
    assert "As you asked" in own
    assert "As you asked" not in partner
    for text in (own, partner):
        assert "14 May 2027" in text
        assert "operation" not in text, "the reason stays with the committee"
        assert "/request?reference=" in text, "how to go on earlier"
    [row] = list_request_rows(world.cohort, [], NOW)
    assert (row["Status"], row["To do"]) == ("Paused until 14 May 2027", "")


def test_a_declined_pause_changes_nothing() -> None:
    world = World(make_pair(requests=[open_request()]))
    plan = process(world, [decide("2027-request-001", "Decline")])
    assert plan.changes == (DecideRequest("2027-request-001", "received", "declined", "NB"),)
    assert plan.messages == ()


@pytest.mark.parametrize(
    ("wished", "day", "why", "words"),
    [
        ("2027-05-14", "2027-05-14", "asked", "Confirm: a pause until 14 May 2027."),
        ("2027-04-21", "2027-04-21", "asked", "Confirm: a pause until 21 April 2027."),
        (
            None,
            "2027-05-20",
            "usual",
            "The day until which is missing or can't be read. Confirm: a pause of 30 days, until 20 May 2027.",
        ),
        (
            "2027-04-20",
            "2027-05-20",
            "usual",
            "The day until which is past. Confirm: a pause of 30 days, until 20 May 2027.",
        ),
        (
            "2028-02-01",
            "2027-11-30",
            "year_end",
            "Confirm: a pause until the program's end on 30 November 2027.",
        ),
    ],
)
def test_the_day_is_settled_by_a_plain_rule_that_is_said(
    wished: str | None, day: str, why: str, words: str
) -> None:
    request = open_request(paused_until=date.fromisoformat(wished) if wished else None)
    world = World(make_pair(requests=[request]))
    settled = settle_day(world.cohort, request, TODAY)
    assert (settled.day.isoformat(), settled.why) == (day, why)
    assert describe_outcome(world.cohort, request, TODAY) == words
    plan = process(world, confirm(1))
    assert only(plan.changes, PauseMatch)[0].paused_until == day
    said = {"asked": "On that day you go on", "usual": "30 days", "year_end": "end of the program's year"}
    assert all(said[why] in read_letter(world.cohort, draft).text for draft in plan.messages)


@pytest.mark.parametrize("written", ["mid-May", "5/6/2027"])
def test_a_day_that_can_not_be_read_stays_in_the_words_and_counts_as_none(written: str) -> None:
    plan = plan_requests(make_pair(), form("request", ask(PAUSE, until=written, comment="Exams.")), [], NOW)
    [request] = only(plan.changes, AddRequest)
    assert (request.paused_until, request.words) == (None, f"Exams.\n\nUntil: {written}")


def test_a_form_without_the_new_question_still_pauses() -> None:
    response = ask(PAUSE)
    without = replace(
        response, answers={key: text for key, text in response.answers.items() if key != "until"}
    )
    [request] = only(plan_requests(make_pair(), form("request", without), [], NOW).changes, AddRequest)
    assert (request.kind, request.paused_until) == ("paused", None)


def test_only_a_pause_has_a_day() -> None:
    response = ask(CANT, until="2027-05-14", comment="Sorry.")
    [request] = only(plan_requests(make_pair(), form("request", response), [], NOW).changes, AddRequest)
    assert (request.paused_until, request.words) == (None, "Sorry.")


def test_whoever_pauses_does_so_in_every_match() -> None:
    people = [mentor(1, capacity="2"), mentee(1), mentee(2)]
    cohort = make_cohort(people, [pair(1, 1), pair(1, 2, seat=2)])
    world = World(cohort)
    process(world, None, NOW, ask(PAUSE, "mentor1@example.org", until="2027-05-14"))
    plan = process(world, confirm(1))
    assert [change.match_id for change in only(plan.changes, PauseMatch)] == [MATCH, "2027-match-002"]
    assert len(plan.messages) == 4


@pytest.mark.parametrize(
    ("request_", "obstacle"),
    [
        (PAUSE, "The sender has no match at the moment; answer the sender, then choose Decline."),
        (GO_ON, "The sender has no match at the moment; answer the sender, then choose Decline."),
    ],
)
def test_whoever_has_no_match_can_not_pause_one(request_: str, obstacle: str) -> None:
    world = World(make_cohort([mentee(1)]))
    process(world, None, NOW, ask(request_))
    [row] = list_request_rows(world.cohort, [], NOW)
    assert row["To do"] == obstacle
    assert process(world, confirm(1)).changes == ()


def test_what_does_not_rest_can_not_go_on() -> None:
    world = World(make_pair(requests=[open_request(kind="resumed")]))
    [row] = list_request_rows(world.cohort, [], NOW)
    assert "No match of the sender pauses at the moment" in row["To do"]
    plan = process(world, confirm(1))
    assert (only(plan.changes, ResumeMatch), plan.messages) == ([], ())
    assert world.cohort.requests["2027-request-001"].state == "done"


def test_whoever_takes_the_request_back_before_it_is_decided_never_pauses() -> None:
    requests = [open_request(1), open_request(2, "resumed"), open_request(3, who=MENTOR)]
    world = World(make_pair(requests=requests))
    plan = process(world, confirm(1, 2))
    assert (only(plan.changes, PauseMatch), plan.messages) == ([], ())
    world = World(make_pair(requests=[requests[2], *requests[:2]]))
    assert len(only(process(world, confirm(3, 1, 2)).changes, PauseMatch)) == 1, "the partner's own one stays"


def test_nobody_pauses_once_the_year_is_over() -> None:
    world = World(make_pair(requests=[open_request()]))
    assert process(world, confirm(1), at("2027-11-30")).changes == ()
    [row] = list_request_rows(world.cohort, [], at("2027-11-30"))
    assert row["To do"] == "The mentoring year is over; choose Decline."


# --- While it rests ------------------------------------------------------------------------------------------------


def test_nothing_goes_to_a_pair_that_pauses() -> None:
    world = pause_until("2027-08-10")
    for day in (NOW + timedelta(days=n) for n in range(100)):
        topics = plan_monthly_topics(world.cohort, topic_rows(*YEAR), day)
        asked = plan_check_ins(world.cohort, form("check_in"), day)
        assert (topics.messages, asked.messages) == ((), ()), day
        assert topics.waiting == ()
        assert describe_standing(world.cohort, world.cohort.matches[MATCH], day).concern == ""


def test_what_was_on_its_way_is_cancelled_and_nothing_else() -> None:
    cohort = make_pair(requests=[open_request()])
    kinds = (*QUIET_KINDS, "introduction_mentee", "evaluation_invitation")
    waiting = [queue(cohort, kind, MATCH, "x", MENTEE, "pending") for kind in kinds]
    sent = queue(cohort, "check_in", MATCH, "y", MENTOR)
    world = World(with_messages(cohort, *waiting, sent))
    process(world, confirm(1))
    states = {message.kind: message.state for message in world.cohort.messages if message.period == "x"}
    assert states == {kind: "cancelled" if kind in QUIET_KINDS else "pending" for kind in kinds}
    assert world.cohort.messages_by_id[sent.message_id].state == "sent"


def test_what_comes_back_to_the_queue_during_the_pause_is_cancelled_by_the_next_run() -> None:
    world = pause_until("2027-05-14")
    back = queue(world.cohort, "check_in", MATCH, "2", MENTEE, "pending")
    world.cohort = with_messages(world.cohort, back)
    plan = process(world)
    assert plan.changes == (CancelMessage(back.message_id, "The match was paused before it went out."),)


def test_the_committee_resends_nothing_to_a_pair_that_pauses_until_it_goes_on() -> None:
    world = pause_until("2027-05-14")
    failed = queue(
        world.cohort, "monthly_topic", MATCH, "2027-04", MENTOR, "failed", problem="No such address."
    )
    world.cohort = with_messages(world.cohort, failed)
    rows = [decide(failed.reference, "Resend")]
    assert plan_message_decisions(world.cohort, rows, NOW).changes == ()
    [row] = list_message_rows(world.cohort, rows)
    assert row["To do"] == "The pair pauses: Resend waits until the two go on. Or choose Leave."
    assert plan_message_decisions(world.cohort, [decide(failed.reference, "Leave")], NOW).changes == (
        ResolveMessage(failed.message_id, "left"),
    )
    process(world, None, at("2027-05-14"))
    assert len(plan_message_decisions(world.cohort, rows, at("2027-05-14")).changes) == 3


def test_desk_digest_status_and_handover_count_the_pause() -> None:
    world = pause_until("2027-05-14")
    [row] = list_check_in_rows(world.cohort, NOW)
    assert row["Signal"] == "Paused until 14 May 2027"
    assert row["Next step"] == "Wait: both are told when they go on."
    monday = at("2027-04-26 10:00")
    held = replace(world.cohort, requests={**world.cohort.requests, "x": open_request(9)})
    [digest] = plan_digest(held, topic_rows(*YEAR), monday).messages
    assert digest.context["others"] == ["pairs that pause: 1"]
    assert [line.tab for line in list_waiting(world.cohort, topic_rows(*YEAR), monday)] == []
    assert count_states(world.cohort)["pauses"] == {"running": 1}
    ends = write_handover(world.cohort, [], TODAY).open_ends
    assert ("The pairs", f"Pairs that pause: 1 ({MATCH}).") in ends


def test_whoever_pauses_is_offered_no_new_mentee_and_the_partner_of_one_is() -> None:
    people = [mentor(1, capacity="2"), mentor(2, capacity="2"), mentee(1), mentee(2)]
    requests = [
        open_request(1, who=MENTOR),
        open_request(2, who="2027-mentee-002", match_id="2027-match-002"),
    ]
    world = World(make_cohort(people, [pair(1, 1), pair(2, 2)], requests=requests))
    process(world, confirm(1, 2))
    free = [item.application_id for item, _ in list_free(world.cohort, [], PairRules()).mentors]
    assert free == ["2027-mentor-002"]
    process(world, None, at("2027-05-20"))
    free = [item.application_id for item, _ in list_free(world.cohort, [], PairRules()).mentors]
    assert free == [MENTOR, "2027-mentor-002"]


def test_a_call_for_the_committee_is_heard_during_a_pause() -> None:
    world = pause_until("2027-05-14")
    call = CheckIn("c", MATCH, MENTEE, at("2027-04-25"), "want_to_talk", None, "")
    heard = replace(world.cohort, check_ins=(call,))
    standing = describe_standing(heard, heard.matches[MATCH], at("2027-04-25 12:00"))
    assert standing.concern == "talk"
    assert standing.signal.endswith("talk to the committee. Paused until 14 May 2027")


# --- Going on ------------------------------------------------------------------------------------------------------


def test_when_the_day_has_come_both_are_told_once() -> None:
    world = pause_until("2027-05-14")
    assert process(world, None, at("2027-05-13 23:59")).changes == ()
    plan = process(world, None, at("2027-05-14 00:30"))
    assert only(plan.changes, ResumeMatch) == [ResumeMatch(MATCH, f"{MATCH}-pause-1", "elapsed")]
    assert letters(plan) == [("match_resumed", person) for person in sorted(PAIR)]
    assert "earlier than planned" not in read_letter(world.cohort, plan.messages[0]).text
    assert plan.counts["matches resumed"] == 1
    assert process(world, None, at("2027-05-20")).changes == ()
    [row] = list_request_rows(world.cohort, [], at("2027-05-20"))
    assert row["Status"] == "Pause is over"


def test_a_server_that_was_down_on_the_day_catches_up() -> None:
    world = pause_until("2027-05-14")
    plan = process(world, None, at("2027-06-09"))
    assert letters(plan) == [("match_resumed", person) for person in sorted(PAIR)]


@pytest.mark.parametrize("who", [MENTEE, MENTOR])
def test_either_of_the_two_may_ask_to_go_on_earlier(who: str) -> None:
    world = pause_until("2027-08-10")
    email = world.cohort.applications[who].email
    process(world, None, at("2027-05-02"), ask(GO_ON, email, when="2027-05-02"))
    [_, row] = list_request_rows(world.cohort, [], at("2027-05-02"))
    doubt = "" if who == MENTEE else " The partner asked for the pause: ask there first."
    assert row["To do"] == f"Choose Confirm or Decline. Confirm: the two go on at once.{doubt}"
    plan = process(world, confirm(2), at("2027-05-03"))
    assert only(plan.changes, ResumeMatch) == [ResumeMatch(MATCH, f"{MATCH}-pause-1", "resumed")]
    assert "earlier than planned" in read_letter(world.cohort, plan.messages[0]).text
    assert letters(plan) == [("match_resumed", person) for person in sorted(PAIR)]


def test_the_link_of_the_mail_about_the_pause_tells_who_asks_to_go_on() -> None:
    world = pause_until("2027-08-10")
    token = token_for(world.cohort, MATCH, MENTOR, "match_paused")
    response = ask(GO_ON, "other@example.org", token=token, when="2027-05-02")
    plan = process(world, None, at("2027-05-02"), response)
    [request] = only(plan.changes, AddRequest)
    assert (request.application_id, request.match_id, request.kind) == (MENTOR, MATCH, "resumed")


def test_whoever_pauses_again_is_told_again() -> None:
    world = pause_until("2027-05-14")
    process(world, None, at("2027-05-02"), ask(GO_ON, when="2027-05-02"))
    process(world, confirm(2), at("2027-05-03"))
    process(world, None, at("2027-05-05"), ask(PAUSE, when="2027-05-05", until="2027-05-14"))
    plan = process(world, confirm(3), at("2027-05-06"))
    assert letters(plan) == [("match_paused", person) for person in sorted(PAIR)]
    assert [pause.pause_id for pause in world.cohort.pauses] == [f"{MATCH}-pause-{n}" for n in (1, 2)]


def test_a_second_request_only_lengthens_the_pause() -> None:
    world = pause_until("2027-05-14")
    later, sooner = "2027-06-01", "2027-05-10"
    process(world, None, NOW, ask(PAUSE, "mentor1@example.org", until=later, when="2027-04-21"))
    plan = process(world, confirm(2))
    assert only(plan.changes, LengthenPause) == [LengthenPause(MATCH, f"{MATCH}-pause-1", later)]
    assert only(plan.changes, PauseMatch) == []
    # Of the first mail nothing is worth reading any more.
    assert len(only(plan.changes, CancelMessage)) == 2
    assert all("pauses longer" in read_letter(world.cohort, draft).subject for draft in plan.messages)
    process(world, None, NOW, ask(PAUSE, "mentor1@example.org", until=sooner, when="2027-04-22"))
    plan = process(world, confirm(3))
    assert (only(plan.changes, LengthenPause), plan.messages) == ([], ())
    assert world.cohort.running_pauses[MATCH].paused_until == date(2027, 6, 1)


def test_two_requests_confirmed_at_once_are_one_pause_until_the_later_day() -> None:
    requests = [
        open_request(1, paused_until=date(2027, 5, 14)),
        open_request(2, who=MENTOR, paused_until=date(2027, 6, 1)),
    ]
    world = World(make_pair(requests=requests))
    plan = process(world, confirm(1, 2))
    assert [change.paused_until for change in only(plan.changes, PauseMatch)] == ["2027-06-01"]
    assert [draft.context["own_request"] for draft in plan.messages] == [True, True]


def test_after_a_pause_the_topic_of_the_month_comes_late_and_no_other() -> None:
    world = pause_until("2027-08-10")
    process(world, None, at("2027-08-10"))
    plan = world.apply(
        plan_monthly_topics(world.cohort, topic_rows(*YEAR), at("2027-08-10")), at("2027-08-10")
    )
    assert sorted((draft.kind, draft.period) for draft in plan.messages) == [
        ("heads_up", "2027-08"),
        ("monthly_topic", "2027-08"),
    ]
    assert all(draft.context["is_late"] for draft in plan.messages if draft.kind == "monthly_topic")


def test_a_topic_that_would_be_too_late_after_the_pause_is_not_missed() -> None:
    world = pause_until("2027-05-25")
    process(world, None, at("2027-05-25"))
    assert plan_monthly_topics(world.cohort, topic_rows(*YEAR), at("2027-05-25")).messages == ()


@pytest.mark.parametrize("sent_to", [(), (MENTOR,)])
def test_a_topic_that_the_pause_cancelled_comes_after_it(sent_to: tuple[str, ...]) -> None:
    """The pause came between queueing and sending, which for two time zones may be true of one side alone."""
    cohort = make_pair(requests=[open_request(paused_until=date(2027, 5, 10))])
    kinds = {"monthly_topic": MENTOR, "heads_up": MENTEE}
    queued = [
        queue(cohort, kind, MATCH, period, to, "sent" if period == "2027-04" or to in sent_to else "pending")
        for kind, to in kinds.items()
        for period in ("2027-04", "2027-05")
    ]
    world = World(with_messages(cohort, *queued))
    process(world, confirm(1), at("2027-05-01 00:30"))
    process(world, None, at("2027-05-10"))
    plan = world.apply(
        plan_monthly_topics(world.cohort, topic_rows(*YEAR), at("2027-05-10")), at("2027-05-10")
    )
    wanted = [(kind, "2027-05-2") for kind, to in kinds.items() if to not in sent_to]
    assert sorted((draft.kind, draft.period) for draft in plan.messages) == sorted(wanted)
    assert plan_monthly_topics(world.cohort, topic_rows(*YEAR), at("2027-05-11")).messages == ()


def test_silence_counts_from_the_day_on_which_they_went_on() -> None:
    said = CheckIn("c", MATCH, MENTEE, at("2027-04-12"), "connected", 1, "")
    world = pause_until("2027-07-01", check_ins=(said,))
    process(world, None, at("2027-07-01"))
    match = world.cohort.matches[MATCH]
    assert describe_standing(world.cohort, match, at("2027-08-10")).concern == ""
    silent = describe_standing(world.cohort, match, at("2027-08-12"))
    assert (silent.concern, silent.signal) == (
        "silent",
        "Silent since 12 April 2027 (last said to be in touch)",
    )


def test_a_question_from_before_the_pause_is_not_asked_again_nor_reminded_of() -> None:
    asked = queue(make_pair(), "check_in", MATCH, "2", MENTEE, settled_at=at("2027-04-11"))
    world = pause_until("2027-04-24", messages=(asked,))
    process(world, None, at("2027-04-24"))
    match = world.cohort.matches[MATCH]
    for day in range(24, 30):
        now = at(f"2027-04-{day}")
        assert plan_check_ins(world.cohort, form("check_in"), now).messages == ()
        assert describe_standing(world.cohort, match, now).concern == ""
    # The next regular one is asked as ever, and reminded of.
    plan = world.apply(plan_check_ins(world.cohort, form("check_in"), at("2027-05-11")), at("2027-05-11"))
    assert {(draft.kind, draft.period) for draft in plan.messages} == {("check_in", "3")}
    world.deliver(at("2027-05-11 10:00"))
    assert is_queued(plan_check_ins(world.cohort, form("check_in"), at("2027-05-15")), "check_in_reminder")


def test_trouble_from_before_the_pause_is_over_with_it() -> None:
    missing = CheckIn("c", MATCH, MENTEE, at("2027-04-12"), "partner_missing", None, "")
    world = World(make_pair(check_ins=(missing,)))
    assert describe_standing(world.cohort, world.cohort.matches[MATCH], NOW).concern == "missing"
    world = pause_until("2027-05-01", check_ins=(missing,))
    process(world, None, at("2027-05-01"))
    assert describe_standing(world.cohort, world.cohort.matches[MATCH], at("2027-05-05")).concern == ""


def test_nothing_heard_during_a_pause_is_no_no_show() -> None:
    missing = CheckIn("c", MATCH, MENTEE, at("2027-04-25"), "partner_missing", None, "")
    ended = pair(1, 1, "ended", reason="completed", ended_at=at("2027-12-01"))
    pause = Pause("p", MATCH, "2027-request-001", NOW, date(2027, 5, 14), at("2027-05-14"), "elapsed")
    cohort = make_cohort([mentor(1), mentee(1)], [ended], check_ins=(missing,))
    assert count_contact(cohort) == {"told": 0, "none": 1, "unknown": 0}
    assert count_contact(replace(cohort, pauses=(pause,))) == {"told": 0, "none": 0, "unknown": 1}


# --- The end of the match ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [CANT, NOT_WORKING])
def test_a_match_that_ends_during_a_pause_takes_the_pause_with_it(request_: str) -> None:
    world = pause_until("2027-08-10")
    process(world, None, NOW, ask(request_, "mentor1@example.org"))
    plan = process(world, confirm(2))
    kinds = [type(change) for change in plan.changes]
    assert kinds.index(EndPause) < kinds.index(EndMatch)
    assert not is_queued(plan, "match_resumed", "match_paused")
    assert world.cohort.running_pauses == {}
    assert process(world, None, at("2027-08-11")).changes == ()


def test_a_pause_that_is_confirmed_together_with_a_farewell_never_begins() -> None:
    requests = [open_request(1), open_request(2, "withdrawn", MENTOR)]
    world = World(make_pair(requests=requests))
    plan = process(world, confirm(1, 2))
    assert only(plan.changes, PauseMatch) == []
    assert letters(plan) == [("match_ended", PAIR[0]), ("partner_withdrew", PAIR[1])]


def test_a_pause_up_to_the_years_end_ends_with_the_year() -> None:
    world = pause_until("2028-02-01")
    for day in ("2027-11-30", "2027-12-01"):
        assert process(world, None, at(day)).changes == ()
    asked = plan_completion(world.cohort, form("evaluation"), at("2027-11-20"))
    assert letters(asked) == [("evaluation_invitation", person) for person in sorted(PAIR)], "as the others"
    plan = world.apply(plan_completion(world.cohort, form("evaluation"), at("2027-12-01")), at("2027-12-01"))
    assert [type(change) for change in plan.changes] == [EndPause, EndMatch]
    assert plan.counts["matches completed"] == 1
    assert list_asked(world.cohort)
    assert [pause.state for pause in world.cohort.pauses] == ["ended"]


def test_an_erased_person_leaves_no_pause_behind() -> None:
    world = pause_until("2027-08-10")
    plan, partners = plan_departure(world.cohort, PAIR[1])
    world.apply(plan, NOW)
    assert world.cohort.running_pauses == {}
    assert partners == [MENTOR]


def test_a_mentor_who_paused_has_given_up_no_seat() -> None:
    world = pause_until("2027-05-14")
    request = open_request(2, who=MENTOR, state="done")
    ended = replace(world.cohort.matches[MATCH], state="ended", ended_at=NOW, reason="not_working_out")
    cohort = replace(world.cohort, matches={MATCH: ended}, requests={"2027-request-002": request})
    assert count_given_up(cohort, cohort.applications[MENTOR]) == 0


# --- Any order -----------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from([PAUSE, PAUSE, GO_ON, NOT_WORKING, "nothing"]),
        st.sampled_from(["mentor1@example.org", "mentee1@example.org"]),
        st.integers(-5, 80),
        st.integers(0, 25),
        st.booleans(),
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_whatever_is_asked_nobody_who_rests_is_written_to_and_both_are_told_once(steps: list) -> None:  # type: ignore[type-arg]
    world, now, rows = World(make_pair()), at("2027-04-05"), []
    told: list[Draft] = []
    for request, email, length, wait, is_confirmed in steps:
        until = (now + timedelta(days=length)).date().isoformat()
        responses = [ask(request, email, when=f"{now:%Y-%m-%d}", until=until)] if request != "nothing" else []
        process(world, rows, now, *responses)
        if is_confirmed:
            rows = [decide(key, "Confirm") for key in world.cohort.requests]
        told += process(world, rows, now).messages
        for _ in range(wait + 1):
            now += timedelta(days=1)
            told += process(world, rows, now).messages
            for plan in (
                plan_monthly_topics(world.cohort, topic_rows(*YEAR), now),
                plan_check_ins(world.cohort, form("check_in"), now),
            ):
                world.apply(plan, now)
            for draft in world.deliver(now):
                assert draft.kind not in QUIET_KINDS or draft.subject_id not in world.cohort.running_pauses
    ended = [pause for pause in world.cohort.pauses if pause.state in ("elapsed", "resumed")]
    assert sum(draft.kind == "match_resumed" for draft in told) == 2 * len(ended)
    begun = [draft for draft in told if draft.kind == "match_paused" and not draft.context["longer"]]
    assert len(begun) == 2 * len(world.cohort.pauses)
