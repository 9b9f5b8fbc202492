"""Whatever applicants write does nothing, in any place that it ends up in; and one bad row never stops the others.

Every input of the corpus goes through every sink here, and in the long tests five thousand more that Hypothesis makes up.
The table that `make test-long` prints at its end counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import hostile_sinks as sinks
import pytest
from good_answers import list_good_answers, write_good_answers
from google_program import add_desk, add_forms, hurry, make_settings, read_tab
from hostile_inputs import CORPUS, TEXTS, generate_texts
from hypothesis import HealthCheck, given, settings
from playwright.sync_api import Page, sync_playwright
from small_cohort import SmallCohort
from stand_ins.google_sheets import GoogleStandIn

from mentoring.form_headings import list_questions
from mentoring.intake import plan_intake
from mentoring.program import Program
from tasks import google_client
from tasks.desk import gather_desk, read_answers, reload_desk, write_desk
from tasks.ledger import apply_plan
from tasks.outbox import deliver_due_messages
from tasks.runs import Run
from tasks.settings import Settings
from tasks.workbook_responses import list_questions as list_tab_questions

Check = Callable[[Sequence[str]], None]
#: Texts an example, and examples: together at least 5,000 generated texts for each sink.
BATCH, EXAMPLES = 50, 100
LOCAL_SINKS = (
    *("sheet cell, xlsx", "sheet cell, Google", "CSV export", "mail header and SendGrid request"),
    *("mail text and HTML", "report page", "match review page", "Prefect artifact", "prefilled link", "log"),
)


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        offline = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*arguments, offline])
        yield browser.new_page()
        browser.close()


@pytest.fixture(scope="module")
def google() -> Iterator[GoogleStandIn]:
    with pytest.MonkeyPatch.context() as patch, GoogleStandIn() as stand_in:
        hurry(patch)
        patch.setattr(google_client, "TIMEOUTS", (20.0, 120.0))
        stand_in.quota = None
        yield stand_in
        assert not stand_in.violations


@pytest.fixture(scope="module")
def checks(
    browser_page: Page,
    google: GoogleStandIn,
    sample_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Check]:
    """Every sink but the databases, ready to take texts."""
    folder = tmp_path_factory.mktemp("sinks")
    at_google = make_settings(google, folder, add_forms(google), add_desk(google))
    program = sample_settings.program
    found: list[Check] = [
        lambda texts: sinks.check_local_sheet(folder, texts),
        lambda texts: sinks.check_google_sheet(google, at_google, texts),
        lambda texts: sinks.check_csv(folder, texts),
        sinks.check_mail_header,
        lambda texts: sinks.check_mail(browser_page, texts),
        lambda texts: sinks.check_report(browser_page, program, texts),
        lambda texts: sinks.check_review(browser_page, program, texts),
        lambda texts: sinks.check_artifact(browser_page, texts),
        sinks.PrefilledLink().check,
        lambda texts: sinks.check_log(folder, program, write_good_answers(program), texts),
    ]
    return dict(zip(LOCAL_SINKS, found, strict=True))


def put_through(check: Check, sink: str, note: Callable[[str, object], None]) -> None:
    """The corpus, then what Hypothesis makes up."""
    note("threat", f"inputs × sinks: corpus × {sink}|{len(TEXTS)}")
    check(TEXTS)
    generated = 0

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(generate_texts(BATCH))
    def generate(texts: list[str]) -> None:
        nonlocal generated
        check(texts)
        generated += len(texts)

    generate()
    assert generated >= 5_000
    note("threat", f"inputs × sinks: generated × {sink}|{generated}")


def test_the_corpus_is_large_and_of_every_family() -> None:
    assert len(CORPUS) == len({item.id for item in CORPUS}) == len(set(TEXTS)) >= 90
    families = {item.family for item in CORPUS}
    assert len(families) == 10
    assert all(sum(item.family == family for item in CORPUS) >= 8 for family in families)


def test_the_corpus_is_inert_in_each_database(shared_run: Run) -> None:
    sinks.check_database(SmallCohort(shared_run), TEXTS)


@pytest.mark.parametrize("sink", LOCAL_SINKS)
def test_the_corpus_is_inert_in_each_sink(checks: dict[str, Check], sink: str) -> None:
    checks[sink](TEXTS)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_generated_texts_are_inert_in_each_database(
    shared_run: Run, record_property: Callable[[str, object], None]
) -> None:
    kind = "SQLite" if shared_run.database.is_sqlite else "PostgreSQL"
    put_through(lambda texts: sinks.check_database(SmallCohort(shared_run), texts), kind, record_property)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("sink", LOCAL_SINKS)
def test_generated_texts_are_inert_in_each_sink(
    checks: dict[str, Check], sink: str, record_property: Callable[[str, object], None]
) -> None:
    put_through(checks[sink], sink, record_property)


# From the form to the mail, by the program's own steps


def make_rows(program: Program) -> list[dict[str, str]]:
    """Mentees who write a nasty text wherever text can be written, one whose address it is, and a good one last."""
    questions = {name: found[0] for name, found in list_questions(program, "mentee").items()}
    good = list_good_answers(program)
    rows = []
    for number, item in enumerate(CORPUS):
        free = dict.fromkeys(
            ("name", "phone", "pronouns", "institution", "goals_text", "languages"), item.text
        )
        rows.append({**good, **free, "email": f"h{number}@example.org"})
        if item.family in ("address", "header and name"):
            rows.append({**good, "email": item.text})
        if item.family == "value":
            rows.append({**good, "years_experience": item.text, "email": f"v{number}@example.org"})
    rows.append({**good, "email": "last@example.org"})
    for minute, row in enumerate(rows):
        row["submitted_at"] = f"2027-01-12 {9 + minute // 60:02d}:{minute % 60:02d}:03"
    # Half a surrogate pair is no text that Google could bring.
    return [
        {questions[name]: text.replace("\ud800", "\ufffd") for name, text in row.items() if name in questions}
        for row in rows
    ]


def test_one_bad_row_never_stops_the_others(
    run: Run, google: GoogleStandIn, browser_page: Page, tmp_path: Path
) -> None:
    program = run.settings.program
    rows = make_rows(program)
    headings = [text for found in list_questions(program, "mentee").values() for text in found]
    tabs = {form.tab: [list_tab_questions(form)] for form in program.forms.values()}
    tabs[program.forms["mentee"].tab] = [
        headings,
        *([row.get(heading, "") for heading in headings] for row in rows),
    ]
    at_google = make_settings(google, tmp_path, add_forms(google, tabs), add_desk(google))
    # Daytime for everybody from Hawaii to Newfoundland.
    now = run.now + timedelta(hours=4)
    run = replace(run, now=now, settings=replace(at_google, database_url=run.database.url))

    desk = gather_desk(run)
    forms = read_answers(run, "mentee")
    assert [form.problems for form in forms] == [()]
    plan = plan_intake(desk.cohort, forms, run.now)
    apply_plan(run, desk.cohort, plan)
    counts = deliver_due_messages(run)
    write_desk(run, desk)

    cohort = reload_desk(run, desk).cohort
    states = {item.email: item.state for item in cohort.applications.values() if item.state != "duplicate"}
    assert states["last@example.org"] == "accepted"
    assert len(cohort.applications) == len(rows)
    accepted = [
        item
        for item in cohort.applications.values()
        if item.email.startswith("h") and item.state == "accepted"
    ]
    # Only what can't be an answer is sent back: an empty text, or one that is too long.
    assert len(accepted) >= len(CORPUS) - 5
    assert {name: found for name, found in run.database.run_checks().items() if found} == {}
    shown = {row["Reference"]: row for row in read_tab(run.settings, "Applications")}
    assert set(shown) == set(cohort.applications)
    look_at_mails(tmp_path / "mail", browser_page, at_least=len(states) - 20)
    assert counts["failed"] == 0
    waiting = " ".join(plan.waiting)
    assert not [text for text in TEXTS if len(text) > 12 and text in waiting]


def look_at_mails(folder: Path, browser_page: Page, at_least: int) -> None:
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in folder.glob("*.eml")]
    assert len(mails) >= at_least
    for mail in mails:
        assert len(mail["To"].addresses) == 1
        assert mail["Bcc"] is mail["Cc"] is None
        assert not mail.defects
    program_links = ("https://", "mailto:")
    for seen in sinks.look_at_pages(
        browser_page, [mail.get_body(("html",)).get_content() for mail in mails], program_links
    ):
        assert "window.hit" not in " ".join(seen["links"])
        assert not [link for link in seen["links"] if "evil" in link]
