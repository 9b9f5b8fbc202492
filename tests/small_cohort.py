"""A small cohort in a real database, made by the program's own changes and messages; made-up people only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from mentoring.changes import (
    ActivateMatch,
    AddApplication,
    AddPerson,
    AddRequest,
    AddSeat,
    ApproveMatch,
    Change,
    DecideRequest,
    FinishRequest,
    PauseMatch,
    Plan,
    ProposeMatch,
    ResumeMatch,
    SettleApplication,
)
from mentoring.cohort import Cohort, Draft
from mentoring.steering import steer_cohort
from tasks.database import Row, format_time
from tasks.ledger import apply_plan, read_cohort
from tasks.runs import Run

DAY = timedelta(days=1)


@dataclass
class SmallCohort:
    """Builds up a cohort in the run's database, and looks into its tables."""

    run: Run
    made: dict[str, int] = field(default_factory=dict)

    def read(self) -> Cohort:
        with self.run.database.transaction("test", self.run.now) as transaction:
            steering = steer_cohort(self.run.settings.program, self.run.cohort_id, {}, [])
            return read_cohort(self.run, transaction, steering)

    def apply(self, *changes: Change, messages: tuple[Draft, ...] = ()) -> None:
        apply_plan(self.run, self.read(), Plan(changes, messages))

    def next(self, series: str) -> int:
        self.made[series] = self.made.get(series, 0) + 1
        return self.made[series]

    def add_person(self, name: str = "Ana Ortiz", email: str | None = None) -> str:
        number = self.next("person")
        address = email or f"person{number}@example.org"
        self.apply(AddPerson(f"person-{number}", address, address, name))
        return f"person-{number}"

    def add_application(self, role: str, person_id: str | None = None, seats: int = 1, **answers: str) -> str:
        """An accepted application, with a new person unless one is given."""
        person_id = person_id or self.add_person()
        number = self.next(role)
        key = f"{role}-{number}"
        answers = {"capacity": str(seats)} | answers if role == "mentor" else answers
        received = format_time(self.run.now - 30 * DAY)
        self.apply(
            AddApplication(
                key, role, person_id, f"response-{key}", number + 1, received, 0, json.dumps(answers)
            ),
            SettleApplication(key, "received", "accepted", "[]", ""),
            *(AddSeat(key, seat) for seat in range(1, seats + 1) if role == "mentor"),
        )
        return key

    def propose(
        self, mentor: str | None = None, mentee: str | None = None, seat: int = 1, **more: Any
    ) -> str:
        mentor = mentor or self.add_application("mentor")
        mentee = mentee or self.add_application("mentee")
        match_id = f"match-{self.next('match')}"
        explanation = json.dumps(more.pop("explanation", {}))
        self.apply(ProposeMatch(match_id, mentor, seat, mentee, 100, explanation, 0))
        return match_id

    def approve(self, **pair: Any) -> str:
        match_id = self.propose(**pair)
        self.apply(ApproveMatch(match_id, "the committee"))
        return match_id

    def introduce(self, **pair: Any) -> str:
        """An active match with both introductions, as `introduce-matches` makes it."""
        match_id = self.approve(**pair)
        drafts = [self.draft(kind, match_id, side) for side, kind in enumerate(INTRODUCTIONS)]
        self.apply(ActivateMatch(match_id), messages=tuple(drafts))
        return match_id

    def ask_to_pause(self, match_id: str) -> str:
        """A request of the mentor to pause, which the committee has confirmed; its id."""
        request_id = f"request-of-{match_id}"
        mentor = self.read().matches[match_id].mentor_application_id
        self.apply(
            AddRequest(
                request_id, request_id, format_time(self.run.now), mentor, match_id, "paused", 0, "", "", None
            ),
            DecideRequest(request_id, "received", "confirmed", "the committee"),
            FinishRequest(request_id),
        )
        return request_id

    def pause(self, match_id: str, until: str = "2027-03-14") -> str:
        """A pause of an active match of which both were told, as `process-requests` makes it; its id."""
        pause_id = f"{match_id}-pause-1"
        change = PauseMatch(match_id, pause_id, self.ask_to_pause(match_id), until)
        letters = [self.draft("match_paused", match_id, side, period=f"1-{until}") for side in (0, 1)]
        self.apply(change, messages=tuple(letters))
        return pause_id

    def resume(self, match_id: str, pause_id: str, state: str = "elapsed") -> None:
        """The end of a pause, of which both were told."""
        letters = [self.draft("match_resumed", match_id, side, period="1") for side in (0, 1)]
        self.apply(ResumeMatch(match_id, pause_id, state), messages=tuple(letters))

    def draft(self, kind: str, match_id: str, side: int, **fields: Any) -> Draft:
        """A message to one side (0 the mentor, 1 the mentee) about the match, due now."""
        cohort = self.read()
        pair = cohort.matches[match_id].pair
        draft = Draft(
            kind,
            match_id,
            "first",
            cohort.person_of(pair[side]),
            make_context(cohort, kind, pair),
            self.run.now,
            self.run.now + 30 * DAY,
        )
        return replace(draft, **fields)

    def queue(self, how_many: int = 1, **fields: Any) -> list[str]:
        """Messages that are due, each to a person of its own; their ids."""
        drafts = []
        for _ in range(how_many):
            key = self.add_application("mentee")
            drafts.append(self.thank(key, **fields))
        self.apply(messages=tuple(drafts))
        cohort = self.read()
        return [cohort.make_message_id(draft) for draft in drafts]

    def thank(self, application_id: str, partners: tuple[str, ...] = ("Bo",), **fields: Any) -> Draft:
        person_id = self.read().person_of(application_id)
        context = {"partners": list(partners), "year": "2027", "certificate": False}
        draft = Draft(
            "thanks", application_id, "end", person_id, context, self.run.now, self.run.now + 30 * DAY
        )
        return replace(draft, **fields)

    def at(self, moment: datetime) -> SmallCohort:
        """The same cohort, seen by a run at another moment."""
        return SmallCohort(replace(self.run, now=moment), self.made)

    def rows(self, table: str, **where: str) -> list[Row]:
        with self.run.database.open_session() as session:
            rows = [dict(row) for row in session.connection.execute(f"SELECT * FROM {table}")]
        return [row for row in rows if all(row[name] == value for name, value in where.items())]

    def states(self, table: str = "messages") -> dict[str, str]:
        key = {"messages": "message_id", "matches": "match_id", "applications": "application_id"}[table]
        return {row[key]: row["state"] for row in self.rows(table)}

    def name_messages(self, *message_ids: str) -> list[str]:
        """What the committee knows these messages by, in the order of the alphabet."""
        known = self.read().messages_by_id
        return sorted(known[message_id].reference for message_id in message_ids)

    def execute(self, statement: str) -> None:
        """Any statement, past every rule of the program but the database's own."""
        with self.run.database.open_session() as session, session.write():
            session.connection.execute(statement)


INTRODUCTIONS = ("introduction_mentor", "introduction_mentee")


def make_context(cohort: Cohort, kind: str, pair: tuple[str, str]) -> dict[str, Any]:
    """Facts enough for the message's template."""
    people = {
        role: {
            "name": cohort.name_of(key),
            "email": cohort.applications[key].email,
            **dict.fromkeys(("pronouns", "phone", "institution", "time_zone"), ""),
        }
        for role, key in zip(("mentor", "mentee"), pair, strict=True)
    }
    introduction = {"channels": ["E-mail"], "why": [], "watch_outs": [], "rematch": False, "first_topic": ""}
    introduction |= {"suggests_meeting": False, "link": ""}
    return {
        "introduction_mentor": {**introduction, "mentee": people["mentee"], "application": []},
        "introduction_mentee": {**introduction, "mentor": people["mentor"], "experience": ""},
        "partner_withdrew": {"partner": people["mentee"], "rematch": False},
        "match_ended": {"partner": people["mentor"], "rematch": False, "own_request": True},
        "match_paused": {
            "partner": people["mentor"],
            "until": "14 March 2027",
            "until_is": "asked",
            "own_request": True,
            "longer": False,
            "link": "https://forms.example.org/request",
        },
        "match_resumed": {"partner": people["mentor"], "early": False},
    }[kind]
