"""Messages that need a person, and what the committee's decision about one of them does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cohorts import World, at, decide, make_cohort, mentee, mentor, only, pair, queue, say, with_messages
from hypothesis import given
from hypothesis import strategies as st

from mentoring.changes import Plan, ReissueAttachments, ReissueMessage, ResolveMessage
from mentoring.cohort import Cohort
from mentoring.desk_rows import list_message_rows
from mentoring.outbox import DOUBTFUL, list_doubtful, plan_message_decisions
from mentoring.states import LIVES

NOW = at("2027-04-05")
MENTOR, MENTEE = "2027-mentor-001", "2027-mentee-001"


def make_outbox(state: str = "failed", **changes: object) -> Cohort:
    """A pair with one message to the mentor."""
    cohort = make_cohort([mentor(1, **changes), mentee(1)], [pair(1, 1)])
    return with_messages(cohort, queue(cohort, "monthly_topic", "2027-match-001", "2027-04", MENTOR, state))


def carry_out(world: World, *rows: dict[str, str]) -> Plan:
    plan = world.apply(plan_message_decisions(world.cohort, rows, NOW), NOW)
    assert plan_message_decisions(world.cohort, rows, NOW).changes == (), "running twice changes nothing"
    return plan


@pytest.mark.parametrize("state", [state for state in LIVES["message"] if state != "start"])
def test_doubt_is_visible_and_nothing_else_is(state: str) -> None:
    assert bool(list_doubtful(make_outbox(state))) is (
        state in ("unknown", "failed", "suppressed", "expired")
    )


def test_undecided_messages_wait() -> None:
    plan = plan_message_decisions(make_outbox("unknown"), [], NOW)
    assert plan == Plan(
        counts={"resent": 0}, waiting=("Messages that wait for a decision on the Messages tab: 1.",)
    )


@pytest.mark.parametrize("state", DOUBTFUL)
def test_resend_is_a_new_message_and_the_old_one_keeps_its_state(state: str) -> None:
    world = World(make_outbox(state))
    [message] = world.cohort.messages
    plan = carry_out(world, decide(message.reference, "Resend"))
    [again, files, resolved] = plan.changes
    assert isinstance(again, ReissueMessage)
    assert (again.message_id, again.reissue) == (message.message_id, 1)
    assert again.reissued_as != message.message_id
    assert again.not_before == say(NOW)
    assert again.expires_at == say(NOW + timedelta(days=14))
    assert files == ReissueAttachments(message.message_id, again.reissued_as)
    assert resolved == ResolveMessage(message.message_id, "resent")
    assert [(m.state, m.resolution, m.reissue) for m in world.cohort.messages] == [
        (state, "resent", 0),
        ("pending", None, 1),
    ]
    assert (plan.counts, plan.waiting) == ({"resent": 1}, ())


def test_a_second_resend_counts_on() -> None:
    world = World(make_outbox())
    first = world.cohort.messages[0].reference
    carry_out(world, decide(first, "Resend"))
    second = world.cohort.messages[1]
    failed = replace(second, state="failed")
    world.cohort = replace(world.cohort, messages=(world.cohort.messages[0], failed))
    plan = carry_out(world, decide(first, "Resend"), decide(second.reference, "Resend"))
    assert [change.reissue for change in only(plan.changes, ReissueMessage)] == [2]
    assert len({message.message_id for message in world.cohort.messages}) == 3


def test_leave_leaves_it() -> None:
    world = World(make_outbox())
    [message] = world.cohort.messages
    plan = carry_out(world, decide(message.reference, "leave"))
    assert plan.changes == (ResolveMessage(message.message_id, "left"),)
    assert plan.waiting == ()
    assert list_doubtful(world.cohort) == []


def test_a_mail_that_came_back_can_be_sent_once_more() -> None:
    world = World(make_outbox("sent"))
    message = replace(world.cohort.messages[0], problem="The recipient's mail server sent it back.")
    world.cohort = replace(world.cohort, messages=(message,))
    assert list_doubtful(world.cohort) == [message]
    plan = carry_out(world, decide(message.reference, "Resend"))
    assert plan.counts == {"resent": 1}
    assert [(item.state, item.resolution) for item in world.cohort.messages] == [
        ("sent", "resent"),
        ("pending", None),
    ]


@pytest.mark.parametrize("state", ["pending", "sending", "sent", "cancelled"])
def test_a_message_without_doubt_is_never_resent(state: str) -> None:
    cohort = make_outbox(state)
    assert plan_message_decisions(cohort, [decide(cohort.messages[0].reference, "Resend")], NOW).changes == ()


@pytest.mark.parametrize("word", ["", "Send", "Resend it"])
def test_without_a_clear_decision_nothing_is_sent(word: str) -> None:
    cohort = make_outbox("unknown")
    plan = plan_message_decisions(cohort, [decide(cohort.messages[0].reference, word)], NOW)
    assert (plan.changes, len(plan.waiting)) == ((), 1)


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Mars"])
def test_what_is_resent_goes_out_in_the_recipients_daytime(zone: str) -> None:
    cohort = make_outbox(time_zone=zone)
    [again] = only(
        plan_message_decisions(cohort, [decide(cohort.messages[0].reference, "Resend")], NOW).changes,
        ReissueMessage,
    )
    assert again.not_before == say(at("2027-04-05 08:00", zone) if zone == "Pacific/Honolulu" else NOW)


@pytest.mark.parametrize("who", [MENTOR, MENTEE])
def test_a_text_that_was_removed_with_somebodys_data_can_not_be_resent(who: str) -> None:
    cohort = make_outbox()
    erased = replace(cohort.applications[who], email="", name="", answers={})
    cohort = replace(cohort, applications={**cohort.applications, who: erased})
    [message] = cohort.messages
    assert plan_message_decisions(cohort, [decide(message.reference, "Resend")], NOW).changes == (
        ResolveMessage(message.message_id, "left"),
    )


@pytest.mark.parametrize(
    ("kind", "is_resent"),
    [("check_in", False), ("monthly_topic", False), ("introduction_mentor", False), ("match_ended", True)],
)
def test_nobody_is_asked_about_a_match_that_has_ended_since(kind: str, is_resent: bool) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1, "ended")])
    cohort = with_messages(cohort, queue(cohort, kind, "2027-match-001", "", MENTOR, "failed"))
    [message] = cohort.messages
    plan = plan_message_decisions(cohort, [decide(message.reference, "Resend")], NOW)
    assert plan.counts == {"resent": int(is_resent)}
    assert ResolveMessage(message.message_id, "resent" if is_resent else "left") in plan.changes
    [row] = list_message_rows(cohort, [])
    told = "The match has ended since, so it is not sent any more; choose Leave."
    assert (row["To do"] == told) is not is_resent


@given(st.lists(st.sampled_from(["Resend", "Leave", ""]), min_size=4, max_size=4))
def test_every_message_is_resent_left_or_waits(words: list[str]) -> None:
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)])
    cohort = with_messages(
        cohort,
        *(
            queue(cohort, "check_in", "2027-match-001", str(number), MENTOR, state)
            for number, state in enumerate(DOUBTFUL)
        ),
    )
    rows = [decide(message.reference, word) for message, word in zip(cohort.messages, words, strict=True)]
    world = World(cohort)
    plan = carry_out(world, *rows)
    assert plan.counts["resent"] == words.count("Resend")
    waiting = words.count("")
    assert plan.waiting == (
        (f"Messages that wait for a decision on the Messages tab: {waiting}.",) if waiting else ()
    )
    assert [m.resolution for m in world.cohort.messages[:4]] == [
        {"Resend": "resent", "Leave": "left", "": None}[word] for word in words
    ]
