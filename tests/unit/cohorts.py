"""Small cohorts of made-up people for the tests of the rules, and a world that applies plans as the database does.

Belongs here: building values, and refusing what the constraints in `sql/schema/` refuse. Does not belong here: what
a test expects.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from mentoring.addresses import normalise_address
from mentoring.answers import FormAnswers
from mentoring.changes import (
    ActivateMatch,
    AddApplication,
    AddCheckIn,
    AddConfirmation,
    AddPerson,
    AddRequest,
    AddSeat,
    AddUnplacedResponse,
    ApproveMatch,
    CancelMessage,
    Change,
    DecideRequest,
    EndMatch,
    EndPause,
    ExplainMatch,
    FinishRequest,
    HoldMatch,
    LengthenPause,
    PauseMatch,
    Plan,
    ProposeMatch,
    PutEvaluation,
    ReissueAttachments,
    ReissueMessage,
    RejectMatch,
    RemoveSeats,
    RenamePerson,
    ResolveMessage,
    ResumeMatch,
    ReviseApplication,
    RevokeConfirmation,
    SettleApplication,
)
from mentoring.cohort import (
    Application,
    CheckIn,
    Cohort,
    Confirmation,
    Draft,
    Evaluation,
    Match,
    Pause,
    Person,
    QueuedMessage,
    Request,
    Role,
)
from mentoring.form_fields import FIELDS, SHARE_PARTS, WITHDRAW, FormName
from mentoring.messages import RenderedMessage, check_facts, render_message
from mentoring.program import CohortSettings, Program
from mentoring.responses import Response
from mentoring.states import START, check_transition

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("America/New_York")
#: What a mentee who shares everything ticks.
EVERYTHING = "; ".join(SHARE_PARTS)


@cache
def load_program() -> Program:
    """The bundled sample program."""
    text = (ROOT / "deployments/programs/sample/program.yaml").read_text(encoding="utf-8")
    return Program.model_validate(yaml.safe_load(text))


def at(text: str, zone: str = "America/New_York") -> datetime:
    """A moment like “2027-03-01 09:00” on somebody's clock, in UTC; a day alone is nine in the morning."""
    full = text if " " in text else f"{text} 09:00"
    return datetime.fromisoformat(full).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def say(moment: datetime) -> str:
    """The moment as changes spell it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


BOTH: Mapping[str, str] = {
    "action": "Apply",
    "phone": "+1 555 0100",
    "library_type": "Academic library",
    "focus_areas": "Cataloging; Metadata",
    "channels": "E-mail; Phone",
    "time_zone": "America/New_York",
    "languages": "English",
    "code_of_conduct": "I have read the Code of Conduct and agree to comply with it",
}
MENTOR: Mapping[str, str] = {
    **BOTH,
    "years_experience": "20",
    "career_stage": "Senior",
    "capacity": "1",
    "topics_offered": "Finding a first job; Working with vendors",
    "experience_text": "I enjoy cataloging serials.",
}
MENTEE: Mapping[str, str] = {
    **BOTH,
    "years_experience": "2",
    "career_stage": "Student",
    "desired_library_type": "Academic library",
    "topics_wanted": "Finding a first job; Working with vendors",
    "goals_text": "I hope to learn cataloging.",
    "share_consent": EVERYTHING,
}


def name_of(number: int, role: Role) -> str:
    """A made-up name."""
    first = ("Ada", "Ben", "Cleo", "Dina", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jo", "Kai", "Lena")[
        number % 12
    ]
    return f"{first} {'Mentor' if role == 'mentor' else 'Mentee'}{number}"


def apply_as(
    role: Role, number: int, state: str = "accepted", *, person_id: str | None = "", **changes: Any
) -> Application:
    """Application `number` of a role; keywords that are fields of `Application` replace them, others are answers."""
    fields = {key: changes.pop(key) for key in list(changes) if key in Application.__dataclass_fields__}
    defaults = MENTOR if role == "mentor" else MENTEE
    email = fields.pop("email", f"{role}{number}@example.org")
    name = fields.pop("name", name_of(number, role))
    answers = {
        "name": name,
        "email": email,
        "institution": f"Library of {role} {number}",
        **defaults,
        **changes,
    }
    return Application(
        application_id=f"2027-{role}-{number:03d}",
        role=role,
        person_id=f"person-{role}-{number}" if person_id == "" else person_id,
        name=name,
        email=email,
        response_key=fields.pop("response_key", f"{role}-{number}"),
        sheet_row=fields.pop("sheet_row", number + 1),
        received_at=fields.pop("received_at", at("2027-01-20")),
        is_late=fields.pop("is_late", False),
        answers=answers,
        faults=fields.pop("faults", ()),
        reason=fields.pop("reason", ""),
        revision=fields.pop("revision", 1),
        state=state,
        **fields,
    )


def mentor(number: int, state: str = "accepted", **changes: Any) -> Application:
    """A mentor of capacity 1."""
    return apply_as("mentor", number, state, **changes)


def mentee(number: int, state: str = "accepted", **changes: Any) -> Application:
    """A mentee who agreed to share everything."""
    return apply_as("mentee", number, state, **changes)


def pair(
    mentor_number: int,
    mentee_number: int,
    state: str = "active",
    *,
    number: int | None = None,
    **changes: Any,
) -> Match:
    """A match, numbered after its mentee unless told; introduced on the first day if it ever was."""
    was_introduced = state in ("active", "ended")
    defaults: dict[str, Any] = {
        "seat": 1,
        "points": 500,
        "explanation": {"why": "", "watch_outs": "", "runner_ups": []},
        "is_rematch": False,
        "is_held": False,
        "proposed_at": at("2027-02-20"),
        "decided_by": "NB" if state != "proposed" else None,
        "introduced_at": at("2027-03-01") if was_introduced else None,
        "ended_at": at("2027-05-01") if state == "ended" else None,
        "reason": {"ended": "withdrawn", "rejected": "committee"}.get(state),
    }
    return Match(
        match_id=f"2027-match-{number or mentee_number:03d}",
        mentor_application_id=f"2027-mentor-{mentor_number:03d}",
        mentee_application_id=f"2027-mentee-{mentee_number:03d}",
        state=state,
        **{**defaults, **changes},
    )


def make_cohort(
    applications: Iterable[Application] = (), matches: Iterable[Match] = (), **parts: Any
) -> Cohort:
    """A cohort of the sample program; the people are those of the applications."""
    program = parts.pop("program", load_program())
    applications = list(applications)
    settings = parts.pop("settings", program.cohorts["2027"])
    changed = {key: parts.pop(key) for key in list(parts) if key in CohortSettings.model_fields}
    if changed:
        settings = CohortSettings.model_validate(settings.model_dump() | changed)
    people = {
        item.person_id: Person(item.person_id, normalise_address(item.email) or "", item.email, item.name)
        for item in applications
        if item.person_id
    }
    requests = {item.request_id: item for item in parts.pop("requests", ())}
    return Cohort(
        cohort_id="2027",
        program=program,
        settings=settings,
        policy=parts.pop("policy", program.policy),
        token_key="0123456789abcdef",
        people=people | parts.pop("people", {}),
        applications={item.application_id: item for item in applications},
        matches={match.match_id: match for match in matches},
        requests=requests,
        **parts,
    )


def queue(
    cohort: Cohort, kind: str, subject_id: str, period: str, to: str, state: str = "sent", **changes: Any
) -> QueuedMessage:
    """A message to an application's person, as the outbox knows it."""
    recipient_id = cohort.person_of(to)
    draft = Draft(kind, subject_id, period, recipient_id, {}, at("2027-03-01"), at("2027-03-02"))
    defaults: dict[str, Any] = {
        "reissue": 0,
        "problem": "",
        "resolution": None,
        "queued_at": at("2027-03-01"),
        "settled_at": at("2027-03-01") if state != "pending" else None,
    }
    message_id = cohort.make_message_id(draft)
    return QueuedMessage(
        message_id, subject_id, kind, period, recipient_id, state=state, **{**defaults, **changes}
    )


def with_messages(cohort: Cohort, *messages: QueuedMessage) -> Cohort:
    """The cohort with these messages in its outbox, too."""
    return replace(cohort, messages=(*cohort.messages, *messages))


def token_for(cohort: Cohort, match_id: str, application_id: str, kind: str = "check_in") -> str:
    """The reference in somebody's prefilled link about a match; the message must be in the outbox."""
    person_id = cohort.person_of(application_id)
    found = (
        m for m in cohort.messages if (m.kind, m.subject_id, m.recipient_id) == (kind, match_id, person_id)
    )
    return next(found).message_id


def respond(form: FormName, row: int, when: str | None = None, **answers: str) -> Response:
    """A response as read; its key is a fingerprint of the answers and the time."""
    defaults = {"mentor": MENTOR, "mentee": MENTEE}.get(form, {})
    everything = {**dict.fromkeys(FIELDS[form], ""), **defaults, **answers}
    moment = at(when) if when else None
    text = json.dumps([form, when, sorted(everything.items())])
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Response(form, row, moment, everything.get("email", ""), key, everything)


def application(role: Role, row: int, when: str, email: str, **answers: str) -> Response:
    """A good response to an application form."""
    return respond(
        role, row, when, email=email, name=answers.pop("name", email.split("@")[0].title()), **answers
    )


def withdrawal(role: Role, row: int, when: str, email: str) -> Response:
    """A response that takes the application back."""
    return application(role, row, when, email, action=WITHDRAW)


def fault(row: int, question: str = "How many?", mend: str = "Write a number.") -> dict[str, str]:
    """A fault as the validation finds it."""
    return {
        "field": "capacity",
        "question": question,
        "mend": mend,
        "sentence": f"Row {row}, “{question}”: {mend}",
    }


def form(
    name: FormName, *responses: Response, faults: Mapping[int, Sequence[Mapping[str, str]]] | None = None
) -> FormAnswers:
    """A form's answers as read and checked."""
    return FormAnswers(name, responses, faults or {})


def decide(match_id: str, word: str, by: str = "NB") -> dict[str, str]:
    """A row with a decision on any of the tabs."""
    return {"Reference": match_id, "Decision": word, "Decided by": by}


def topic_rows(*periods: str) -> list[dict[str, str]]:
    """A `Topics` tab."""
    return [
        {
            "Month": period,
            "Topic": f"Topic of {period}",
            "Prompts": "One?\nTwo?",
            "Links": "https://www.example.org/a",
        }
        for period in periods
    ]


YEAR = tuple(f"2027-{month:02d}" for month in range(1, 13))


@dataclass
class World:
    """A cohort that lives on: plans are applied one after another, and mail goes out.

    Refuses what the database refuses: moves that no life allows, rows that are there twice or not at all, a second
    live match of a mentee or on a seat, a seat that does not exist, a second application in force.
    """

    cohort: Cohort
    seats: set[tuple[str, int]] = field(default_factory=set)
    drafts: dict[str, Draft] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Also of those who have not confirmed yet.
        for item in self.cohort.applications.values():
            if item.role != "mentor" or item.state != "accepted" or not item.email:
                continue
            self.seats |= {(item.application_id, seat) for seat in range(1, item.capacity + 1)}
        self._check()

    def apply(self, plan: Plan, now: datetime) -> Plan:
        """Apply a plan, all of it or an error."""
        for change in plan.changes:
            self.cohort = self._change(change, now)
        for draft in plan.messages:
            self._queue(draft, now)
        self._check()
        return plan

    def deliver(self, now: datetime) -> list[Draft]:
        """Send what is due; returns what was sent. What came too late expires."""
        sent = []
        messages = []
        for message in self.cohort.messages:
            draft = self.drafts.get(message.message_id)
            if message.state == "pending" and draft:
                if draft.expires_at <= now:
                    message = replace(message, state="expired", settled_at=now)
                elif draft.not_before <= now:
                    message = replace(message, state="sent", settled_at=now)
                    sent.append(draft)
            messages.append(message)
        self.cohort = replace(self.cohort, messages=tuple(messages))
        return sent

    def _queue(self, draft: Draft, now: datetime) -> None:
        assert draft.not_before < draft.expires_at, "the database refuses it"
        assert draft.not_before.tzinfo is UTC or draft.not_before.utcoffset() == timedelta(0)
        assert draft.recipient_id in self.cohort.people, draft.recipient_id
        check_facts(draft.kind, share_facts(self.cohort, draft) | dict(draft.context))
        message_id = self.cohort.make_message_id(draft)
        if message_id in self.cohort.messages_by_id:
            return
        self.drafts[message_id] = draft
        message = QueuedMessage(
            message_id,
            draft.subject_id,
            draft.kind,
            draft.period,
            draft.recipient_id,
            draft.reissue,
            "pending",
            "",
            None,
            now,
            None,
        )
        self.cohort = with_messages(self.cohort, message)

    def _check(self) -> None:
        cohort = self.cohort
        live = [match for match in cohort.matches.values() if match.is_live]
        assert len({match.mentee_application_id for match in live}) == len(live), (
            "two live matches of a mentee"
        )
        taken = [(match.mentor_application_id, match.seat) for match in live]
        assert len(set(taken)) == len(taken), "two live matches on a seat"
        assert self.seats.issuperset(taken), "a seat that does not exist"
        in_force = [
            (item.role, item.person_id)
            for item in cohort.applications.values()
            if item.state in ("accepted", "needs_attention") and item.person_id
        ]
        assert len(set(in_force)) == len(in_force), "two applications in force"
        keys = [(item.role, item.response_key) for item in cohort.applications.values()]
        assert len(set(keys)) == len(keys), "one response, two applications"
        assert all(item.person_id for item in cohort.applications.values() if item.state == "accepted")

    def _put(self, name: str, key: str, value: Any, *, new: bool = False) -> Cohort:
        table = getattr(self.cohort, name)
        assert (key in table) is not new, f"{name}: {key}"
        return replace(self.cohort, **{name: {**table, key: value}})

    def _move_match(self, match_id: str, before: str, after: str, **values: Any) -> Cohort:
        match = self.cohort.matches[match_id]
        assert match.state == before, f"{match_id} is {match.state}, not {before}"
        check_transition("match", before, after)
        return self._put("matches", match_id, replace(match, state=after, **values))

    def _change(self, change: Change, now: datetime) -> Cohort:
        cohort = self.cohort
        match change:
            case AddPerson():
                assert change.email_key not in {person.email_key for person in cohort.people.values()}
                person = Person(change.person_id, change.email_key, change.email, change.full_name)
                return self._put("people", change.person_id, person, new=True)
            case RenamePerson():
                person = replace(cohort.people[change.person_id], email=change.email, name=change.full_name)
                mine = {
                    key: replace(item, email=change.email, name=change.full_name)
                    if item.person_id == change.person_id
                    else item
                    for key, item in cohort.applications.items()
                }
                return replace(self._put("people", change.person_id, person), applications=mine)
            case AddApplication():
                return self._put("applications", change.application_id, self._read(change, 1), new=True)
            case ReviseApplication():
                old = cohort.applications[change.application_id]
                assert old.state == change.before
                check_transition("application", change.before, "received")
                return self._put(
                    "applications", change.application_id, self._read(change, old.revision + 1, old.role)
                )
            case SettleApplication():
                old = cohort.applications[change.application_id]
                assert old.state == change.before, f"{change.application_id} is {old.state}"
                check_transition("application", change.before, change.state)
                new = replace(old, state=change.state, faults=json.loads(change.faults), reason=change.reason)
                return self._put("applications", change.application_id, new)
            case ReissueAttachments():
                return cohort  # the world keeps no files
            case AddSeat():
                assert 1 <= change.seat <= 5
                self.seats.add((change.application_id, change.seat))
            case RemoveSeats():
                used = {(match.mentor_application_id, match.seat) for match in cohort.matches.values()}
                self.seats -= {
                    place
                    for place in self.seats
                    if place[0] == change.application_id and place[1] > change.capacity and place not in used
                }
            case ProposeMatch():
                check_transition("match", START, "proposed")
                new_match = Match(
                    change.match_id,
                    change.mentor_application_id,
                    change.seat,
                    change.mentee_application_id,
                    change.points,
                    json.loads(change.explanation),
                    bool(change.is_rematch),
                    False,
                    "proposed",
                    now,
                    None,
                    None,
                    None,
                    None,
                )
                return self._put("matches", change.match_id, new_match, new=True)
            case ExplainMatch():
                found = cohort.matches[change.match_id]
                assert found.state == "proposed"
                explained = replace(found, points=change.points, explanation=json.loads(change.explanation))
                return self._put("matches", change.match_id, explained)
            case HoldMatch():
                found = cohort.matches[change.match_id]
                assert found.state == "proposed"
                return self._put("matches", change.match_id, replace(found, is_held=bool(change.is_held)))
            case ApproveMatch():
                return self._move_match(
                    change.match_id, "proposed", "approved", is_held=False, decided_by=change.decided_by
                )
            case RejectMatch():
                return self._move_match(
                    change.match_id, change.before, "rejected", is_held=False, reason=change.reason
                )
            case ActivateMatch():
                return self._move_match(change.match_id, "approved", "active", introduced_at=now)
            case PauseMatch():
                match_ = cohort.matches[change.match_id]
                assert match_.state == "active", "only active matches pause"
                assert change.match_id not in cohort.running_pauses, "one pause at a time"
                assert change.pause_id not in {pause.pause_id for pause in cohort.pauses}
                assert change.request_id in cohort.requests
                until = date.fromisoformat(change.paused_until)
                check_transition("pause", START, "running")
                pause = Pause(
                    change.pause_id, change.match_id, change.request_id, now, until, None, "running"
                )
                return replace(cohort, pauses=(*cohort.pauses, pause))
            case LengthenPause():
                until = date.fromisoformat(change.paused_until)
                return self._change_pause(change.pause_id, paused_until=until)
            case ResumeMatch():
                check_transition("pause", "running", change.state)
                return self._change_pause(change.pause_id, state=change.state, ended_at=now)
            case EndPause():
                return self._change_pause(change.pause_id, state="ended", ended_at=now)
            case EndMatch():
                assert change.match_id not in cohort.running_pauses, "a match that rests can't end"
                return self._move_match(
                    change.match_id, "active", "ended", ended_at=now, reason=change.reason
                )
            case AddRequest():
                assert change.response_key not in {item.response_key for item in cohort.requests.values()}
                request = Request(
                    change.request_id,
                    change.response_key,
                    datetime.fromisoformat(change.received_at),
                    change.application_id,
                    change.match_id,
                    change.kind,  # type: ignore[arg-type]
                    bool(change.wants_rematch),
                    change.words,
                    change.problem,
                    None,
                    "received",
                    date.fromisoformat(change.paused_until) if change.paused_until else None,
                )
                return self._put("requests", change.request_id, request, new=True)
            case DecideRequest() | FinishRequest():
                request = cohort.requests[change.request_id]
                before, after = (
                    ("confirmed", "done")
                    if isinstance(change, FinishRequest)
                    else (change.before, change.state)
                )
                assert request.state == before
                check_transition("request", before, after)
                return self._put("requests", change.request_id, replace(request, state=after))
            case AddCheckIn():
                assert change.response_key not in {item.response_key for item in cohort.check_ins}
                answer = CheckIn(
                    change.response_key,
                    change.match_id,
                    change.application_id,
                    datetime.fromisoformat(change.answered_at),
                    change.signal,  # type: ignore[arg-type]
                    change.contacts,
                    change.words,
                    change.rhythm,  # type: ignore[arg-type]
                    change.fallback,
                )
                ordered = sorted(
                    (*cohort.check_ins, answer), key=lambda item: (item.answered_at, item.response_key)
                )
                return replace(cohort, check_ins=tuple(ordered))
            case PutEvaluation():
                place = (change.match_id, change.application_id)
                others = [e for e in cohort.evaluations if (e.match_id, e.application_id) != place]
                moment = datetime.fromisoformat(change.answered_at)
                new_one = Evaluation(*place, change.response_key, moment, json.loads(change.answers))
                return replace(cohort, evaluations=(*others, new_one))
            case AddConfirmation():
                assert not [
                    item
                    for item in cohort.confirmations
                    if item.response_key == change.response_key
                    or (item.application_id == change.application_id and not item.is_revoked)
                    or (change.code and item.code == change.code)
                ]
                confirmation = Confirmation(
                    change.response_key,
                    change.application_id,
                    change.person_id,
                    "link" if change.means == "link" else "verified_address",
                    change.code,
                    is_revoked=False,
                )
                return replace(cohort, confirmations=(*cohort.confirmations, confirmation))
            case RevokeConfirmation():
                return replace(
                    cohort,
                    confirmations=tuple(
                        replace(
                            item, is_revoked=item.is_revoked or item.application_id == change.application_id
                        )
                        for item in cohort.confirmations
                    ),
                )
            case AddUnplacedResponse():
                assert change.response_key not in cohort.unplaced
                return replace(cohort, unplaced={**cohort.unplaced, change.response_key: change.problem})
            case CancelMessage():
                return self._settle_message(change.message_id, "pending", "cancelled", problem=change.problem)
            case ResolveMessage():
                message = cohort.messages_by_id[change.message_id]
                assert message.resolution is None
                return self._replace_message(replace(message, resolution=change.resolution))
            case ReissueMessage():
                message = cohort.messages_by_id[change.message_id]
                assert change.reissued_as not in cohort.messages_by_id
                assert change.not_before < change.expires_at
                again = replace(
                    message,
                    message_id=change.reissued_as,
                    reissue=change.reissue,
                    state="pending",
                    problem="",
                    queued_at=now,
                    settled_at=None,
                )
                return with_messages(cohort, again)
            case _:
                raise AssertionError(f"The world does not know {change.query}.")
        return self.cohort

    def _change_pause(self, pause_id: str, **values: Any) -> Cohort:
        assert pause_id in {pause.pause_id for pause in self.cohort.running_pauses.values()}
        changed = (
            replace(pause, **values) if pause.pause_id == pause_id else pause for pause in self.cohort.pauses
        )
        return replace(self.cohort, pauses=tuple(changed))

    def _settle_message(self, message_id: str, before: str, after: str, **values: Any) -> Cohort:
        message = self.cohort.messages_by_id[message_id]
        assert message.state == before, f"{message.kind} is {message.state}"
        check_transition("message", before, after)
        return self._replace_message(replace(message, state=after, **values))

    def _replace_message(self, new: QueuedMessage) -> Cohort:
        messages = tuple(new if item.message_id == new.message_id else item for item in self.cohort.messages)
        return replace(self.cohort, messages=messages)

    def _read(
        self, change: AddApplication | ReviseApplication, revision: int, role: Role | None = None
    ) -> Application:
        person = self.cohort.people[change.person_id] if change.person_id else None
        if isinstance(change, AddApplication):
            role = "mentor" if change.applicant_role == "mentor" else "mentee"
        assert role is not None
        return Application(
            change.application_id,
            role,
            change.person_id,
            person.name if person else "",
            person.email if person else "",
            change.response_key,
            change.sheet_row,
            datetime.fromisoformat(change.received_at),
            bool(change.is_late),
            json.loads(change.answers),
            (),
            "",
            revision,
            "received",
        )


def only(changes: Iterable[object], kind: type) -> list[Any]:
    """The changes of one class."""
    return [change for change in changes if isinstance(change, kind)]


def list_days(first: str, last: str) -> list[date]:
    """Every day from first to last."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def in_daytime(cohort: Cohort, draft: Draft, zone: str) -> bool:
    """Whether a message goes out within the program's sending hours on the recipient's clock."""
    hours = cohort.program.sending_hours
    return hours.start <= draft.not_before.astimezone(ZoneInfo(zone)).time() < hours.end


def share_facts(cohort: Cohort, draft: Draft) -> dict[str, Any]:
    """The facts that every message has."""
    program = cohort.program
    return {
        "program": {
            "name": program.name,
            "association": program.association,
            "committee_address": program.committee_address,
            "links": program.links.model_dump(),
        },
        "recipient": {"name": cohort.people[draft.recipient_id].name},
    }


def read_letter(cohort: Cohort, draft: Draft) -> RenderedMessage:
    """A message as its recipient reads it."""
    return render_message(draft.kind, share_facts(cohort, draft) | dict(draft.context))
