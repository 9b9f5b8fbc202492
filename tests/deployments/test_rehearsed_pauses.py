"""The promises of a rehearsal about pauses notice what breaks them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from cohorts import at, make_cohort, mentee, mentor, pair, queue, with_messages

from deployments.rehearsal_promises import list_broken_promises
from mentoring.cohort import Cohort, Pause, QueuedMessage
from tasks.mail import OutgoingMessage

MATCH, SIDES = "2027-match-001", ("2027-mentor-001", "2027-mentee-001")
BEGAN, ENDED = at("2027-04-20"), at("2027-05-14")


def make_paused(state: str = "elapsed") -> Cohort:
    """A pause of which both were told as promised."""
    over = None if state == "running" else ENDED
    pause = Pause(f"{MATCH}-pause-1", MATCH, "2027-request-001", BEGAN, date(2027, 5, 14), over, state)
    cohort = make_cohort([mentor(1), mentee(1)], [pair(1, 1)], pauses=(pause,))
    kinds = {"match_paused": "1-2027-05-14"} | ({} if over is None else {"match_resumed": "1"})
    letters = [queue(cohort, kind, MATCH, period, key) for kind, period in kinds.items() for key in SIDES]
    return with_messages(cohort, *letters)


def hand_over(message: QueuedMessage, moment: datetime) -> OutgoingMessage:
    texts = dict.fromkeys(("to_name", "from_address", "from_name", "reply_to", "subject", "text", "html"), "")
    return OutgoingMessage(message.message_id, message.kind, "person@example.org", date=moment, **texts)


def list_broken(cohort: Cohort, *accepted: OutgoingMessage) -> list[str]:
    return list_broken_promises(cohort, accepted, {MATCH}, [])


@pytest.mark.parametrize("state", ["running", "elapsed", "resumed"])
def test_a_pause_as_promised_breaks_nothing(state: str) -> None:
    assert list_broken(make_paused(state)) == []


def test_a_topic_that_goes_out_in_a_pause_is_found() -> None:
    topic = queue(make_paused(), "monthly_topic", MATCH, "2027-05", SIDES[0])
    cohort = with_messages(make_paused(), topic)
    assert list_broken(cohort, hand_over(topic, at("2027-04-19")), hand_over(replace(topic), ENDED))[1:] == []
    [line] = list_broken(cohort, hand_over(topic, at("2027-05-01")))
    assert line.endswith(f"(monthly_topic) went out in {MATCH}-pause-1.")


@pytest.mark.parametrize("kind", ["match_paused", "match_resumed"])
def test_somebody_who_was_not_told_is_found(kind: str) -> None:
    cohort = make_paused()
    [_, lost] = [message for message in cohort.messages if message.kind == kind]
    left = replace(cohort, messages=[message for message in cohort.messages if message != lost])
    assert list_broken(left) == [f"Of {MATCH}-pause-1 (elapsed) {SIDES[1]} was not told as promised."]


def test_a_pair_that_is_told_to_go_on_while_it_pauses_is_found() -> None:
    running = make_paused("running")
    early = queue(running, "match_resumed", MATCH, "1", SIDES[0])
    assert len(list_broken(with_messages(running, early))) == 1
