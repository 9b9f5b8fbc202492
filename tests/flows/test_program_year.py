"""The whole sample year through the real flows, each run twice in a row: the second time nothing may happen."""

import hashlib
import json
import logging
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from canaries import MARKED_PEOPLE, Canaries, LogCollector
from served_program import wait_until
from told_events import record_events

from deployments.demo import DemoYear
from deployments.erasing import erase_person
from flows import FLOW_NAMES
from mentoring.calendar import add_months
from mentoring.cohort import Cohort
from tasks.database import Database
from tasks.settings import load_settings

# A whole year twice over, which may take its time on a busy machine.
pytestmark = pytest.mark.timeout(1800)

IDLE = {"proposals", "unmatched mentees", "free seats", "approved"}


def dump_database(folder: Path) -> str:
    with sqlite3.connect(folder / "mentoring.sqlite") as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file of the program folder by content, the database by its rows."""
    files = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("mentoring.sqlite") and path.suffix != ".lock"
    }
    return files | {"database": dump_database(folder)}


class TwiceLivedYear(DemoYear):
    """The sample year with every run repeated a minute later."""

    def _run(self, name, moment):
        report = super()._run(name, moment)
        before = fingerprint(self.folder)
        again = super()._run(name, moment + timedelta(minutes=1))
        self.reports.pop()
        after = fingerprint(self.folder)
        changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        sent = again.counts.get("messages sent", 0)
        if changed or sent or again.drafts:
            self.repeated.append((name, moment, changed, sent, len(again.drafts)))
        self.runs[name] += 1
        return report


@pytest.fixture(scope="module")
def year(tmp_path_factory) -> Iterator[TwiceLivedYear]:
    lived = TwiceLivedYear(tmp_path_factory.mktemp("year") / "program", tell=lambda line: None)
    lived.repeated, lived.runs = [], Counter()
    lived.canaries, lived.log, lived.temporary = (
        Canaries(),
        LogCollector(),
        tmp_path_factory.mktemp("temporary"),
    )
    lived.canaries.plant(lived.people)
    root = logging.getLogger()
    watched = [
        root,
        *(logging.getLogger(name) for name in ("prefect", "prefect.flow_runs", "prefect.task_runs")),
    ]
    levels = [logger.level for logger in watched]
    with pytest.MonkeyPatch.context() as patch:
        lived.events = record_events(patch)
        # What is left behind where every user may look.
        patch.setattr(tempfile, "tempdir", str(lived.temporary))
        for logger in watched:
            logger.addHandler(lived.log)
            logger.setLevel(logging.INFO)
        lived.live()
        for logger, level in zip(watched, levels, strict=True):
            logger.removeHandler(lived.log)
            logger.setLevel(level)
    return lived


@pytest.fixture(scope="module")
def cohort(year) -> Cohort:
    return year.read_cohort()


def test_every_flow_takes_part(year):
    assert set(year.runs) == set(FLOW_NAMES)


def test_a_second_run_sends_nothing_and_changes_nothing(year):
    assert year.repeated == []


def test_every_stage_tells_the_automations_of_everything_once(year):
    """As many as the database holds, though every run was repeated."""
    told = Counter()
    for event in year.events:
        assert event["payload"].keys() == {"count", "flow"}
        assert event["resource"]["prefect.resource.id"] == "mentoring.cohort.2027"
        told[event["event"].removeprefix("mentoring.")] += event["payload"]["count"]
    counted = {
        "applications.received": "applications",
        "matches.proposed": "matches",
        "matches.approved": "matches WHERE approved_at IS NOT NULL",
        "matches.introduced": "matches WHERE introduced_at IS NOT NULL",
        "matches.ended": "matches WHERE state = 'ended'",
        "topics.queued": "messages WHERE kind = 'monthly_topic'",
        "check-ins.queued": "messages WHERE kind = 'check_in'",
        "check-ins.answered": "check_ins",
        "requests.received": "requests",
        "evaluations.queued": "messages WHERE kind = 'evaluation_invitation'",
        "evaluations.received": "evaluations",
        "messages.sent": "messages WHERE state = 'sent'",
    }
    with sqlite3.connect(year.folder / "mentoring.sqlite") as database:
        held = {
            name: database.execute(f"SELECT count(*) FROM {rows}").fetchone()[0]
            for name, rows in counted.items()
        }
    assert 0 not in held.values()
    assert told == held


def test_no_forbidden_state_is_in_the_database(year):
    database = Database(load_settings(year.folder).database_url)
    assert {name: rows for name, rows in database.run_checks().items() if rows} == {}


def test_applications_end_up_as_the_sample_means_them(cohort):
    states = Counter((item.role, item.state) for item in cohort.applications.values())
    assert states["mentor", "accepted"] == 20
    assert states["mentee", "accepted"] == 24
    assert states["mentor", "needs_attention"] == 3
    assert states["mentee", "duplicate"] >= 1
    assert all(item.faults for item in cohort.applications.values() if item.state == "needs_attention")


def test_nobody_without_code_of_conduct_is_matched(cohort):
    for match in cohort.matches.values():
        for key in match.pair:
            assert cohort.applications[key].answers["code_of_conduct"]


def find(cohort, role, email):
    return next(
        k
        for k, a in cohort.applications.items()
        if (a.role, a.email.casefold()) == (role, email) and a.state != "duplicate"
    )


def test_the_must_pair_is_introduced_and_the_never_pair_is_not(year, cohort):
    decisions = year.people.timeline["decisions"]
    pairs = {match.pair for match in cohort.matches.values() if match.introduced_at}
    must, never = decisions["must_pair"], decisions["never_pair"]
    assert (find(cohort, "mentor", must["mentor"]), find(cohort, "mentee", must["mentee"])) in pairs
    proposed = {match.pair for match in cohort.matches.values()}
    assert (find(cohort, "mentor", never["mentor"]), find(cohort, "mentee", never["mentee"])) not in proposed


def test_the_rejected_pair_never_returns(cohort):
    rejected = [match.pair for match in cohort.matches.values() if match.reason == "committee"]
    assert len(rejected) == 1
    assert [match.pair for match in cohort.matches.values()].count(rejected[0]) == 1


def test_the_held_pair_is_introduced_after_the_committee_lets_go(year, cohort):
    hold = year.people.timeline["decisions"]["hold"]
    mentee = find(cohort, "mentee", hold["mentee"])
    [match] = [m for m in cohort.matches.values() if m.mentee_application_id == mentee and m.introduced_at]
    assert match.introduced_at.date() == hold["approve_on"]


def test_the_mentor_who_withdraws_in_the_third_month_leaves_and_the_mentee_is_rematched(year, cohort):
    gone = find(cohort, "mentor", year.people.timeline["requests"][0]["email"])
    assert cohort.applications[gone].state == "withdrawn"
    [ended] = [match for match in cohort.matches.values() if match.reason == "withdrawn"]
    assert (ended.mentor_application_id, ended.ended_at.month) == (gone, 5)
    told = {(m.kind, m.recipient_id) for m in cohort.messages if m.subject_id == ended.match_id}
    assert ("partner_withdrew", cohort.person_of(ended.mentee_application_id)) in told
    assert ("match_ended", cohort.person_of(gone)) in told
    [rematch] = [
        m
        for m in cohort.matches.values()
        if m.mentee_application_id == ended.mentee_application_id and m.is_rematch
    ]
    assert rematch.reason == "completed"
    assert rematch.introduced_at - ended.ended_at < timedelta(days=10)


def test_the_pair_that_does_not_work_out_is_told_and_rematched_with_others(cohort):
    [ended] = [match for match in cohort.matches.values() if match.reason == "not_working_out"]
    told = [m for m in cohort.messages if m.subject_id == ended.match_id and m.kind == "match_ended"]
    assert len(told) == 2
    later = [
        m
        for m in cohort.matches.values()
        if m.mentee_application_id == ended.mentee_application_id and m.is_rematch
    ]
    assert [m.mentor_application_id == ended.mentor_application_id for m in later if m.introduced_at] == [
        False
    ]


def test_every_active_pair_gets_every_topic_once(cohort):
    for period in ("2027-04", "2027-05", "2027-06", "2027-07", "2027-08", "2027-09", "2027-10", "2027-11"):
        day = date.fromisoformat(f"{period}-01")
        active = {
            match.match_id
            for match in cohort.matches.values()
            if match.introduced_at
            and match.introduced_at.date() < day
            and (not match.ended_at or match.ended_at.date() > day)
        }
        sent = Counter(
            m.subject_id
            for m in cohort.messages
            if (m.kind, m.period, m.state) == ("monthly_topic", period, "sent")
        )
        assert sent == Counter(active)


def test_the_missed_first_of_the_month_is_caught_up(year, cohort):
    sent = {
        m.settled_at.date()
        for m in cohort.messages
        if (m.kind, m.period) == ("monthly_topic", year.people.timeline["missed_day"])
    }
    assert min(sent) == year.people.timeline["back_on"]


def test_every_pair_is_asked_ten_days_after_its_introduction_and_then_monthly(year, cohort):
    zone, ends = year.program.zone, year.settings.ends
    # In the demo, questions about later months share a run with those of other pairs.
    wait = timedelta(days=8)
    introduced = [match for match in cohort.matches.values() if match.introduced_at]
    assert len({match.introduced_at.date() for match in introduced}) == 6
    for match in introduced:
        first = match.introduced_at.astimezone(zone).date() + timedelta(days=10)
        over = min(ends, match.ended_at.astimezone(zone).date())
        due = [day for n in range(9) if (day := add_months(first, n)) < over]
        certain = [day for day in due if day + wait < over or over == ends]
        for key in match.pair:
            asked = sorted(
                message.settled_at.astimezone(zone).date()
                for message in cohort.messages
                if (message.kind, message.subject_id, message.recipient_id)
                == ("check_in", match.match_id, cohort.person_of(key))
            )
            assert asked[:1] == due[:1], match.match_id
            assert len(certain) <= len(asked) <= len(due), match.match_id
            assert all(day <= day_asked <= day + wait for day, day_asked in zip(due, asked, strict=False))


def test_reminders_go_only_to_those_who_had_not_answered(cohort):
    answered = {(item.match_id, item.application_id): item.answered_at for item in cohort.evaluations}
    reminded = [m for m in cohort.messages if m.kind == "evaluation_reminder"]
    assert reminded
    for message in reminded:
        match = cohort.matches[message.subject_id]
        key = next(key for key in match.pair if cohort.person_of(key) == message.recipient_id)
        assert (
            answered.get((match.match_id, key), datetime.max.replace(tzinfo=message.queued_at.tzinfo))
            > message.queued_at
        )


def test_every_message_was_sent_once(year, cohort):
    assert Counter(message.state for message in cohort.messages) == {"sent": len(cohort.messages)}
    mails = list((year.folder / "mail").glob("*.eml"))
    assert len(mails) == len(cohort.messages)


def test_the_board_gets_its_report(year):
    report = (year.folder / "reports" / "evaluation-2027.html").read_text(encoding="utf-8")
    assert "<svg" in report
    assert "http" not in report.replace("http-equiv", "")


def test_reports_hold_no_personal_data(year, cohort):
    people = [text for person in cohort.people.values() for text in (person.email, person.name)]
    for report in year.reports:
        page = report.write_markdown()
        assert not [text for text in people if text in page]


def read_artifacts() -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import ArtifactSort

    found: list[Any] = []
    with get_client(sync_client=True) as client:
        while page := client.read_artifacts(sort=ArtifactSort.KEY_ASC, limit=200, offset=len(found)):
            found += page
    return found


def test_every_run_leaves_its_page_and_a_table_of_what_waits(year, cohort):
    artifacts = read_artifacts()
    pages = Counter(item.key for item in artifacts if item.type == "markdown")
    assert set(pages) == set(FLOW_NAMES)
    tables = [item for item in artifacts if item.type == "table"]
    rows = [row for item in tables for row in json.loads(item.data)]
    assert {"Proposals that wait for a decision on the Matches tab", "Requests that wait for a decision on the Requests tab"} <= {
        row["What"].partition(":")[0] for row in rows
    }  # fmt: skip
    assert {(row["Who"], row["Where"]) for row in rows if "on the Matches tab" in row["What"]} == {
        ("committee", "Matches tab")
    }
    people = [text for person in cohort.people.values() for text in (person.email, person.name)]
    told = "\n".join(f"{item.data} {item.description}" for item in artifacts)
    assert not [text for text in people if text in told]


def test_steps_are_named_with_the_cohort(year):
    from prefect.client.orchestration import get_client

    def read_names() -> set[str]:
        with get_client(sync_client=True) as client:
            return {run.name for run in client.read_task_runs(limit=200)}

    # The server learns the name of the last step a moment after the step.
    wait_until(
        "every step bears its cohort", lambda: {name.rpartition(", ")[2] for name in read_names()} == {"2027"}
    )
    assert "apply the decisions, 2027" in read_names()


# Personal data: twenty marked values and more, and every place that must not hold one.


def list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_canaries_sing_where_they_may(year):
    assert len(year.canaries.marks) == 22
    assert "fallback of check_ins" in year.canaries.marks.values()
    seen = set().union(*year.canaries.find_in_files(list_files(year.folder)).values())
    assert seen == set(year.canaries.marks)


@pytest.mark.threat("canaries × Prefect's database", 22)
def test_prefect_keeps_no_personal_data(year, prefect_server):
    home = prefect_server.home
    assert (home / "prefect.db").stat().st_size > 100_000
    files = list_files(home)
    assert any(b"propose-matches" in path.read_bytes() for path in files)
    assert year.canaries.find_in_files(files) == {}


def test_no_result_of_a_flow_or_step_is_kept_by_pickle_or_otherwise(year, prefect_server):
    kept = prefect_server.home / "storage"
    assert [path.name for path in list_files(kept) if not path.name.startswith(".")] == []
    with sqlite3.connect(prefect_server.home / "prefect.db") as database:
        count, with_data = database.execute(
            "SELECT count(*), count(CASE WHEN data NOT IN ('null', '') THEN 1 END) FROM flow_run_state"
        ).fetchone()
    assert count > 100
    assert with_data == 0


@pytest.mark.threat("canaries × logs", 22)
def test_logs_hold_no_personal_data(year):
    assert len(year.log.lines) > 100
    assert not [line for line in year.log.lines if year.canaries.find_in(line.encode())]
    assert not [line for line in year.log.lines if any(address in line for address in MARKED_PEOPLE)]


@pytest.mark.threat("canaries × artifacts and results", 22)
def test_artifacts_and_results_hold_no_personal_data(year):
    for report in year.reports:
        assert not year.canaries.find_in((report.write_markdown() + repr(report)).encode())


@pytest.mark.threat("canaries × temporary files", 22)
def test_nothing_is_left_in_temporary_files(year):
    assert year.canaries.find_in_files(list_files(year.temporary)) == {}


@pytest.mark.threat("canaries × SendGrid's own fields", 22)
def test_sendgrid_would_get_no_personal_data_in_its_own_fields(year):
    from tasks.mail_files import read_eml, read_head
    from tasks.mail_sendgrid import write_request

    mails = sorted((year.folder / "mail").glob("*.eml"))
    for path in mails:
        head, mail = read_head(path), read_eml(path)
        text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
        body = write_request(make_message(head, text, html))
        [person] = body["personalizations"]
        rest = {key: value for key, value in body.items() if key not in MAIL_ITSELF} | {
            "of person": person["custom_args"]
        }
        assert set(person) == {"to", "custom_args"}
        words = repr(rest)
        assert not year.canaries.find_in(words.encode())
        assert not [address for address in MARKED_PEOPLE if address in words]
        assert person["custom_args"] == {"mentoring_message": head["X-Mentoring-Message"]}


#: What SendGrid delivers; everything else it keeps for long, and can't remove.
MAIL_ITSELF = {"personalizations", "from", "reply_to", "subject", "content", "attachments"}


def make_message(head, text, html):
    from outgoing_mail import change

    address = head["To"].rpartition("<")[2].rstrip(">")
    return change(
        message_id=head["X-Mentoring-Message"],
        kind=head["X-Mentoring-Kind"],
        to_address=address,
        to_name=head["To"].partition("<")[0].strip(' "'),
        subject=head["Subject"],
        text=text,
        html=html,
    )


@pytest.mark.threat("canaries × our own files after erase", 22)
def test_after_erasing_them_nothing_of_ours_holds_a_canary(year, tmp_path):
    folder = tmp_path / "erased"
    shutil.copytree(year.folder, folder)
    said = [line for address in MARKED_PEOPLE for line in erase_person(address, folder)]
    assert sum("Not within reach" in line for line in said) == len(MARKED_PEOPLE)
    assert not [line for line in said if year.canaries.find_in(line.encode())]
    # The forms' own sheet belongs to the forms; the command says so.
    ours = [path for path in list_files(folder) if path.name != "forms.xlsx"]
    assert year.canaries.find_in_files(ours) == {}
    leaked = [
        path.name for path in ours if any(address.encode() in path.read_bytes() for address in MARKED_PEOPLE)
    ]
    assert leaked == []
    database = Database(load_settings(folder).database_url)
    assert {name: rows for name, rows in database.run_checks().items() if rows} == {}
    assert (folder / "reports" / "evaluation-2027.html").exists()
