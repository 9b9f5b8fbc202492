"""One cohort as it stands: the values that every decision of the program starts from.

Belongs here: what an application, a match, a request, an answer and a queued message are, and simple
questions about them. Does not belong here: decisions (`intake`, `proposals`, `introductions`, …) and how the
values are stored.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

from mentoring.policy import Policy
from mentoring.program import CohortSettings, Program, check_time_zone
from mentoring.states import LIVE_MATCH_STATES

Role = Literal["mentor", "mentee"]
#: How often a pair likes to be asked how it goes.
Rhythm = Literal["two_weeks", "month", "two_months"]
RequestKind = Literal["withdrawn", "not_working_out", "paused", "resumed"]
ROLES: tuple[Role, Role] = ("mentor", "mentee")

#: (kind, subject_id, period, recipient_id): what makes a message one and the same within a cohort.
MessageKey = tuple[str, str, str, str]


@dataclass(frozen=True)
class Application:
    """One application with its person.

    `name` and `email` are empty when the address could not be used, and once the person is erased.
    """

    application_id: str
    role: Role
    person_id: str | None
    name: str
    email: str
    response_key: str
    sheet_row: int
    received_at: datetime
    is_late: bool
    answers: Mapping[str, str]
    faults: Sequence[Mapping[str, str]]
    reason: str
    revision: int
    state: str

    @property
    def capacity(self) -> int:
        """Seats that an accepted mentor offers; 0 for a mentee."""
        return int(self.answers.get("capacity") or 0) if self.role == "mentor" else 0

    def list_answers(self, name: str) -> list[str]:
        """The values of an answer that may have several."""
        return [part for part in self.answers.get(name, "").split("; ") if part]

    @property
    def time_zone(self) -> str:
        """The applicant's IANA time zone, or an empty text."""
        return self.answers.get("time_zone", "")


@dataclass(frozen=True)
class Match:
    """One mentor's seat with one mentee, from proposal to end. The ids are those of their applications."""

    match_id: str
    mentor_application_id: str
    seat: int
    mentee_application_id: str
    points: int
    explanation: Mapping[str, Any]
    is_rematch: bool
    is_held: bool
    state: str
    proposed_at: datetime
    decided_by: str | None
    introduced_at: datetime | None
    ended_at: datetime | None
    reason: str | None

    @property
    def is_live(self) -> bool:
        """Whether it occupies the mentee and the seat."""
        return self.state in LIVE_MATCH_STATES

    @property
    def pair(self) -> tuple[str, str]:
        """The two applications, mentor first."""
        return self.mentor_application_id, self.mentee_application_id

    def find_partner(self, application_id: str) -> str:
        """The application on the other side."""
        return (
            self.mentee_application_id
            if application_id == self.mentor_application_id
            else self.mentor_application_id
        )


@dataclass(frozen=True)
class Confirmation:
    """Somebody proved to be who the application says: by the `code` of a mail, or by signing in to the form.

    `response_key` is the response that did; a confirmation that is no longer in force is revoked.
    """

    response_key: str
    application_id: str
    person_id: str
    means: Literal["link", "verified_address"]
    code: str | None
    is_revoked: bool


@dataclass(frozen=True)
class Request:
    """Somebody can't go on (`withdrawn`), a match does not work out (`not_working_out`), or it is to rest for a while
    (`paused`, until the day that was wished for, if any) or to go on again (`resumed`).
    """

    request_id: str
    response_key: str
    received_at: datetime
    application_id: str | None
    match_id: str | None
    kind: RequestKind
    wants_rematch: bool
    words: str
    problem: str
    decided_by: str | None
    state: str
    paused_until: date | None = None


@dataclass(frozen=True)
class Pause:
    """A match rests until a day, on which the two go on; the match itself stays active.

    `request_id` is the request that began it; `ended_at` is None while it runs.
    """

    pause_id: str
    match_id: str
    request_id: str
    began_at: datetime
    paused_until: date
    ended_at: datetime | None
    state: str

    def covers(self, moment: datetime) -> bool:
        """Whether the match rested at that moment."""
        return self.began_at <= moment and (self.ended_at is None or moment < self.ended_at)


@dataclass(frozen=True)
class CheckIn:
    """One answer to a check-in; `rhythm` and `fallback` where the pair settled them with it."""

    response_key: str
    match_id: str
    application_id: str
    answered_at: datetime
    signal: Literal["connected", "not_yet", "partner_missing", "want_to_talk"]
    contacts: int | None
    words: str
    rhythm: Rhythm | None = None
    fallback: str = ""


@dataclass(frozen=True)
class Evaluation:
    """One person's answers about one match."""

    match_id: str
    application_id: str
    response_key: str
    answered_at: datetime
    answers: Mapping[str, str]


def refer_to_message(subject_id: str, message_id: str) -> str:
    """What people know a message by: the match or application that it is about, and how its id begins."""
    return f"{subject_id}-{message_id[:8]}"


@dataclass(frozen=True)
class QueuedMessage:
    """What the outbox knows of a message, without its text."""

    message_id: str
    subject_id: str
    kind: str
    period: str
    recipient_id: str
    reissue: int
    state: str
    problem: str
    resolution: str | None
    queued_at: datetime
    settled_at: datetime | None

    @property
    def reference(self) -> str:
        """What people know it by."""
        return refer_to_message(self.subject_id, self.message_id)

    @property
    def key(self) -> MessageKey:
        """The key without the reissue."""
        return self.kind, self.subject_id, self.period, self.recipient_id


@dataclass(frozen=True)
class Draft:
    """A message to queue: its key, what its template needs, and when it may go out and becomes pointless.

    `context` lacks what every message shares (program, recipient), which is added when it is rendered. Where
    a link needs the message's own reference, it holds the mark `{token}`.
    """

    kind: str
    subject_id: str
    period: str
    recipient_id: str
    context: Mapping[str, Any]
    not_before: datetime
    expires_at: datetime
    reissue: int = 0

    @property
    def key(self) -> MessageKey:
        """The key without the reissue."""
        return self.kind, self.subject_id, self.period, self.recipient_id


@dataclass(frozen=True)
class Person:
    """A human being, whatever roles and cohorts; `email` and `name` are empty once erased."""

    person_id: str
    email_key: str
    email: str
    name: str


@dataclass(frozen=True)
class Cohort:
    """One cohort as it stands in the database, with the settings in force.

    `unplaced` maps the key of a response that belongs to nobody to its problem; `forgotten` holds the keys of
    responses of erased people, which must not come back from the form's sheet; `earlier_pairs` are (mentor,
    mentee) person ids of earlier cohorts; `waited_since` maps a person who got no mentor in an earlier cohort, or no
    word of one, to the day of that line.
    """

    cohort_id: str
    program: Program
    settings: CohortSettings
    policy: Policy
    token_key: str
    is_anonymised: bool = False
    people: Mapping[str, Person] = field(default_factory=dict)
    applications: Mapping[str, Application] = field(default_factory=dict)
    matches: Mapping[str, Match] = field(default_factory=dict)
    requests: Mapping[str, Request] = field(default_factory=dict)
    pauses: Sequence[Pause] = ()
    confirmations: Sequence[Confirmation] = ()
    check_ins: Sequence[CheckIn] = ()
    evaluations: Sequence[Evaluation] = ()
    messages: Sequence[QueuedMessage] = ()
    unplaced: Mapping[str, str] = field(default_factory=dict)
    forgotten: frozenset[str] = frozenset()
    earlier_pairs: frozenset[tuple[str, str]] = frozenset()
    waited_since: Mapping[str, date] = field(default_factory=dict)

    @cached_property
    def queued_keys(self) -> frozenset[MessageKey]:
        """Keys of every message that was ever queued."""
        return frozenset(message.key for message in self.messages)

    @cached_property
    def cancelled_keys(self) -> frozenset[MessageKey]:
        """Keys of the messages that were cancelled before they went out."""
        return frozenset(message.key for message in self.messages if message.state == "cancelled")

    @cached_property
    def messages_by_id(self) -> Mapping[str, QueuedMessage]:
        """Messages by their opaque id, which is also the reference in prefilled links."""
        return {message.message_id: message for message in self.messages}

    def list_accepted(self, role: Role) -> list[Application]:
        """Accepted applications of one role that may be matched, in the order of their ids: no erased people."""
        return [
            application
            for _, application in sorted(self.applications.items())
            if application.role == role
            and application.state == "accepted"
            and application.email
            and not self.waits_for_confirmation(application)
        ]

    @cached_property
    def confirmed(self) -> Mapping[str, str]:
        """Confirmed applications → the person who did; whoever has another address by now has not."""
        return {item.application_id: item.person_id for item in self.confirmations if not item.is_revoked}

    def waits_for_confirmation(self, application: Application) -> bool:
        """Whether an accepted application can't be matched, for nobody confirmed it and the program asks for it."""
        return (
            self.program.confirmation is not None
            and application.state == "accepted"
            and bool(application.email)
            and self.confirmed.get(application.application_id) != application.person_id
        )

    def list_matches(self, *states: str) -> list[Match]:
        """Matches in any of the states, in the order of their ids."""
        return [match for _, match in sorted(self.matches.items()) if match.state in states]

    def list_active_pairs(self) -> list[Match]:
        """Active matches whose two people can both be written to: neither was erased."""
        return [
            match
            for match in self.list_matches("active")
            if all(self.applications[key].email for key in match.pair)
        ]

    @cached_property
    def running_pauses(self) -> Mapping[str, Pause]:
        """The pauses that run, by their match."""
        return {pause.match_id: pause for pause in self.pauses if pause.state == "running"}

    def name_of(self, application_id: str) -> str:
        """The applicant's name as the committee knows it, or the reference once it is erased."""
        return self.applications[application_id].name or application_id

    def person_of(self, application_id: str) -> str:
        """The person id of an application that has one."""
        person_id = self.applications[application_id].person_id
        assert person_id is not None, "only an application with a person takes part"
        return person_id

    def zone_of(self, application_id: str) -> ZoneInfo:
        """The applicant's time zone; the committee's if there is none, or the answer names none."""
        try:
            return ZoneInfo(check_time_zone(self.applications[application_id].time_zone))
        except ValueError:
            return self.program.zone

    def make_message_id(self, draft: Draft) -> str:
        """The opaque id of a message: the same for the same key, and nobody outside can guess it.

        HMAC-SHA256 over the key with the cohort's own random key, 32 hexadecimal digits.
        """
        text = "\n".join((self.cohort_id, *draft.key, str(draft.reissue)))
        return hmac.new(self.token_key.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]
