"""The people of the sample year: applicants who fill in forms and read their mail, and a committee that decides.

They act on the workbooks and the mail folder as people do, and know nothing of the database. Belongs here: the sample's
people. Does not belong here: the software under demonstration, nor the calendar of its flows (`deployments.demo`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from deployments.people_at_work import Hands, WorkbookHands
from deployments.program_folders import list_sample_topics, read_sample_responses, read_sample_timeline
from mentoring.desk import Cell
from mentoring.form_fields import FormName
from mentoring.form_headings import list_questions
from mentoring.program import Program
from tasks.mail import MAIL_FOLDER
from tasks.mail_files import list_messages, read_eml

#: Mails that ask for an answer.
ASKING_KINDS = ("check_in", "evaluation_invitation")


@dataclass(frozen=True)
class Question:
    """A mail that asks somebody for an answer: who, by when of the year, and with which reference."""

    kind: str
    address: str
    asked_at: datetime
    subject: str
    reference: str


@dataclass
class SamplePeople:
    """Everybody who acts in the sample year, on the program folder `folder`; `hands` are at its two workbooks."""

    folder: Path
    program: Program
    hands: Hands = field(init=False)
    timeline: Mapping[str, Any] = field(default_factory=read_sample_timeline)
    done: set[tuple[str, ...]] = field(default_factory=set)
    mails_read: set[str] = field(default_factory=set)
    questions: list[Question] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hands = WorkbookHands(self.folder, self.program)
        self._responses = read_sample_responses()
        self._first_check_in: dict[str, str] = {}

    # --- applicants -------------------------------------------------------------------------------------------

    def send_applications(self, moment: datetime) -> None:
        """Everything that applicants have done in the forms by `moment` (in the committee's time zone)."""
        for form, rows in self._responses.items():
            arrived = [
                row
                for row in rows
                if self._is_due(("row", form, str(rows.index(row))), row["Timestamp"], moment)
            ]
            if arrived:
                self.hands.append_form_rows(form, arrived)
        for edit in self.timeline["edits"]:
            if self._is_due(("edit", edit["role"], edit["email"], str(edit["date"])), edit["date"], moment):
                self.hands.edit_form_row(self._tab(edit["role"]), self._is_from(edit), edit["answers"])
        for gone in self.timeline["deleted_rows"]:
            if self._is_due(("gone", gone["email"]), gone["date"], moment):
                self.hands.delete_form_row(self._tab(gone["role"]), self._is_from(gone))

    def _is_due(self, key: tuple[str, ...], when: str | date, moment: datetime) -> bool:
        """Whether something is to be done now for the first time. Blank rows come with the next that has a time."""
        if key in self.done or (when and str(when) > moment.strftime("%Y-%m-%d %H:%M:%S")):
            return False
        self.done.add(key)
        return True

    def _tab(self, form: str) -> str:
        return next(item.tab for name, item in self.program.forms.items() if name == form)

    def _is_from(self, who: Mapping[str, Any]) -> Any:
        [question] = list_questions(self.program, who["role"])["email"]
        return lambda answers: answers.get(question, "").strip().casefold() == who["email"]

    # --- mentors and mentees ----------------------------------------------------------------------------------

    def send_requests(self, moment: datetime) -> None:
        """Requests that people have sent by `moment`."""
        for request in self.timeline["requests"]:
            if self._is_due(("request", request["email"]), request["submitted_at"], moment):
                names = ("submitted_at", "email", "request", "rematch", "comment")
                self._answer("request", [{name: str(request[name]) for name in names}])

    def answer_check_ins(self, moment: datetime) -> None:
        """Answers to check-ins that people have mailed back by `moment`, with the reference from their mail."""
        answers = []
        silent = {who["email"] for who in self.timeline["silent"]}
        for question in self._read_mail("check_in"):
            answer = self._choose_check_in(question)
            answered_at = question.asked_at + timedelta(days=answer.pop("answer_after_days"), hours=3)
            key = ("check-in", question.reference)
            if question.address in silent or not self._is_due(
                key, answered_at.strftime("%Y-%m-%d %H:%M:%S"), moment
            ):
                continue
            submitted = {
                "submitted_at": answered_at.strftime("%Y-%m-%d %H:%M:%S"),
                "token": question.reference,
            }
            answers.append(submitted | answer)
        self._answer("check_in", answers)

    def _choose_check_in(self, question: Question) -> dict[str, Any]:
        first = self._first_check_in.setdefault(question.address, question.reference)
        when = "first" if first == question.reference else f"{question.asked_at:%Y-%m}"
        written: Mapping[str, Any] = next(
            (
                item
                for item in self.timeline["check_ins"]
                if (item["email"], item["check_in"]) == (question.address, when)
            ),
            {},
        )
        # Drawn by who and when alone, so that the same year happens every time.
        draw = random.Random(f"{question.address} {when}")  # noqa: S311 - play, not secrecy
        weights = self.timeline["default_signal"]
        signal = draw.choices(list(weights), list(weights.values()))[0]
        contacts = draw.choice(self.timeline["default_contacts"]) if signal == "We are in touch" else ""
        chosen = {
            "signal": signal,
            "contacts": contacts,
            "fallback": "",
            "comment": "",
            "answer_after_days": self.timeline["answer_after_days"],
        }
        return chosen | {key: value for key, value in written.items() if key in chosen}

    def answer_evaluations(self, moment: datetime) -> None:
        """Evaluations that people have sent by `moment`; who was not invited can't answer."""
        invited: dict[str, str] = {}
        answers = []
        for question in self._read_mail("evaluation_invitation"):
            invited.setdefault(question.address, question.reference)
        for item in self.timeline["evaluations"]:
            reference = invited.get(item["email"])
            if reference and self._is_due(
                ("evaluation", item["role"], item["email"]), item["submitted_at"], moment
            ):
                submitted = {"submitted_at": item["submitted_at"], "token": reference}
                answers.append(submitted | item["answers"])
        self._answer("evaluation", answers)

    def _answer(self, form: FormName, answers: Sequence[Mapping[str, str]]) -> None:
        questions = list_questions(self.program, form)
        rows = [
            {questions[name][0]: text for name, text in row.items() if name in questions} for row in answers
        ]
        if rows:
            self.hands.append_form_rows(form, rows)

    def _read_mail(self, kind: str) -> Iterator[Question]:
        """Every mail of a kind that asks for an answer."""
        self.questions += self._list_new_questions()
        # References are random, so files of one minute lie in a random order; people's years must not depend on it.
        self.questions.sort(key=lambda question: (question.asked_at, question.address, question.subject))
        return (question for question in self.questions if question.kind == kind)

    def _list_new_questions(self) -> Iterator[Question]:
        """Mails that ask for an answer, each read from the mail folder once."""
        folder = self.folder / MAIL_FOLDER
        for name in list_messages(folder) if folder.exists() else []:
            if name in self.mails_read:
                continue
            self.mails_read.add(name)
            if not any(f"-{asking}-" in name for asking in ASKING_KINDS):
                continue
            mail = read_eml(folder / name)
            text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
            asked_at = mail["Date"].datetime.astimezone(self.program.zone)
            address = mail["To"].addresses[0].addr_spec.casefold()
            subject = str(mail["Subject"])
            yield Question(mail["X-Mentoring-Kind"], address, asked_at, subject, find_reference(text))

    # --- the committee ----------------------------------------------------------------------------------------

    def set_up_desk(self) -> None:
        """The committee writes the year's topics and its rules."""
        decisions = self.timeline["decisions"]
        self.hands.append_committee_rows("Topics", list_sample_topics())
        rules = [("Must pair", decisions["must_pair"]), ("Never pair", decisions["never_pair"])]
        self.hands.append_committee_rows(
            "Rules",
            [
                {"Rule": word, "Mentor": pair["mentor"], "Mentee": pair["mentee"], "Note": pair["note"]}
                for word, pair in rules
            ],
        )

    def reject_one_pair(self) -> None:
        """At the first look, one proposal is turned down."""
        reject = self.timeline["decisions"]["reject"]
        reference = self._find_proposal(reject["mentee"])
        assert reference, "the sample's pair is proposed"
        self._decide({reference: ("Reject", reject["note"])})

    def decide_on_proposals(self, moment: datetime) -> None:
        """Approve everything that waits, except the pair on hold until the committee has talked to its mentor."""
        hold = self.timeline["decisions"]["hold"]
        held = self._find_proposal(hold["mentee"])
        decisions = dict.fromkeys(self._list_waiting("Matches"), ("Approve", ""))
        if held:
            is_early = moment.date() < hold["approve_on"]
            decisions[held] = ("Hold", hold["note"]) if is_early else ("Approve", hold["approve_note"])
        self._decide(decisions)

    def confirm_requests(self) -> None:
        """Confirm every request that waits."""
        by = self.timeline["decisions"]["decided_by"][1]
        decision: dict[str, Cell] = {"Decision": "Confirm", "Decided by": by}
        rows = {_key(reference): decision for reference in self._list_waiting("Requests")}
        if rows:
            self.hands.edit_committee_rows("Requests", rows)

    def _decide(self, decisions: Mapping[str, tuple[str, str]]) -> None:
        by = self.timeline["decisions"]["decided_by"]
        rows: dict[tuple[str, ...], dict[str, Cell]] = {}
        for reference, (word, note) in decisions.items():
            rows[_key(reference)] = {"Decision": word, "Decided by": by[int(reference[-1]) % len(by)]}
            if note:
                rows[_key(reference)]["Note"] = note
        if rows:
            self.hands.edit_committee_rows("Matches", rows)

    def _read_tab(self, name: str) -> list[dict[str, str]]:
        return self.hands.read_committee(name).read_rows()

    def _list_waiting(self, tab: str) -> list[str]:
        words = ("Proposed", "Proposed (rematch)", "On hold", "Waits for you")
        return [row["Reference"] for row in self._read_tab(tab) if row["Status"] in words]

    def _find_proposal(self, mentee_address: str) -> str | None:
        """The open proposal for a mentee, found as people find it: the name on the Applications tab, then the match."""
        names = {
            row["Name"]
            for row in self._read_tab("Applications")
            if row["Role"] == "mentee" and row["E-mail"].casefold() == mentee_address
        }
        open_words = ("Proposed", "Proposed (rematch)", "On hold")
        rows = (
            row for row in self._read_tab("Matches") if row["Mentee"] in names and row["Status"] in open_words
        )
        return next((row["Reference"] for row in rows), None)


def find_reference(text: str) -> str:
    """The reference that a mail which asks for an answer carries in its link to the form."""
    found = re.search(r"reference=([0-9a-f]{32})", text)
    assert found, "every mail that asks carries its reference"
    return found[1]


def _key(reference: str) -> tuple[str, ...]:
    return (reference,)
