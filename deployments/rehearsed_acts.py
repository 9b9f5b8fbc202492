"""What the made-up people of a rehearsal do, day by day, on the forms, with their mail and on the committee's desk.

They know only what real people know: what they wrote, what was mailed to them, what stands on the desk. Belongs here:
acting. Does not belong here: who they are (`deployments.rehearsed_people`), which flow runs when
(`deployments.rehearsed_year`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from deployments.rehearsed_people import Answers, Person, Trouble
from mentoring.calendar import list_topic_days
from mentoring.cohort import ROLES
from mentoring.desk import MATCH_DECISIONS, MESSAGE_DECISIONS, REQUEST_DECISIONS, Cell
from mentoring.form_fields import (
    QUOTE_ANSWERS,
    REMATCH_ANSWERS,
    REQUESTS,
    SIGNALS,
    VERIFIED,
    WITHDRAW,
    FormName,
)
from mentoring.form_headings import list_questions
from mentoring.program import CohortSettings, Program
from tasks.mail import OutgoingMessage
from tasks.stage_mail import StageMail
from tasks.stage_sheets import StageSheets

_INTRODUCTIONS = ("introduction_mentor", "introduction_mentee")
_WAITING = ("Proposed", "Proposed (rematch)", "On hold", "Waits for you")
#: What a volunteer writes who does not look at the dropdown.
_UNCLEAR = "fine with me"


@dataclass
class Acts:
    """The people of one year at work; `tally` counts what they did, `written` are forms with unread rows."""

    program: Program
    settings: CohortSettings
    people: list[Person]
    trouble: Trouble
    draw: Random
    sheets: StageSheets
    mail: StageMail
    tally: Counter[str] = field(default_factory=Counter)
    written: set[str] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)
    #: References of check-ins that were answered with a call for the committee, by the day of the answer.
    calls: list[tuple[date, str]] = field(default_factory=list)
    _due: dict[date, list[tuple[FormName, Answers]]] = field(default_factory=dict)
    _mail_read: int = 0
    _introduced: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_address = {person.email: person for person in self.people}
        self._mail_read = len(self.mail.accepted)
        for person in self.people:
            self._plan_applications(person)

    def write_topics(self) -> None:
        """The committee writes the topics of the year."""
        days = list_topic_days(self.settings.starts, self.settings.ends, self.settings.topics_day)
        rows: list[dict[str, Cell]] = [
            {
                "Month": f"{day:%Y-%m}",
                "Topic": f"Topic of {day:%B}",
                "Prompts": "What would you like to know?",
                "Links": "",
            }
            for day in days
        ]
        self.sheets.append_committee_rows("Topics", rows)

    def live_day(self, moment: datetime) -> None:
        """Read the mail that came since, and write into the forms what is due today."""
        for message in self.mail.accepted[self._mail_read :]:
            self._react(message, moment.date())
        self._mail_read = len(self.mail.accepted)
        for person in self.people:
            self._ask_for_change(person, moment.date())
        for day in sorted(day for day in self._due if day <= moment.date()):
            for form, answers in self._due.pop(day):
                self._send(form, answers, moment)

    # --- forms ------------------------------------------------------------------------------------------------

    def _plan(self, day: date, form: FormName, answers: Answers) -> None:
        self._due.setdefault(day, []).append((form, answers))

    def _send(self, form: FormName, answers: Answers, moment: datetime) -> None:
        self.tally[f"{form} answers"] += 1
        self.written.add(form)
        # Seconds keep two answers of one minute apart, as a form does.
        second = timedelta(seconds=self.tally[f"{form} answers"] % 3000)
        stamp = (moment - timedelta(hours=1) + second).strftime("%Y-%m-%d %H:%M:%S")
        questions = list_questions(self.program, form)
        if form in ROLES:
            answers = answers | {VERIFIED: answers["email"]}
        row: Answers = {}
        for name, text in (answers | {"submitted_at": stamp}).items():
            asked = questions.get(name, [])
            # Several questions hold one choice each; one question holds them all.
            parts = text.split("\n") if len(asked) > 1 else [text.replace("\n", ", ")]
            row |= dict(zip(asked, parts, strict=False))
        self.sheets.append_form_rows(form, [row])

    def _plan_applications(self, person: Person) -> None:
        habits, form = person.habits, person.role
        mail = {"email": person.email}
        self._plan(habits.applies_on, form, person.write_application(with_fault=True) | mail)
        self.tally["late"] += habits.applies_on > self.settings.applications_close
        self.tally["broken"] += bool(habits.fault)
        if habits.applies_again_on:
            self.tally["twice"] += 1
            again = person.write_application(with_fault=True) | mail
            self._plan(habits.applies_again_on, form, again | {"email": person.email.upper()})
        if habits.takes_back_on:
            self.tally["taken back"] += 1
            back = person.write_application() | mail | {"action": WITHDRAW}
            self._plan(habits.takes_back_on, form, back)

    # --- mail -------------------------------------------------------------------------------------------------

    def _react(self, message: OutgoingMessage, today: date) -> None:
        person = self._by_address.get(message.to_address.casefold())
        if person is None:
            return
        if message.kind == "please_correct" and person.habits.mends_after:
            day = today + timedelta(days=person.habits.mends_after)
            self._plan(day, person.role, person.write_application() | {"email": person.email})
        elif message.kind == "please_confirm":
            answer = {"token": message.message_id, "email": person.email}
            self._plan(today + timedelta(days=self.draw.randint(0, 3)), "confirmation", answer)
        elif message.kind in _INTRODUCTIONS:
            self._introduced[person.email] = message.message_id
        elif message.kind == "check_in":
            self._answer_check_in(person, message, today)
        elif message.kind == "evaluation_invitation" and person.habits.evaluates_after is not None:
            self._plan(
                today + timedelta(days=person.habits.evaluates_after),
                "evaluation",
                self._evaluate(person, message),
            )

    def _answer_check_in(self, person: Person, message: OutgoingMessage, today: date) -> None:
        silent_on = person.habits.falls_silent_on
        day = today + timedelta(days=self.draw.randint(0, 9))
        signal = self.draw.choices(SIGNALS, (84, 8, 5, 3))[0]
        contacts = str(self.draw.randint(1, 4)) if signal == SIGNALS[0] else ""
        if silent_on and day >= silent_on:
            self.tally["check-ins left unanswered"] += 1
            return
        answer = {"token": message.message_id, "signal": signal, "contacts": contacts, "comment": ""}
        self._plan(day, "check_in", answer)
        if signal in SIGNALS[2:]:
            self.calls.append((day, message.message_id))

    def _evaluate(self, person: Person, message: OutgoingMessage) -> Answers:
        answers = {
            "token": message.message_id,
            "comment": "",
            "quote_consent": self.draw.choice(QUOTE_ANSWERS),
        }
        for question in self.program.evaluation:
            if question.kind == "scale":
                answers[question.id] = str(max(1, min(5, person.habits.is_kind + self.draw.randint(-1, 1))))
            elif question.kind == "text":
                answers[question.id] = self.draw.choice(["", "The talks.", "More time."])
            elif question.choices:
                answers[question.id] = self.draw.choice(question.choices)
        return answers

    def _ask_for_change(self, person: Person, today: date) -> None:
        token = self._introduced.get(person.email, "")
        # The link in the mail carries the reference; some write without it.
        token = token if person.habits.is_kind > 2 else ""
        if today == person.habits.leaves_on:
            self._send_request(person, today, REQUESTS[0], token)
        if today == person.habits.mismatch_on and person.email in self._introduced:
            self._send_request(person, today, REQUESTS[1], token)
        if today == person.habits.pauses_on and person.email in self._introduced:
            self._ask_for_pause(person, today, token)

    def _ask_for_pause(self, person: Person, today: date, token: str) -> None:
        length, back = person.habits.pauses_for, person.habits.goes_on_after
        until = "" if length is None else (today + timedelta(days=length)).isoformat()
        self.tally["asked to pause"] += 1
        self._send_request(person, today, REQUESTS[2], token, until)
        if back is not None:
            self._send_request(person, today + timedelta(days=back), REQUESTS[3], token)

    def _send_request(self, person: Person, today: date, request: str, token: str, until: str = "") -> None:
        self._plan(
            today,
            "request",
            {
                "email": person.email,
                "token": token,
                "request": request,
                "until": until,
                "rematch": self.draw.choice(REMATCH_ANSWERS),
                "comment": "",
            },
        )

    # --- the committee ----------------------------------------------------------------------------------------

    def decide(self, tab: str) -> bool:
        """Decide on every row of a tab that waits; whether something was written."""
        rows = self.sheets.look_at_desk([tab])[tab].read_rows()
        known = {*MATCH_DECISIONS, *REQUEST_DECISIONS, *MESSAGE_DECISIONS} - {"Hold"}
        waiting = [
            row
            for row in rows
            if (row.get("To do") or row.get("Status") in _WAITING) and row.get("Decision") not in known
        ]
        decisions: dict[tuple[str, ...], Mapping[str, Cell]] = {}
        for row in waiting:
            word = self._choose_decision(tab, row)
            if word == row.get("Decision"):
                continue
            self.tally[f"{tab}: {word}"] += 1
            decisions[(row["Reference"],)] = {"Decision": word}
            if word == "Approve":
                self.approved.add(row["Reference"])
        if decisions:
            self.sheets.edit_committee_rows(tab, decisions)
        return bool(decisions)

    def _choose_decision(self, tab: str, row: Mapping[str, str]) -> str:
        if self.draw.random() < self.trouble.unclear_decision:
            return _UNCLEAR
        if tab == "Matches":
            return self.draw.choices(MATCH_DECISIONS, (90, 5, 5))[0]
        if tab == "Requests":
            is_unclear = "Confirm" not in row["To do"]
            return REQUEST_DECISIONS[1] if is_unclear else self.draw.choices(REQUEST_DECISIONS, (90, 10))[0]
        return self.draw.choice(MESSAGE_DECISIONS)
