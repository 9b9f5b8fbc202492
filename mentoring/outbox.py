"""The outbox: which messages need a person, and what the committee's decision about one of them means.

Belongs here: reading the `Messages` tab's decisions. Does not belong here: sending (`tasks.outbox`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mentoring.calendar import next_daytime
from mentoring.changes import Change, Plan, ReissueAttachments, ReissueMessage, ResolveMessage
from mentoring.cohort import Cohort, Draft, QueuedMessage
from mentoring.decisions import Rows, read_message_decisions
from mentoring.pauses import QUIET_KINDS

#: States that a message leaves by a person's decision only.
DOUBTFUL = ("unknown", "failed", "suppressed", "expired")
#: What only makes sense while the match lasts.
_OF_ACTIVE_MATCHES = (
    "introduction_mentor",
    "introduction_mentee",
    "monthly_topic",
    "heads_up",
    "check_in",
    "check_in_reminder",
    "match_paused",
    "match_resumed",
)
_WORTH = timedelta(days=14)


def came_back(message: QueuedMessage) -> bool:
    """Whether the provider took the message and reported later that nobody gets it."""
    return message.state == "sent" and bool(message.problem)


def list_doubtful(cohort: Cohort) -> list[QueuedMessage]:
    """Messages that wait for a person, oldest first."""
    return [
        message
        for message in cohort.messages
        if (message.state in DOUBTFUL or came_back(message)) and message.resolution is None
    ]


def plan_message_decisions(cohort: Cohort, rows: Rows, now: datetime) -> Plan:
    """Carry out Resend and Leave. A resent message is a new one with its own key; the old keeps its state."""
    decisions = read_message_decisions(rows)
    changes: list[Change] = []
    for message in list_doubtful(cohort):
        decision = decisions.taken.get(message.reference)
        if decision is None:
            continue
        if decision.word == "Leave" or not has_text(cohort, message) or came_too_late(cohort, message):
            changes.append(ResolveMessage(message.message_id, "left"))
        elif not comes_too_early(cohort, message):
            changes.extend(_resend(cohort, message, now))
    left = len(list_doubtful(cohort)) - sum(isinstance(change, ResolveMessage) for change in changes)
    waiting = (f"Messages that wait for a decision on the Messages tab: {left}.",) if left else ()
    counts = {"resent": sum(isinstance(change, ReissueMessage) for change in changes)}
    return Plan(tuple(changes), counts=counts, waiting=waiting)


def has_text(cohort: Cohort, message: QueuedMessage) -> bool:
    """Whether it could be sent again: its text is removed with the data of anybody whom it is about."""
    match = cohort.matches.get(message.subject_id)
    keys = match.pair if match else (message.subject_id,)
    return all(cohort.applications[key].email for key in keys if key in cohort.applications)


def came_too_late(cohort: Cohort, message: QueuedMessage) -> bool:
    """Whether the match that it speaks of has ended since, so that nobody should get it any more."""
    match = cohort.matches.get(message.subject_id)
    return message.kind in _OF_ACTIVE_MATCHES and match is not None and match.ended_at is not None


def comes_too_early(cohort: Cohort, message: QueuedMessage) -> bool:
    """Whether the match that it speaks of pauses, so that Resend waits until the two go on."""
    return message.kind in QUIET_KINDS and message.subject_id in cohort.running_pauses


def _resend(cohort: Cohort, message: QueuedMessage, now: datetime) -> Sequence[Change]:
    reissue = 1 + max(other.reissue for other in cohort.messages if other.key == message.key)
    not_before = next_daytime(now, _zone_of(cohort, message), cohort.program.sending_hours)
    key = Draft(*message.key, {}, not_before, not_before + _WORTH, reissue)
    reissued_as = cohort.make_message_id(key)
    return (
        ReissueMessage(
            message.message_id,
            reissued_as,
            reissue,
            not_before.strftime("%Y-%m-%dT%H:%M:%SZ"),
            (not_before + _WORTH).strftime("%Y-%m-%dT%H:%M:%SZ"),
        ),
        ReissueAttachments(message.message_id, reissued_as),
        ResolveMessage(message.message_id, "resent"),
    )


def _zone_of(cohort: Cohort, message: QueuedMessage) -> ZoneInfo:
    mine = (key for key, item in cohort.applications.items() if item.person_id == message.recipient_id)
    key = next(mine, None)
    return cohort.zone_of(key) if key else cohort.program.zone
