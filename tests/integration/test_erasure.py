"""Erasing people: nothing that they wrote, or that was written to or about them, is left; the statistics are."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from program_databases import NOW, DatabaseMaker
from pydantic import SecretStr
from scripted_provider import Provider, with_delivery
from small_cohort import DAY, INTRODUCTIONS, SmallCohort

from mentoring.answers import FormAnswers
from mentoring.changes import (
    AddApplication,
    AddCheckIn,
    AddConfirmation,
    AddRequest,
    AddUnplacedResponse,
    EndMatch,
    PutEvaluation,
    SettleApplication,
)
from mentoring.erasure import plan_departure
from mentoring.intake import plan_intake
from mentoring.outbox import list_doubtful
from mentoring.responses import Response
from tasks import erasure
from tasks.database import ChangedMeanwhileError, Database, DatabaseError
from tasks.erasure import anonymise_cohort, ask_provider, erase_people, find_person, remove_mail_files
from tasks.ledger import apply_plan
from tasks.mail import Delivery, OutgoingMessage
from tasks.outbox import deliver_due_messages
from tasks.runs import Run
from tasks.settings import Settings
from tests.stand_ins.sendgrid import KEY, SendGridStandIn

WHEN = "2027-03-01T15:00:00Z"
#: Stands in everything that Zora Quill wrote, and in everything written to or about her.
CANARY = "Zoraquill"
ADDRESS = "zoraquill@example.org"


SCALES = {"satisfaction": "5", "would_recommend": "Yes"}
TEXT = "improve"
POINTS = {"topics": 300, "goals": 0}


@pytest.fixture(scope="module")
def shared_cohort(shared_run: Run) -> SmallCohort:
    """Zora is a mentee with a mentor, and has left her name in every place that there is."""
    cohort = SmallCohort(shared_run)
    zora = cohort.add_person(f"{CANARY} O'Hara", ADDRESS)
    mentee = cohort.add_application("mentee", zora, goals_text=f"I am {CANARY}", phone=CANARY)
    mentor = cohort.add_application(
        "mentor", cohort.add_person("Bo Li"), seats=2, goals_text="Bo's own words"
    )
    explanation = {"criteria": POINTS, "why": [f"{CANARY} likes serials"]}
    match_id = cohort.introduce(mentor=mentor, mentee=mentee, explanation=explanation)
    cohort.introduce(mentor=mentor, seat=2, explanation={"why": ["Someone else likes serials"]})
    other = cohort.add_application("mentee", cohort.add_person("Zo", "zo@example.org"))
    cohort.apply(
        AddConfirmation(mentee, zora, "confirmed-1", "verified_address", None),
        AddConfirmation(mentor, "person-2", "confirmed-2", "verified_address", None),
        AddRequest("r1", "key-edited", WHEN, mentee, match_id, "withdrawn", 0, f"{CANARY} can't", ""),
        AddRequest(
            "r2", "key-partner", WHEN, mentor, match_id, "not_working_out", 0, f"{CANARY} is silent", ""
        ),
        AddRequest("r3", "key-other", WHEN, other, None, "withdrawn", 0, "Other words", ""),
        AddCheckIn("c1", match_id, mentee, WHEN, "connected", 2, f"{CANARY} is fine", None, f"Ring {CANARY}"),
        AddCheckIn(
            "c2", match_id, mentor, WHEN, "partner_missing", 1, f"Where is {CANARY}?", None, f"As {CANARY}"
        ),
        AddCheckIn("c3", "match-2", mentor, WHEN, "connected", 4, "Bo about another", None, "Ring Bo"),
        PutEvaluation(match_id, mentee, "e1", WHEN, json.dumps({**SCALES, TEXT: f"{CANARY} liked it"})),
        PutEvaluation(match_id, mentor, "e2", WHEN, json.dumps({**SCALES, TEXT: f"{CANARY} learned"})),
        PutEvaluation("match-2", mentor, "e3", WHEN, json.dumps({**SCALES, TEXT: "Bo about another"})),
        messages=(
            cohort.thank(mentor, (f"{CANARY} O'Hara", "Someone else")),
            cohort.thank(mentee, ("Bo Li",), not_before=NOW + DAY),
            cohort.thank(other, ("Bo Li",)),
        ),
    )
    return cohort


@pytest.fixture
def cohort(shared_cohort: SmallCohort, databases: DatabaseMaker, tmp_path: Path) -> SmallCohort:
    """The same in a database and folder of its own."""
    run = shared_cohort.run
    url = databases.copy(run.database).url
    return SmallCohort(replace(run, settings=replace(run.settings, folder=tmp_path, database_url=url)))


def test_the_questions_are_those_of_the_sample(sample_settings: Settings) -> None:
    """Otherwise the tests below would show nothing."""
    kinds = {question.id: question.kind for question in sample_settings.program.evaluation}
    assert kinds[TEXT] == "text"
    assert {kinds[name] for name in SCALES} <= {"scale", "choice"}


def read_all_text(database: Database) -> str:
    catalogue = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if database.is_sqlite
        else "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    with database.open_session() as session:
        names = [row["name"] for row in session.connection.execute(catalogue).fetchall()]
        tables = {name: session.connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    return "\n".join(f"{name}: {dict(row)}" for name, rows in tables.items() for row in rows)


def read_all_bytes(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.settings.folder)): path.read_bytes()
        for path in run.settings.folder.rglob("*")
        if path.is_file()
    }


def read_files(run: Run) -> dict[str, bytes]:
    """The same, and the files in which the database keeps its tables."""
    if run.database.is_sqlite:
        return read_all_bytes(run)
    with run.database.open_session() as session:
        session.connection.autocommit = True
        session.connection.execute("CHECKPOINT")
        where = (
            "SELECT current_setting('data_directory') || '/base/' || oid AS place FROM pg_database "
            "WHERE datname = current_database()"
        )
        place = Path(session.connection.execute(where).fetchone()["place"])
    return read_all_bytes(run) | {f"base/{path.name}": path.read_bytes() for path in place.iterdir()}


def find_canary(files: dict[str, bytes]) -> list[str]:
    return sorted(name for name, content in files.items() if CANARY.casefold().encode() in content.lower())


def end_and_erase(cohort: SmallCohort) -> None:
    """As `mentoring erase` does it."""
    person_id = find_person(cohort.run, f" {ADDRESS.upper()}")
    assert person_id == "person-1"
    seen = cohort.read()
    plan, partners = plan_departure(seen, person_id)
    assert partners == ["mentor-1"]
    apply_plan(cohort.run, seen, plan)
    erase_people(cohort.run, [person_id])


def test_before_the_erasure_she_is_everywhere(cohort: SmallCohort) -> None:
    deliver_due_messages(cohort.run)
    text = read_all_text(cohort.run.database)
    lines = [line.split(":")[0] for line in text.splitlines() if CANARY.casefold() in line.casefold()]
    tables = ("applications", "check_ins", "evaluations", "matches", "messages", "people", "requests")
    assert {line for line in lines if line in tables} == set(tables)
    mails = [name for name in find_canary(read_files(cohort.run)) if name.startswith("mail/")]
    assert len(mails) == 3
    assert len(find_canary(read_files(cohort.run))) > 3


def test_after_the_erasure_she_is_nowhere(cohort: SmallCohort) -> None:
    deliver_due_messages(cohort.run)
    end_and_erase(cohort)
    # Her two introductions as to both sides, and the thanks to her mentor; her own thanks was not sent yet.
    assert remove_mail_files(cohort.run) == 3
    assert CANARY.casefold() not in read_all_text(cohort.run.database).casefold()
    assert find_canary(read_files(cohort.run)) == []
    assert {name: rows for name, rows in cohort.run.database.run_checks().items() if rows} == {}
    assert find_person(cohort.run, ADDRESS) is None


def test_that_she_confirmed_goes_and_that_others_did_stays(cohort: SmallCohort) -> None:
    assert {row["application_id"] for row in cohort.rows("confirmations")} == {"mentee-1", "mentor-1"}
    end_and_erase(cohort)
    assert [row["application_id"] for row in cohort.rows("confirmations")] == ["mentor-1"]
    # When it happened stays, without a word of hers.
    assert len([row for row in cohort.rows("audit_log") if row["happening"] == "add_confirmation"]) == 2


def test_nothing_of_her_is_left_in_the_planners_statistics(cohort: SmallCohort) -> None:
    """PostgreSQL keeps the commonest values and some others of each column, and gathers them by itself."""
    deliver_due_messages(cohort.run)
    with cohort.run.database.open_session() as session, session.write():
        session.connection.execute("ANALYZE")
    end_and_erase(cohort)
    remove_mail_files(cohort.run)
    assert find_canary(read_files(cohort.run)) == []


def test_what_others_may_still_read_is_waited_for_before_the_files_are_written_anew(
    cohort: SmallCohort,
) -> None:
    """PostgreSQL copies into the new files what a transaction that began before the erasure could ask for."""
    if cohort.run.database.is_sqlite:
        pytest.skip("SQLite has no earlier versions to copy: it overwrites what it deletes.")
    with cohort.run.database.open_session() as session:
        session.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.connection.execute("SELECT 1")
        late = threading.Timer(1, session.connection.rollback)
        late.start()
        end_and_erase(cohort)
        late.join()
    assert find_canary(read_files(cohort.run)) == []


def test_whoever_never_ends_is_told_and_the_next_purge_finishes(
    cohort: SmallCohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cohort.run.database.is_sqlite:
        pytest.skip("SQLite has no earlier versions to copy: it overwrites what it deletes.")
    prepare_for_purge(cohort)
    monkeypatch.setattr("tasks.database._PATIENCE_SECONDS", 0.2)
    with cohort.run.database.open_session() as session:
        session.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.connection.execute("SELECT 1")
        with pytest.raises(DatabaseError, match="another program has had the database open for too long"):
            anonymise_cohort(cohort.run)
        session.connection.rollback()
    assert not cohort.read().is_anonymised
    monkeypatch.undo()
    anonymise_cohort(cohort.run)
    assert cohort.read().is_anonymised
    assert find_canary(read_files(cohort.run)) == []


def test_what_is_left_if_the_rewriting_is_cut_short(
    cohort: SmallCohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite overwrites what it deletes. PostgreSQL keeps dead rows: the rewriting is what removes them."""
    monkeypatch.setattr(Database, "rewrite", lambda self: None)
    end_and_erase(cohort)
    found = find_canary(read_files(cohort.run))
    assert found == [] if cohort.run.database.is_sqlite else found


def test_the_statistics_stay(cohort: SmallCohort) -> None:
    deliver_due_messages(cohort.run)
    before = cohort.read()
    end_and_erase(cohort)
    after = cohort.read()
    assert {item.match_id: item.points for item in after.matches.values()} == dict.fromkeys(
        before.matches, 100
    )
    assert [(item.signal, item.contacts) for item in after.check_ins] == [
        (item.signal, item.contacts) for item in before.check_ins
    ]
    answers = {item.response_key: item.answers for item in after.evaluations}
    assert answers == {"e1": SCALES, "e2": SCALES, "e3": {**SCALES, TEXT: "Bo about another"}}
    assert len(after.messages) == len(before.messages)
    assert after.matches["match-1"].reason == "withdrawn"
    assert after.matches["match-1"].explanation == {"criteria": POINTS}
    assert after.applications["mentee-1"].state == "withdrawn"
    [row] = cohort.rows("people", person_id="person-1")
    assert row == {
        "person_id": "person-1",
        "email_key": None,
        "email": None,
        "full_name": None,
        "created_at": WHEN,
        "erased_at": WHEN,
    }


def test_other_people_keep_what_is_theirs(cohort: SmallCohort) -> None:
    deliver_due_messages(cohort.run)
    end_and_erase(cohort)
    after = cohort.read()
    assert after.applications["mentor-1"].answers["goals_text"] == "Bo's own words"
    assert after.matches["match-2"].explanation == {"why": ["Someone else likes serials"]}
    assert {item.request_id: item.words for item in after.requests.values()} == {
        "r1": "",
        "r2": "",
        "r3": "Other words",
    }
    assert {item.response_key: (item.words, item.fallback) for item in after.check_ins} == {
        "c1": ("", ""),
        "c2": ("", ""),
        "c3": ("Bo about another", "Ring Bo"),
    }
    kept = {(row["kind"], row["subject_id"]) for row in cohort.rows("messages") if row["body_text"]}
    assert kept == {*((kind, "match-2") for kind in INTRODUCTIONS), ("thanks", "mentee-3")}


def test_what_waits_to_be_sent_to_or_about_her_is_cancelled(cohort: SmallCohort) -> None:
    end_and_erase(cohort)
    cancelled = {
        (row["kind"], row["subject_id"], row["problem"]) for row in cohort.rows("messages", state="cancelled")
    }
    about_match = "The match ended before it went out."
    gone = "Somebody whom it concerned was erased."
    assert cancelled == {
        ("introduction_mentor", "match-1", about_match),
        ("introduction_mentee", "match-1", about_match),
        ("thanks", "mentor-1", gone),
        ("thanks", "mentee-1", gone),
    }
    counts = deliver_due_messages(cohort.run)
    assert (counts["sent"], counts["failed"]) == (3, 0)


def test_nobody_is_asked_about_a_message_whose_text_is_gone(cohort: SmallCohort) -> None:
    """Resending it could never work, and the committee's click would stop every later delivery."""

    class Refusing(Provider):
        def send(self, message: OutgoingMessage) -> Delivery:
            return Delivery("refused", problem="No.")

    deliver_due_messages(with_delivery(cohort.run, pause_after_refusals=99), Refusing())
    assert len(list_doubtful(cohort.read())) == 6
    end_and_erase(cohort)
    assert {message.subject_id for message in list_doubtful(cohort.read())} == {"match-2", "mentee-3"}


def test_her_rows_in_the_forms_do_not_come_in_again(cohort: SmallCohort) -> None:
    """Neither the response that counted, nor an older one, nor the edit that asked to leave."""
    cohort.apply(
        AddApplication(
            "mentee-9", "mentee", "person-1", "key-older", 9, WHEN, 0, json.dumps({"name": CANARY})
        ),
        SettleApplication("mentee-9", "received", "duplicate", "[]", ""),
    )
    end_and_erase(cohort)
    keys = ("response-mentee-1", "key-older", "key-edited")
    assert set(keys) <= cohort.read().forgotten
    assert "confirmed-1" in cohort.read().forgotten
    assert not {"response-mentor-1", "key-other"} & cohort.read().forgotten
    answers = {"name": CANARY, "email": ADDRESS, "time_zone": "America/New_York"}
    rows = [
        Response("mentee", number, NOW - (20 - number) * DAY, ADDRESS, key, answers)
        for number, key in enumerate((*keys, "key-new"), 2)
    ]
    again = plan_intake(cohort.read(), [FormAnswers("mentee", rows[:3])], NOW)
    assert (again.changes, again.messages) == ((), ())
    fresh = plan_intake(cohort.read(), [FormAnswers("mentee", rows)], NOW)
    assert [change.response_key for change in fresh.changes if isinstance(change, AddApplication)] == [
        "key-new"
    ]


def test_erasing_twice_is_noticed(cohort: SmallCohort) -> None:
    end_and_erase(cohort)
    before = read_all_text(cohort.run.database)
    with pytest.raises(ChangedMeanwhileError):
        erase_people(cohort.run, ["person-1"])
    assert read_all_text(cohort.run.database) == before


def test_erasing_nobody_does_nothing(cohort: SmallCohort) -> None:
    before = read_all_text(cohort.run.database)
    erase_people(cohort.run, [])
    assert read_all_text(cohort.run.database) == before
    assert find_person(cohort.run, "nobody@example.org") is None
    assert find_person(cohort.run, "no address") is None


def test_an_erasure_is_all_or_nothing(cohort: SmallCohort) -> None:
    before = read_all_text(cohort.run.database)
    with pytest.raises(ChangedMeanwhileError):
        erase_people(cohort.run, ["person-1", "person-2", "nobody"])
    assert read_all_text(cohort.run.database) == before


def test_mail_that_could_not_be_removed_is_removed_by_the_next_run(cohort: SmallCohort) -> None:
    deliver_due_messages(cohort.run)
    end_and_erase(cohort)
    assert len(find_canary(read_all_bytes(cohort.run))) == 3
    assert remove_mail_files(cohort.run) == 3
    assert remove_mail_files(cohort.run) == 0


# The mail provider


def at_sendgrid(run: Run, url: str) -> Run:
    settings = replace(run.settings, mail="sendgrid", sendgrid_url=url, sendgrid_api_key=SecretStr(KEY))
    return replace(run, settings=settings)


def test_sendgrid_is_asked_to_erase_its_own_records(cohort: SmallCohort) -> None:
    with SendGridStandIn() as sendgrid:
        run = at_sendgrid(cohort.run, sendgrid.url)
        deliver_due_messages(run)
        assert ADDRESS in {each.to for each in sendgrid.accepted}
        assert "was asked to erase its own records" in ask_provider(run, [ADDRESS])
        assert ADDRESS not in {each.to for each in sendgrid.accepted}


def test_what_sendgrid_does_not_erase_is_said_without_the_address(cohort: SmallCohort) -> None:
    with SendGridStandIn(scopes=("mail.send",)) as sendgrid:
        sentence = ask_provider(at_sendgrid(cohort.run, sendgrid.url), [ADDRESS])
    assert sentence.startswith("SendGrid did not erase its own records: ")
    assert "recipients.erasejob.create" in sentence
    assert CANARY.casefold() not in sentence.casefold()


@pytest.mark.parametrize(("mail", "words"), [("files", "goes to files"), ("smtp", "can't be asked")])
def test_other_ways_of_mail_are_said(cohort: SmallCohort, mail: Any, words: str) -> None:
    run = replace(cohort.run, settings=replace(cohort.run.settings, mail=mail))
    assert words in ask_provider(run, [ADDRESS])


# A whole cohort


def prepare_for_purge(cohort: SmallCohort) -> None:
    """The year is over; one person takes part in the next one, too, and some rows belong to nobody."""
    for match_id in ("match-1", "match-2"):
        cohort.apply(EndMatch(match_id, "completed"))
    cohort.apply(
        AddApplication("mentee-8", "mentee", None, "key-nobody", 8, WHEN, 0, json.dumps({"name": CANARY})),
        SettleApplication("mentee-8", "received", "needs_attention", json.dumps([{"sentence": CANARY}]), ""),
        AddUnplacedResponse("key-unplaced", "request", 4, f"“{CANARY}” is not a choice."),
    )
    with cohort.run.database.transaction("test", NOW) as transaction:
        transaction.execute("add_cohort", cohort_id="2028", at=transaction.at, token_key="1" * 32)
    cohort.execute(
        "INSERT INTO applications SELECT 'next-1', '2028', applicant_role, person_id, 'key-next', sheet_row, received_at, "
        "is_late, answers, faults, reason, revision, state, previous_state, changed_at FROM applications "
        "WHERE application_id = 'mentor-1'"
    )


def test_a_cohort_whose_time_is_over_keeps_figures_only(cohort: SmallCohort) -> None:
    deliver_due_messages(cohort.run)
    prepare_for_purge(cohort)
    before = cohort.read()
    anonymise_cohort(cohort.run)
    remove_mail_files(cohort.run)
    after = cohort.read()
    assert after.is_anonymised
    assert CANARY.casefold() not in read_all_text(cohort.run.database).casefold()
    assert find_canary(read_files(cohort.run)) == []
    assert {key: item.state for key, item in after.applications.items()} == {
        key: item.state for key, item in before.applications.items()
    }
    # Bo is a mentor of the next cohort as well, and stays.
    assert [person.name for person in after.people.values() if person.name] == ["Bo Li"]
    assert {"key-nobody", "key-unplaced", "response-mentee-1"} <= after.forgotten
    assert after.unplaced == {}
    assert {name: rows for name, rows in cohort.run.database.run_checks().items() if rows} == {}


def test_a_purge_asks_sendgrid_once_to_erase_those_who_go_and_nothing_else(cohort: SmallCohort) -> None:
    with SendGridStandIn() as sendgrid:
        run = at_sendgrid(cohort.run, sendgrid.url)
        deliver_due_messages(run)
        prepare_for_purge(cohort)
        before = sendgrid.calls
        assert anonymise_cohort(run) == ()
        assert anonymise_cohort(run) == ()
        assert sendgrid.calls - before == {"POST /v3/recipients/erasejob": 1}
        # Bo is a mentor of the next cohort as well.
        left = {each.to for each in sendgrid.accepted}
    assert left == {"person2@example.org"} & left
    assert ADDRESS not in left


def test_a_purge_says_what_sendgrid_did_not_erase_and_erases_the_rest(cohort: SmallCohort) -> None:
    prepare_for_purge(cohort)
    with SendGridStandIn(scopes=("mail.send",)) as sendgrid:
        [sentence] = anonymise_cohort(at_sendgrid(cohort.run, sendgrid.url))
    assert sentence.startswith("SendGrid did not erase its own records: ")
    assert "@" not in sentence
    assert CANARY.casefold() not in read_all_text(cohort.run.database).casefold()


@pytest.mark.parametrize("mail", ["files", "smtp"])
def test_a_purge_where_no_provider_can_be_asked_says_nothing(cohort: SmallCohort, mail: Any) -> None:
    prepare_for_purge(cohort)
    run = replace(cohort.run, settings=replace(cohort.run.settings, mail=mail))
    assert anonymise_cohort(run) == ()


def test_a_second_purge_does_nothing(cohort: SmallCohort) -> None:
    prepare_for_purge(cohort)
    anonymise_cohort(cohort.run)
    before = read_all_text(cohort.run.database)
    anonymise_cohort(replace(cohort.run, now=NOW + timedelta(days=30)))
    assert read_all_text(cohort.run.database) == before


@pytest.mark.parametrize("stops_at", ["erase_people", "rewrite"])
def test_a_purge_that_is_cut_short_is_finished_by_the_next(
    cohort: SmallCohort, monkeypatch: pytest.MonkeyPatch, stops_at: str
) -> None:
    prepare_for_purge(cohort)
    erase = erasure.erase_people

    def stop(run: Run, person_ids: list[str]) -> None:
        erase(run, person_ids[:1])
        raise OSError("No room")

    if stops_at == "erase_people":
        monkeypatch.setattr(erasure, "erase_people", stop)
    else:
        monkeypatch.setattr(Database, "rewrite", lambda self: stop(cohort.run, []))
    with pytest.raises(OSError, match="No room"):
        anonymise_cohort(cohort.run)
    assert not cohort.read().is_anonymised
    monkeypatch.undo()
    anonymise_cohort(cohort.run)
    assert cohort.read().is_anonymised
    assert CANARY.casefold() not in read_all_text(cohort.run.database).casefold()
