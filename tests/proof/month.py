"""A program month of a small cohort: introductions, topics, check-ins, requests, a rematch, the evaluation, thanks.

Belongs here: who takes part, what happens on which day, what people answer. Does not belong here: how a flow is run
(`life`), interrupting (`instruments`), checking (`truth`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from mentoring.answers import FormAnswers
from mentoring.changes import (
    AddApplication,
    AddPerson,
    AddSeat,
    Plan,
    ProposeMatch,
    SettleApplication,
)
from mentoring.responses import Response
from mentoring.steering import steer_cohort
from tasks.database import format_time
from tasks.ledger import apply_plan, read_cohort
from tasks.runs import Run, RunReport
from tasks.settings import Settings, load_settings
from tests.proof.life import read_rows, run_flow
from tests.proof.providers import Provider

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "deployments" / "programs" / "sample"
COHORT = "2027"
ZONE = ZoneInfo("America/New_York")
#: Mentors with their seats. The last two are free until the rematch.
MENTORS = {"mentor-1": 2, "mentor-2": 1, "mentor-3": 1, "mentor-4": 1, "mentor-5": 1, "mentor-6": 1}
PAIRS = (
    ("mentor-1", 1, "mentee-1"),
    ("mentor-1", 2, "mentee-2"),
    ("mentor-2", 1, "mentee-3"),
    ("mentor-3", 1, "mentee-4"),
    ("mentor-4", 1, "mentee-5"),
)
MENTEES = tuple(f"mentee-{number}" for number in range(1, 7))
#: On the provider's suppression list, so that nothing must ever go there.
SUPPRESSED = frozenset({"mentee-5@example.org"})


@dataclass(frozen=True)
class Stage:
    """One run of one flow: when, what the committee has decided by then, what people have answered."""

    name: str
    flow: str
    moment: datetime
    approves: bool = False
    confirms: bool = False
    asks: bool = False
    answers: bool = False


def at(day: date, hour: int = 14, minute: int = 0) -> datetime:
    """A moment in the committee's time zone."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)


def _march(day: int) -> datetime:
    return at(date(2027, 3, 1) + timedelta(days=day - 1))


#: Clocks go forward on the 14th.
STAGES = (
    Stage("introductions", "introduce-matches", _march(1), approves=True),
    Stage("topics", "send-monthly-topics", _march(8)),
    Stage("check-ins", "collect-check-ins", _march(11), answers=True),
    Stage("requests arrive", "process-requests", _march(15), asks=True),
    Stage("requests confirmed", "process-requests", _march(16), asks=True, confirms=True),
    Stage("rematch", "introduce-matches", _march(17), approves=True),
    Stage("invitations", "compile-evaluations", _march(22), answers=True),
    Stage("reminders", "compile-evaluations", _march(30), answers=True),
    Stage("thanks", "compile-evaluations", _march(32), answers=True),
)
#: What comes after everything: the run of the next morning, which must find nothing left to send.
AFTERWARDS = Stage("the day after", "deliver-messages", _march(33))


@cache
def _load_sample() -> Settings:
    return load_settings(SAMPLE)


def make_settings(folder: Path, database_url: str, provider: Provider | None, senders: int) -> Settings:
    """The sample program with a year as short as a month, sending through the stand-in."""
    settings = _load_sample()
    program = settings.program
    dates = {
        "starts": date(2027, 3, 1),
        "ends": date(2027, 3, 31),
        "evaluation_opens": date(2027, 3, 20),
        "evaluation_due": date(2027, 4, 2),
        "topics_day": 8,
    }
    cohort = type(program.cohorts[COHORT]).model_validate(program.cohorts[COHORT].model_dump() | dates)
    pace = program.delivery.model_copy(update={"senders": senders})
    return replace(
        settings,
        folder=folder,
        database_url=SecretStr(database_url),
        mail="sendgrid" if provider else "files",
        sendgrid_api_key=SecretStr(provider.key) if provider else None,
        sendgrid_url=provider.url if provider else settings.sendgrid_url,
        program=program.model_copy(update={"cohorts": {COHORT: cohort}, "delivery": pace}),
    )


def address_of(key: str) -> str:
    """The address of an application's person."""
    return f"{key}@example.org"


def found_cohort(settings: Settings) -> None:
    """Accepted applications and proposals, on the morning of the introductions, in an empty database."""
    run = Run("found", settings, COHORT, STAGES[0].moment - timedelta(hours=2), False)
    run.database.migrate()
    with run.database.transaction("found", run.now) as transaction:
        transaction.execute("add_cohort", cohort_id=COHORT, at=transaction.at, token_key="5eed" * 8)
    with run.database.transaction("found", run.now) as transaction:
        cohort = read_cohort(run, transaction, steer_cohort(settings.program, COHORT, {}, []))
    changes: list[Any] = []
    for number, key in enumerate([*MENTORS, *MENTEES], 1):
        changes += list(_apply(key, number, run.now))
    changes += [
        ProposeMatch(f"match-{number}", mentor, seat, mentee, 100, "{}", 0)
        for number, (mentor, seat, mentee) in enumerate(PAIRS, 1)
    ]
    apply_plan(run, cohort, Plan(tuple(changes)))


def _apply(key: str, number: int, now: datetime) -> Iterator[Any]:
    role = key.split("-")[0]
    address = address_of(key)
    answers = {
        "name": f"Person {number}",
        "email": address,
        "institution": f"Library {number}",
        "years_experience": "20" if role == "mentor" else "2",
        "channels": "E-mail; Phone",
        "languages": "English",
        "focus_areas": "Cataloging",
        "time_zone": ("America/New_York", "Europe/Berlin", "Pacific/Honolulu")[number % 3],
        "capacity": str(MENTORS.get(key, "")),
        "topics_offered": "Finding a first job",
        "topics_wanted": "Finding a first job",
        "code_of_conduct": "Yes",
        "share_consent": "My goals",
        "goals_text": "To learn.",
    }
    received = format_time(now - timedelta(days=30))
    yield AddPerson(f"person-{key}", address, address, f"Person {number}")
    yield AddApplication(
        key, role, f"person-{key}", f"response-{key}", number, received, 0, json.dumps(answers)
    )
    yield SettleApplication(key, "received", "accepted", "[]", "")
    for seat in range(1, MENTORS.get(key, 0) + 1):
        yield AddSeat(key, seat)


def list_rows(settings: Settings, stage: Stage, tab: str) -> list[dict[str, str]]:
    """A tab of the committee's desk on the day of the stage."""
    if tab == "Topics":
        return [{"Month": "2027-03", "Topic": "How we found our way", "Prompts": "What came first?"}]
    # A row without a decision says no more than a row that is not there, and takes a connection to find.
    if tab == "Matches" and stage.approves:
        statement, word = "SELECT match_id AS key FROM matches ORDER BY 1", "Approve"
    elif tab == "Requests" and stage.confirms:
        statement, word = "SELECT request_id AS key FROM requests ORDER BY 1", "Confirm"
    else:
        return []
    return [{"Reference": row["key"], "Decision": word} for row in read_rows(settings, statement)]


def answer_form(settings: Settings, stage: Stage, form: str) -> FormAnswers:
    """What people have sent by the day of the stage."""
    if form == "request" and stage.asks:
        asked = (
            ("I can't go on", "mentor-2", "No, thank you"),
            ("Our match isn't working out", "mentee-4", "Yes, please"),
        )
        return FormAnswers(
            form,  # type: ignore[arg-type]
            tuple(
                _respond(form, row, address_of(key), request=asks, rematch=rematch)
                for row, (asks, key, rematch) in enumerate(asked, 2)
            ),
        )
    kind = {"check_in": "check_in", "evaluation": "evaluation_invitation"}.get(form)
    if not stage.answers or kind is None:
        return FormAnswers(form)
    statement = f"SELECT message_id FROM messages WHERE kind = '{kind}' ORDER BY message_id"
    tokens = [row["message_id"] for row in read_rows(settings, statement)][:3]
    more = {"signal": "We are in touch", "satisfaction": "4", "comment": "Fine."}
    return FormAnswers(
        form, tuple(_respond(form, row, "", token=token, **more) for row, token in enumerate(tokens, 2))
    )


def _respond(form: Any, row: int, email: str, **answers: str) -> Response:
    blank = {"token": "", "comment": "", "contacts": ""}
    moment = STAGES[2].moment - timedelta(hours=1)
    return Response(form, row, moment, email, f"{form}-{row}", blank | answers)


@dataclass(frozen=True)
class StageScript:
    """What people have written by the day of a stage."""

    stage: Stage

    def list_rows(self, settings: Settings, tab: str) -> list[dict[str, str]]:
        return list_rows(settings, self.stage, tab)

    def list_answers(self, settings: Settings, form: str) -> FormAnswers:
        return answer_form(settings, self.stage, form)


def run_stage(settings: Settings, stage: Stage, moment: datetime | None = None) -> RunReport:
    """Run the stage's flow, at its own moment or another."""
    return run_flow(settings, stage.flow, moment or stage.moment, StageScript(stage))
