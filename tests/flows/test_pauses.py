"""A pause through the real flows, workbooks and mail: asked for, confirmed, silent months, over, and on with the topic."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from deployments.people_at_work import WorkbookHands
from deployments.program_folders import make_program_folder
from tasks import steps
from tasks.database import Database
from tasks.local_workbooks import FORMS, create_forms_workbook
from tasks.settings import PROGRAM_FILE, load_settings, read_program
from tests.flows.test_confirmations import change, read_rows, run, send
from tests.flows.test_interrupted_runs import StoppedError

ADA, BEN = "ada@example.org", "ben@example.org"
PAUSE, GO_ON = "I'd like to pause for a while", "We'd like to go on after our pause"
QUIET = {"monthly_topic", "heads_up", "check_in", "check_in_reminder"}
UNTIL = '      until: "If you would like to pause: on which day do you go on? (optional)"\n'


@pytest.fixture(params=["with the question", "without the question"])
def hands(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkbookHands:
    """Ada and Ben are under way; the form asks for the day, or is one of before there were pauses."""
    folder = tmp_path / "program"
    make_program_folder(folder)
    if request.param == "without the question":
        change(folder, (UNTIL, ""))
    program = read_program(folder / PROGRAM_FILE)
    (folder / FORMS).unlink()
    create_forms_workbook(folder / FORMS, program, {})
    monkeypatch.setenv("MENTORING_PROGRAM", str(folder))
    hands = WorkbookHands(folder, program)
    topics = [
        {"Month": f"2027-{month:02d}", "Topic": f"Topic {month}", "Prompts": "", "Links": ""}
        for month in range(3, 12)
    ]
    hands.append_committee_rows("Topics", topics)
    send(hands, "mentor", "2027-01-12 10:00:00", email=ADA, name="Ada")
    send(hands, "mentee", "2027-01-12 11:00:00", email=BEN, name="Ben")
    run(hands, "ingest-applications", "2027-01-13 14:00")
    run(hands, "propose-matches", "2027-02-13 06:00")
    decide(hands, "Matches", "Approve")
    run(hands, "introduce-matches", "2027-03-01 14:00")
    return hands


def decide(hands: WorkbookHands, tab: str, word: str) -> None:
    *_, row = read_rows(hands, tab)
    hands.edit_committee_rows(tab, {(row["Reference"],): {"Decision": word}})


def list_mails(hands: WorkbookHands, day: str) -> Counter[tuple[str, str]]:
    """Kind and recipient of every mail of a day, or of all days that begin like that."""
    mails: Counter[tuple[str, str]] = Counter()
    for path in (hands.folder / "mail").glob(f"{day}*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        kind = path.name.split("-", 4)[3].removesuffix(".eml")
        mails[kind, str(mail["To"].addresses[0].addr_spec)] += 1
    return mails


def live(hands: WorkbookHands, first: str, last: str, every: int = 1) -> None:
    """Every daily flow on every day, or on some, as the server runs them."""
    day, end = datetime.fromisoformat(f"{first} 14:00"), datetime.fromisoformat(f"{last} 14:00")
    while day <= end:
        for minute, flow in enumerate(("process-requests", "send-monthly-topics", "collect-check-ins")):
            run(hands, flow, (day + timedelta(minutes=minute)).isoformat())
        day += timedelta(days=every)


def test_a_whole_pause(hands: WorkbookHands, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = UNTIL in (hands.folder / PROGRAM_FILE).read_text(encoding="utf-8")
    live(hands, "2027-04-01", "2027-04-02")
    assert list_mails(hands, "2027-04-01") == {("monthly_topic", ADA): 1, ("heads_up", BEN): 1}

    # Ben asks; nothing changes before the committee has decided.
    day = {"until": "2027-05-07 00:00:00"} if asks else {}
    send(hands, "request", "2027-04-05 09:00:00", email=BEN, request=PAUSE, comment="Exams.", **day)
    counts, _ = run(hands, "process-requests", "2027-04-05 14:00")
    assert (counts["new requests"], counts["matches paused"]) == (1, 0)
    [row] = read_rows(hands, "Requests")
    until = "a pause until 7 May 2027." if asks else "a pause of 30 days, until 7 May 2027."
    assert run(hands, "process-requests", "2027-04-07 14:00")[0]["matches paused"] == 0
    [row] = read_rows(hands, "Requests")
    assert (row["From"], row["Request"], row["Status"]) == ("Ben", "Pause", "Waits for you")
    assert row["To do"].endswith(until)
    assert row["In their words"] == "Exams."

    # The run that carries it out dies before it has sent anything; the same run again finishes it, once.
    decide(hands, "Requests", "Confirm")
    real = steps.deliver_due_messages
    monkeypatch.setattr(steps, "deliver_due_messages", stop)
    with pytest.raises(StoppedError):
        run(hands, "process-requests", "2027-04-07 15:00")
    monkeypatch.setattr(steps, "deliver_due_messages", real)
    for minute in (5, 10):
        run(hands, "process-requests", f"2027-04-07 15:{minute:02d}")
    assert list_mails(hands, "2027-04-07") == {("match_paused", ADA): 1, ("match_paused", BEN): 1}
    [row] = read_rows(hands, "Check-ins")
    assert (row["Signal"], row["Next step"]) == (
        "Paused until 7 May 2027",
        "Wait: both are told when they go on.",
    )
    [row] = read_rows(hands, "Requests")
    assert row["Status"] == "Paused until 7 May 2027"

    # A month without a word, also on the first of May.
    before = list_mails(hands, "2027-04")
    live(hands, "2027-04-10", "2027-05-06", every=3)
    assert list_mails(hands, "2027-04") == before
    assert list_mails(hands, "2027-05") == {}

    # The server is down on the day; the next run lets them go on, and May's topic comes late, once.
    live(hands, "2027-05-09", "2027-05-10")
    assert list_mails(hands, "2027-05") == {
        ("match_resumed", ADA): 1,
        ("match_resumed", BEN): 1,
        ("monthly_topic", ADA): 1,
        ("heads_up", BEN): 1,
    }
    live(hands, "2027-05-11", "2027-06-01", every=7)
    june = list_mails(hands, "2027-06-01")
    assert june == {("monthly_topic", ADA): 1, ("heads_up", BEN): 1}
    assert [kind for kind, _ in list_mails(hands, "2027-05-11")] == ["check_in", "check_in"]
    checks = Database(load_settings(hands.folder).database_url).run_checks()
    assert {name: rows for name, rows in checks.items() if rows} == {}


def test_a_pause_that_ends_earlier_and_a_match_that_ends_in_one(hands: WorkbookHands) -> None:
    send(hands, "request", "2027-04-05 09:00:00", email=ADA, request=PAUSE)
    run(hands, "process-requests", "2027-04-05 14:00")
    decide(hands, "Requests", "Confirm")
    run(hands, "process-requests", "2027-04-06 14:00")
    send(hands, "request", "2027-04-10 09:00:00", email=ADA, request=GO_ON)
    run(hands, "process-requests", "2027-04-10 14:00")
    decide(hands, "Requests", "Confirm")
    live(hands, "2027-04-11", "2027-04-11")
    # Two weeks late is still worth a topic, and the day is that of the next check-in.
    mails = list_mails(hands, "2027-04-11")
    assert {kind for kind, _ in mails} == {"match_resumed", "monthly_topic", "heads_up", "check_in"}

    send(hands, "request", "2027-04-12 09:00:00", email=ADA, request=PAUSE)
    run(hands, "process-requests", "2027-04-12 14:00")
    decide(hands, "Requests", "Confirm")
    run(hands, "process-requests", "2027-04-13 14:00")
    send(hands, "request", "2027-04-14 09:00:00", email=BEN, request="I can't go on")
    run(hands, "process-requests", "2027-04-14 14:00")
    decide(hands, "Requests", "Confirm")
    live(hands, "2027-04-15", "2027-05-13", every=7)
    assert {kind for kind, _ in list_mails(hands, "2027-04-15")} == {"match_ended", "partner_withdrew"}
    later = list_mails(hands, "2027-05")
    assert not {kind for kind, _ in later} & (QUIET | {"match_resumed"})
    checks = Database(load_settings(hands.folder).database_url).run_checks()
    assert {name: rows for name, rows in checks.items() if rows} == {}


def stop(*_: object) -> None:
    raise StoppedError("stopped by the test")
