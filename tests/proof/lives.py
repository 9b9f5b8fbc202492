"""The life of a cohort as a state machine: anybody may do anything on any day, and an independent model judges.

The model knows what people did (who applied with how many seats, what the committee decided, who was erased) and what
the provider saw of each call. It shares no rule, query or state table with the program: what may follow what is written
here once more, from the design. Belongs here: the rules of play and the model. Does not belong here: how often it is
played (`test_lives`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mentoring.answers import FormAnswers
from mentoring.responses import Response
from tasks.database import Database
from tasks.erasure import erase_people
from tasks.mail import Delivery, OutgoingMessage
from tasks.runs import Run
from tasks.settings import Settings, load_settings
from tests.proof import month
from tests.proof.life import run_flow, send_through
from tests.proof.truth import Accepted, Standing, list_always, read_standing
from tests.proof.worlds import find_fast_folder

#: What may follow what, in the design's own words.
MOVES = {
    "messages": {
        "": {"pending"},
        "pending": {"sending", "failed", "suppressed", "expired", "cancelled"},
        "sending": {"sent", "pending", "failed", "unknown"},
        "unknown": {"sent", "failed"},
    },
    "matches": {
        "": {"proposed"},
        "proposed": {"approved", "rejected"},
        "approved": {"active", "rejected"},
        "active": {"ended"},
    },
    "applications": {
        "": {"received"},
        "received": {"accepted", "needs_attention", "duplicate", "withdrawn"},
        "accepted": {"received", "duplicate", "withdrawn"},
        "needs_attention": {"received", "duplicate", "withdrawn"},
        "withdrawn": {"received"},
    },
    "requests": {
        "": {"received"},
        "received": {"confirmed", "declined", "unclear"},
        "unclear": {"confirmed", "declined"},
        "confirmed": {"done"},
    },
}
KEYS = {
    "messages": "message_id",
    "matches": "match_id",
    "applications": "application_id",
    "requests": "request_id",
}
ZONES = ("America/New_York", "Europe/Berlin", "Pacific/Honolulu", "Australia/Lord_Howe")
OUTCOMES = ("accepted", "accepted", "accepted", "refused", "not_arrived", "unknown", "raises")


def _refer_to(table: str, row: Mapping[str, Any]) -> str:
    """What the desk calls a row of the table."""
    key: str = row[KEYS[table]]
    return f"{row['subject_id']}-{key[:8]}" if table == "messages" else key


@dataclass(frozen=True)
class Call:
    """One call of the provider: which message to whom, at which moment, and what came of it."""

    message_id: str
    to: str
    subject: str
    at: datetime
    outcome: str


@dataclass
class ScriptedProvider:
    """Answers as the draw says, and remembers every call. Any thread may call it."""

    outcomes: list[str] = field(default_factory=list)
    suppressed: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)

    def send(self, message: OutgoingMessage) -> Delivery:
        outcome = self.outcomes.pop() if self.outcomes else "accepted"
        self.calls.append(
            Call(message.message_id, message.to_address, message.subject, message.date, outcome)
        )
        if outcome == "raises":
            raise TimeoutError
        if outcome == "accepted":
            return Delivery("accepted", provider_id=f"p-{message.message_id}")
        return Delivery(outcome, problem="Drawn by the test.")  # type: ignore[arg-type]

    def look_up(self, message_id: str, since: datetime) -> Delivery | None:
        return None

    def list_suppressed(self) -> Mapping[str, str]:
        return dict.fromkeys(self.suppressed, "the address does not exist")

    def check(self) -> str:
        return "It answers."


@dataclass
class Applicant:
    """What somebody told us."""

    role: str
    number: int
    seats: int
    zone: str
    is_erased: bool = False

    @property
    def email(self) -> str:
        return f"{self.role}{self.number}@example.org"


@dataclass
class Desk:
    """What people have written so far, as the flows find it."""

    applications: list[Response] = field(default_factory=list)
    requests: list[Response] = field(default_factory=list)
    evaluations: list[Response] = field(default_factory=list)
    decisions: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    tables: Any = None

    def list_rows(self, settings: Settings, tab: str) -> Sequence[Mapping[str, str]]:
        if tab == "Topics":
            return [
                {"Month": f"2027-{number:02d}", "Topic": f"Topic {number}", "Prompts": "Why?"}
                for number in range(3, 12)
            ]
        column = {"Matches": "matches", "Requests": "requests", "Messages": "messages"}.get(tab)
        if column is None:
            return []
        return [
            {"Reference": _refer_to(column, row), "Decision": self.decisions[tab].get(row[KEYS[column]], "")}
            for row in self.tables()[column]
        ]

    def list_answers(self, settings: Settings, form: str) -> FormAnswers:
        known = {"request": self.requests, "evaluation": self.evaluations}
        mine = known.get(form, [item for item in self.applications if item.form == form])
        return FormAnswers(form, tuple(mine))  # type: ignore[arg-type]


class CohortLife(RuleBasedStateMachine):
    """Everything that may happen to one cohort, in any order."""

    @initialize()
    def found(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mentoring-life-", dir=find_fast_folder()))
        settings = load_settings(month.SAMPLE)
        path = self.folder / "mentoring.sqlite"
        self.settings = month.make_settings(self.folder, f"sqlite:///{path}", None, 1)
        self.settings = replace(self.settings, program=settings.program)
        shutil.copyfile(make_template(), path)
        self.provider = ScriptedProvider()
        self.desk = Desk(tables=lambda: self.look().tables)
        self.now = datetime(2027, 1, 20, 15, tzinfo=UTC)
        self.people: list[Applicant] = []
        self.seen: dict[str, dict[str, str]] = {table: {} for table in MOVES}
        self.approved: set[str] = set()
        self.rejected_pairs: set[tuple[str, str]] = set()
        self.resent: Counter[str] = Counter()
        self.erased_at: dict[str, int] = {}
        self.suppressed_at: dict[str, int] = {}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder, ignore_errors=True)

    # What people do

    @rule(role=st.sampled_from(("mentor", "mentee")), seats=st.integers(1, 3), zone=st.sampled_from(ZONES))
    def apply(self, role: str, seats: int, zone: str) -> None:
        if len(self.people) >= 12:
            return
        person = Applicant(role, len(self.people) + 1, seats, zone)
        self.people.append(person)
        self.desk.applications.append(write_application(person, self.now))

    @precondition(lambda self: self.people)
    @rule(data=st.data(), seats=st.integers(1, 3))
    def apply_again(self, data: Any, seats: int) -> None:
        person = data.draw(st.sampled_from(self.people))
        if not person.is_erased:
            person.seats = max(seats, person.seats)
            self.desk.applications.append(write_application(person, self.now))

    @rule(data=st.data())
    def decide_on_matches(self, data: Any) -> None:
        for row in self.look().tables["matches"]:
            if row["state"] == "proposed":
                word = data.draw(st.sampled_from(("Approve", "Approve", "Reject", "Hold", "")))
                self.desk.decisions["Matches"][row["match_id"]] = word
                if word == "Approve":
                    self.approved.add(row["match_id"])

    @precondition(lambda self: self.people)
    @rule(
        data=st.data(),
        kind=st.sampled_from(("I can't go on", "Our match isn't working out")),
        wish=st.booleans(),
    )
    def request(self, data: Any, kind: str, wish: bool) -> None:
        person = data.draw(st.sampled_from(self.people))
        number = len(self.desk.requests) + 2
        answers = {
            "token": "",
            "request": kind,
            "rematch": "Yes, please" if wish else "No, thank you",
            "comment": "?",
        }
        self.desk.requests.append(
            Response("request", number, self.now, person.email, f"request-{number}", answers)
        )

    @rule(data=st.data())
    def decide_on_requests(self, data: Any) -> None:
        for row in self.look().tables["requests"]:
            word = data.draw(st.sampled_from(("Confirm", "Confirm", "Decline", "")))
            self.desk.decisions["Requests"].setdefault(row["request_id"], word)

    @rule(data=st.data())
    def decide_on_messages(self, data: Any) -> None:
        for row in self.look().tables["messages"]:
            doubtful = row["state"] in ("unknown", "failed", "suppressed", "expired")
            if (
                doubtful
                and row["resolution"] is None
                and row["message_id"] not in self.desk.decisions["Messages"]
            ):
                word = data.draw(st.sampled_from(("Resend", "Leave", "")))
                if word:
                    self.desk.decisions["Messages"][row["message_id"]] = word

    @rule(data=st.data())
    def evaluate(self, data: Any) -> None:
        asked = [
            row["message_id"]
            for row in self.look().tables["messages"]
            if row["kind"] == "evaluation_invitation" and row["state"] == "sent"
        ]
        if asked:
            token, number = data.draw(st.sampled_from(sorted(asked))), len(self.desk.evaluations) + 2
            answers = {"token": token, "satisfaction": "4", "comment": "Fine."}
            self.desk.evaluations.append(
                Response("evaluation", number, self.now, "", f"evaluation-{number}", answers)
            )

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def erase(self, data: Any) -> None:
        person = data.draw(st.sampled_from(self.people))
        rows = [row for row in self.look().tables["people"] if row["email"] == person.email]
        if rows and not person.is_erased:
            erase_people(Run("erase", self.settings, month.COHORT, self.now, False), [rows[0]["person_id"]])
            person.is_erased = True
            self.desk.applications = [item for item in self.desk.applications if item.email != person.email]
            self.erased_at[person.email] = len(self.provider.calls)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def suppress(self, data: Any) -> None:
        person = data.draw(st.sampled_from(self.people))
        self.provider.suppressed.add(person.email)
        self.suppressed_at.setdefault(person.email, len(self.provider.calls))

    @rule(hours=st.integers(1, 30))
    def wait_hours(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(days=st.integers(2, 40))
    def wait_days(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(minutes=st.integers(1, 180))
    def turn_the_clock_back(self, minutes: int) -> None:
        self.now -= timedelta(minutes=minutes)

    # What the program does

    @rule(
        flow=st.sampled_from((
            *("ingest-applications", "propose-matches", "introduce-matches", "send-monthly-topics"),
            *("process-requests", "compile-evaluations", "collect-check-ins", "deliver-messages"),
        )),
        outcomes=st.lists(st.sampled_from(OUTCOMES), max_size=6),
    )  # fmt: skip
    def run(self, flow: str, outcomes: list[str]) -> None:
        self.live_through(flow, outcomes)

    @rule(outcomes=st.lists(st.sampled_from(OUTCOMES), max_size=4))
    def live_a_season(self, outcomes: list[str]) -> None:
        """The usual order, so that lives get as far as introductions and topics."""
        self.now = max(self.now, datetime(2027, 3, 1, 15, tzinfo=UTC))
        for flow in ("ingest-applications", "propose-matches"):
            self.live_through(flow, [])
        for row in self.look().tables["matches"]:
            if row["state"] == "proposed":
                self.desk.decisions["Matches"].setdefault(row["match_id"], "Approve")
                if self.desk.decisions["Matches"][row["match_id"]] == "Approve":
                    self.approved.add(row["match_id"])
        self.live_through("introduce-matches", outcomes)

    def live_through(self, flow: str, outcomes: list[str]) -> None:
        self.provider.outcomes = list(outcomes)
        before = self.look()
        broken = ""
        with send_through(self.provider):
            try:
                run_flow(self.settings, flow, self.now, self.desk)
            except Exception as error:  # noqa: BLE001 – only the provider's own trouble is expected
                broken = type(error).__name__
        if broken:
            assert broken == "DeliveryError", broken
            assert "raises" in outcomes
        self.provider.outcomes = []
        self.check_resends(before)
        if not broken:
            calls = len(self.provider.calls)
            with send_through(self.provider):
                run_flow(self.settings, flow, self.now, self.desk)
            # Whatever a second run finds to do, it has nothing to do with the messages of the first.
            fresh = {call.message_id for call in self.provider.calls[calls:]}
            assert not fresh & {call.message_id for call in self.provider.calls[:calls]}

    def check_resends(self, before: Standing) -> None:
        known = before.messages
        for key, row in self.look().messages.items():
            if row["reissue"] and key not in known:
                self.resent[name_of(row)] += 1

    # What must hold

    def look(self) -> Standing:
        accepted = [
            Accepted(call.message_id, f"p-{call.message_id}", call.to, call.subject)
            for call in self.provider.calls
            if call.outcome == "accepted"
        ]
        return read_standing(f"sqlite:///{self.folder / 'mentoring.sqlite'}", accepted)

    @invariant()
    def every_promise_holds(self) -> None:
        if not hasattr(self, "folder"):
            return
        standing = self.look()
        assert list_always(standing) == []
        self.nothing_is_sent_again(standing)
        self.people_are_left_alone()
        self.only_approved_pairs_are_introduced(standing)
        self.every_move_is_allowed(standing)
        self.seats_are_those_of_the_form(standing)

    def nothing_is_sent_again(self, standing: Standing) -> None:
        final: set[str] = set()
        tries: Counter[str] = Counter()
        for call in self.provider.calls:
            assert call.message_id not in final, "sent again after it was accepted, refused or unclear"
            tries[call.message_id] += 1
            if call.outcome != "not_arrived":
                final.add(call.message_id)
        assert max(tries.values(), default=0) <= 5
        reached: Counter[str] = Counter()
        rows = standing.messages
        for call in self.provider.calls:
            if call.outcome in ("accepted", "unknown", "raises"):
                assert call.message_id in rows, "a mail about nothing"
                reached[name_of(rows[call.message_id])] += 1
        for name, count in reached.items():
            assert count <= 1 + self.resent[name], f"{name} went out {count} times"
        for call in self.provider.calls:
            row = rows[call.message_id]
            allowed = {
                "accepted": {"sent"},
                "refused": {"failed"},
                "not_arrived": {
                    "pending",
                    "sending",
                    "sent",
                    "failed",
                    "unknown",
                    "expired",
                    "cancelled",
                    "suppressed",
                },
            }.get(call.outcome, {"unknown"})
            assert row["state"] in allowed, f"{call.outcome} left it {row['state']}"

    def people_are_left_alone(self) -> None:
        for number, call in enumerate(self.provider.calls):
            assert number < self.erased_at.get(call.to, 10**9), "mail to somebody who was erased"
            assert number < self.suppressed_at.get(call.to, 10**9), "mail to a suppressed address"

    def only_approved_pairs_are_introduced(self, standing: Standing) -> None:
        for row in standing.tables["matches"]:
            pair = (row["mentor_application_id"], row["mentee_application_id"])
            if row["state"] in ("active", "ended"):
                assert row["match_id"] in self.approved, "introduced without an approval"
            if (
                row["state"] in ("proposed", "approved", "active")
                and row["match_id"] not in self.seen["matches"]
            ):
                assert pair not in self.rejected_pairs, "a rejected pair came back"
        for row in standing.tables["matches"]:
            if row["state"] == "rejected" and row["reason"] == "committee":
                self.rejected_pairs.add((row["mentor_application_id"], row["mentee_application_id"]))

    def every_move_is_allowed(self, standing: Standing) -> None:
        for table, moves in MOVES.items():
            for row in standing.tables[table]:
                key = row[KEYS[table]]
                before, after = self.seen[table].get(key, ""), row["state"]
                if before != after:
                    assert after in list_reachable(moves, before), f"{table}: {before} became {after}"
                self.seen[table][key] = after
            assert self.seen[table].keys() == {row[KEYS[table]] for row in standing.tables[table]}, (
                "a row is gone"
            )

    def seats_are_those_of_the_form(self, standing: Standing) -> None:
        owners = {row["person_id"]: row["email"] for row in standing.tables["people"]}
        seats = {person.email: person.seats for person in self.people}
        live = Counter(
            row["mentor_application_id"]
            for row in standing.tables["matches"]
            if row["state"] in ("proposed", "approved", "active")
        )
        for row in standing.tables["applications"]:
            email = owners.get(row["person_id"])
            if email is not None:
                assert live[row["application_id"]] <= seats[email], (
                    "more mentees than the mentor ever offered"
                )

    @invariant()
    def mail_comes_by_day(self) -> None:
        zones = {person.email: ZoneInfo(person.zone) for person in getattr(self, "people", [])}
        for call in getattr(self, "provider", ScriptedProvider()).calls:
            hour = call.at.astimezone(zones.get(call.to, month.ZONE)).hour
            assert 8 <= hour < 21, f"mail at {hour} o'clock"


def name_of(row: Mapping[str, Any]) -> str:
    """What makes a message one and the same, whatever its issue."""
    return " ".join(row[name] for name in ("kind", "subject_id", "period", "recipient_id"))


def list_reachable(moves: Mapping[str, set[str]], start: str) -> set[str]:
    """Every state that one run may lead to: several moves may happen in it."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for state in moves.get(waiting.pop(), set()) - found:
            found.add(state)
            waiting.append(state)
    return found


def write_application(person: Applicant, moment: datetime) -> Response:
    """A good application, without anything to mend."""
    answers = {
        "action": "Apply",
        "name": f"Person {person.number}",
        "email": person.email,
        "institution": f"Library {person.number}",
        "library_type": "Academic library",
        "years_experience": "20" if person.role == "mentor" else "2",
        "career_stage": "Student",
        "focus_areas": "Cataloging",
        "channels": "E-mail",
        "time_zone": person.zone,
        "languages": "English",
        "code_of_conduct": "I agree",
        "capacity": str(person.seats) if person.role == "mentor" else "",
        "topics_offered": "Finding a first job",
        "topics_wanted": "Finding a first job",
        "goals_text": "To learn.",
        "experience_text": "Much.",
        "share_consent": "My goals",
    }
    key = f"{person.email} {moment.isoformat()}"
    return Response(person.role, person.number + 1, moment, person.email, key, answers)  # type: ignore[arg-type]


_templates: list[Path] = []


def make_template() -> Path:
    """A SQLite file with the schema, to be copied."""
    if not _templates:
        path = (
            Path(tempfile.mkdtemp(prefix="mentoring-template-", dir=find_fast_folder())) / "template.sqlite"
        )
        from pydantic import SecretStr

        Database(SecretStr(f"sqlite:///{path}")).migrate()
        _templates.append(path)
    return _templates[0]
