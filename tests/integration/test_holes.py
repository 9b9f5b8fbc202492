"""Five holes, cut on purpose one at a time: each is noticed by the check that holds the threat.

The checks are those of `hostile_sinks` and the small year below, so a hole in the program that one of them would miss
shows here. Without a hole all of them pass.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hostile_sinks as sinks
import pytest
from canaries import Canaries, LogCollector
from google_program import add_desk, add_forms, make_settings
from hostile_inputs import TEXTS
from outgoing_mail import MESSAGE
from playwright.sync_api import Page, sync_playwright
from stand_ins.google_sheets import GoogleStandIn

from deployments import erasing
from deployments.erasing import erase_person
from deployments.program_folders import make_program_folder, read_sample_responses
from mentoring import messages
from mentoring.intake import plan_intake
from mentoring.message_markdown import Markdown
from tasks import google_client, google_requests, google_updates, mail_files, mail_sendgrid, reports
from tasks.desk import gather_desk, read_answers, write_desk
from tasks.ledger import apply_plan
from tasks.outbox import deliver_due_messages
from tasks.runs import open_run
from tasks.sheets import SheetError

AFTER_CLOSING = datetime(2027, 2, 20, 20, tzinfo=UTC)
ADDRESS = "samir.nolan@example.org"


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser.new_page()
        browser.close()


def take_in_and_erase(folder: Path) -> None:
    """One applicant is taken in, written to and erased again; nothing of hers is logged or left."""
    canaries, log = Canaries(), LogCollector()
    rows = read_sample_responses()
    [row] = [row for row in rows["mentee"] if row["Email Address"] == ADDRESS]
    row["Your name"] = canaries.mark(row["Your name"], "name")
    make_program_folder(folder, {"mentee": rows["mentee"]})
    run = open_run("ingest-applications", None, AFTER_CLOSING, False, folder)
    root = logging.getLogger()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    try:
        desk = gather_desk(run)
        apply_plan(run, desk.cohort, plan_intake(desk.cohort, read_answers(run, "mentee"), run.now))
        sent = deliver_due_messages(run)["sent"]
        write_desk(run, desk)
    finally:
        root.removeHandler(log)
        root.setLevel(level)
    assert sent > 10
    before = canaries.find_in_files(folder.rglob("*"))
    assert {"mentoring.sqlite", "committee.xlsx"} <= before.keys()
    assert any(name.endswith(".eml") for name in before)
    assert not [line for line in log.lines if canaries.find_in(line.encode()) or ADDRESS in line]
    assert "1 rendered mails removed" in " ".join(erase_person(ADDRESS, folder))
    left = canaries.find_in_files(path for path in folder.rglob("*") if path.name != "forms.xlsx")
    assert left == {}


def test_without_a_hole_all_is_well(tmp_path: Path) -> None:
    take_in_and_erase(tmp_path / "program")


def test_letters_without_escaping_are_noticed(browser_page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their Markdown takes no HTML in any case, but it would make links and lists of people's words."""
    links = [text for text in TEXTS if "http" in text]
    sinks.check_mail(browser_page, links)
    monkeypatch.setattr(messages, "escape_line", Markdown)
    letters, _ = messages._load_environments(())
    monkeypatch.setitem(letters.filters, "prose", Markdown)
    with pytest.raises(AssertionError):
        sinks.check_mail(browser_page, links)


def test_pages_of_mails_without_autoescape_are_noticed(
    browser_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    out_of_the_title = [text for text in TEXTS if "</title>" in text]
    _, pages = messages._load_environments(())
    sinks.check_mail(browser_page, out_of_the_title)
    monkeypatch.setattr(pages, "autoescape", False)
    assert pages.cache is not None
    pages.cache.clear()
    try:
        with pytest.raises(AssertionError):
            sinks.check_mail(browser_page, out_of_the_title)
    finally:
        pages.cache.clear()


@pytest.mark.parametrize("check", [sinks.check_report, sinks.check_review])
def test_a_page_without_autoescape_is_noticed(
    browser_page: Page, sample_settings: Any, monkeypatch: pytest.MonkeyPatch, check: Any
) -> None:
    environment = reports.load_environment()
    check(browser_page, sample_settings.program, TEXTS)
    monkeypatch.setattr(environment, "autoescape", False)
    assert environment.cache is not None
    environment.cache.clear()
    try:
        with pytest.raises(AssertionError):
            check(browser_page, sample_settings.program, TEXTS)
    finally:
        environment.cache.clear()


def test_cells_written_as_if_people_typed_them_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    formulas = [text for text in TEXTS if text.startswith("=")]
    with GoogleStandIn() as google:
        settings = make_settings(google, tmp_path, add_forms(google), add_desk(google))
        sinks.check_google_sheet(google, settings, formulas)
        write = google_requests.write_value

        def write_as_typed(value: Any) -> dict[str, Any]:
            if isinstance(value, str) and value.startswith("="):
                return {"userEnteredValue": {"formulaValue": value}}
            return write(value)

        for module in (google_requests, google_updates):
            monkeypatch.setattr(module, "write_value", write_as_typed)
        monkeypatch.setattr(google_client, "AS_GIVEN", "USER_ENTERED")
        settings = make_settings(google, tmp_path, add_forms(google), add_desk(google))
        # The program itself reads what it wrote, and stops.
        with pytest.raises((AssertionError, SheetError)):
            sinks.check_google_sheet(google, settings, formulas)


def test_a_name_in_a_line_of_the_log_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = mail_files.write_eml

    def tell(message: Any) -> bytes:
        logging.getLogger("mentoring").info("Writing to %s", message.to_name)
        return write(message)

    monkeypatch.setattr(mail_files, "write_eml", tell)
    with pytest.raises(AssertionError, match="Writing to"):
        take_in_and_erase(tmp_path / "program")


def test_an_address_in_custom_args_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    write = mail_sendgrid.write_request

    def add_address(message: Any, group: int | None = None) -> dict[str, Any]:
        body = write(message, group)
        body["personalizations"][0]["custom_args"]["address"] = message.to_address
        return body

    sinks.check_request(mail_sendgrid.write_request(MESSAGE), "m-1")
    monkeypatch.setattr(mail_sendgrid, "write_request", add_address)
    with pytest.raises(AssertionError):
        sinks.check_request(mail_sendgrid.write_request(MESSAGE), "m-1")


def test_an_erasure_that_forgets_the_mail_folder_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It even says that it did.
    monkeypatch.setattr(erasing, "remove_mail_files", lambda run: 1)
    with pytest.raises(AssertionError, match="eml"):
        take_in_and_erase(tmp_path / "program")
