"""Applications that have to be confirmed, through the real flows, workbooks and mail: not matched, confirmed, matched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from cohorts import MENTEE, MENTOR
from google_program import StandInHands, hurry, move_to_google
from stand_ins.google_sheets import GoogleStandIn

from deployments.people_at_work import WorkbookHands
from deployments.program_folders import make_program_folder
from flows import load_flow
from mentoring.form_headings import list_questions
from mentoring.program import Program
from tasks import steps
from tasks.local_workbooks import FORMS, create_forms_workbook
from tasks.settings import PROGRAM_FILE, read_program
from tests.flows.test_interrupted_runs import StoppedError

ADA, BEN, CLEO, DINA = (f"{name}@example.org" for name in ("ada", "ben", "cleo", "dina"))
FORM = """
  confirmation:
    tab: "Confirmations"
    fields: {submitted_at: "Timestamp", email: "Email Address", token: "Code"}
"""


def change(folder: Path, *changes: tuple[str, str]) -> Program:
    path = folder / PROGRAM_FILE
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return read_program(path)


def ask_for_confirmation(folder: Path, how: str) -> Program:
    """Have applicants confirm, as the remarks in the sample's `program.yaml` describe it."""
    form = "  # confirmation_form:"
    changes = [
        ("# confirmation: link", f"confirmation: {how}"),
        (form, form.replace("# ", "")),
        ("\nforms:\n", f"\nforms:{FORM}"),
    ]
    if how == "verified_address":
        for tab in ("Mentor applications", "Mentee applications"):
            old = f'    tab: "{tab}"\n    fields:\n      submitted_at: "Timestamp"\n      email:'
            changes.append((old, old.replace("email:", 'email: "E"\n      verified_email:')))
    return change(folder, *changes)


Hands = WorkbookHands | StandInHands


@pytest.fixture(params=["workbooks", "Google"])
def hands(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hands]:
    """A program whose applicants confirm by a link."""
    folder = tmp_path / "program"
    make_program_folder(folder)
    program = ask_for_confirmation(folder, "link")
    (folder / FORMS).unlink()
    create_forms_workbook(folder / FORMS, program, {})
    monkeypatch.setenv("MENTORING_PROGRAM", str(folder))
    if request.param == "workbooks":
        yield WorkbookHands(folder, program)
        return
    hurry(monkeypatch)
    with GoogleStandIn() as google:
        google.quota = None
        yield move_to_google(google, folder)
        assert not google.violations


def send(hands: Hands, form: str, when: str, **answers: str) -> None:
    """Send a form; several questions of one field take one answer each."""
    questions = list_questions(hands.program, form)  # type: ignore[arg-type]
    given = {"mentor": MENTOR, "mentee": MENTEE}.get(form, {}) | answers | {"submitted_at": when}
    row: dict[str, str] = {}
    for name, text in given.items():
        asked = questions.get(name, [])
        parts = text.split("; ") if len(asked) > 1 else [text.replace("; ", ", ")]
        row |= dict(zip(asked, parts, strict=False))
    hands.append_form_rows(form, [row])


def run(hands: Hands, flow: str, when: str) -> tuple[dict[str, int], tuple[str, ...]]:
    moment = datetime.fromisoformat(when).replace(tzinfo=hands.program.zone)
    report = load_flow(flow)(as_of=moment)
    return dict(report.counts), tuple(report.waiting)


def read_rows(hands: Hands, tab: str) -> list[dict[str, str]]:
    return hands.read_committee(tab).read_rows()


def list_status(hands: Hands) -> dict[str, str]:
    rows = read_rows(hands, "Applications")
    return {row["E-mail"]: row["Status"] for row in rows if row["Status"] != "Duplicate"}


def list_pairs(hands: Hands) -> set[tuple[str, str]]:
    rows = read_rows(hands, "Matches")
    return {(row["Mentor"], row["Mentee"]) for row in rows if row["Status"].startswith("Proposed")}


def read_codes(hands: Hands) -> dict[str, list[str]]:
    """What stands in the links of the mails, by recipient, the oldest first."""
    codes: dict[str, list[str]] = {}
    for path in sorted((hands.folder / "mail").glob("*please_confirm*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        body = mail.get_body(("plain",))
        assert body is not None
        found = re.findall(r"confirmation\?code=([0-9a-f]{32})", body.get_content().replace("\n", ""))
        codes.setdefault(str(mail["To"].addresses[0].addr_spec), []).extend(dict.fromkeys(found))
    return codes


def test_nobody_is_matched_who_has_not_confirmed(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    send(
        hands,
        "mentor",
        "2027-01-12 10:00:00",
        email=ADA,
        name="Ada",
        capacity="2",
        experience_text="Serials.",
    )
    send(hands, "mentee", "2027-01-12 11:00:00", email=BEN, name="Ben")
    send(hands, "mentee", "2027-01-12 12:00:00", email=CLEO, name="Cleo")
    counts, waiting = run(hands, "ingest-applications", "2027-01-13 14:00")
    assert (counts["accepted"], counts["confirmed"], counts["messages sent"]) == (3, 0, 3)
    assert list_status(hands) == dict.fromkeys((ADA, BEN, CLEO), "Not confirmed")
    codes = read_codes(hands)
    assert {address: len(found) for address, found in codes.items()} == dict.fromkeys((ADA, BEN, CLEO), 1)

    # A retried run sends nothing twice.
    counts, _ = run(hands, "ingest-applications", "2027-01-13 14:30")
    assert "messages sent" not in counts
    assert read_codes(hands) == codes
    counts, _ = run(hands, "propose-matches", "2027-02-13 06:00")
    assert counts["proposed"] == 0

    # Ada and Ben confirm. Somebody else has got hold of Cleo's code, and somebody mistypes one.
    send(hands, "confirmation", "2027-02-13 08:00:00", email=ADA, token=codes[ADA][0])
    send(hands, "confirmation", "2027-02-13 08:01:00", email=DINA, token=codes[CLEO][0])
    send(hands, "confirmation", "2027-02-13 08:02:00", email=CLEO, token=codes[CLEO][0][:-1] + "x")
    send(hands, "confirmation", "2027-02-13 08:03:00", email=BEN.upper(), token=f" {codes[BEN][0]}")
    counts, waiting = run(hands, "ingest-applications", "2027-02-13 14:00")
    assert (counts["confirmed"], counts.get("messages sent", 0)) == (2, 0)
    assert [line.split(":")[0] for line in waiting] == ["Confirmations, row 3", "Confirmations, row 4"]
    assert list_status(hands) == {ADA: "Accepted", BEN: "Accepted", CLEO: "Not confirmed"}
    run(hands, "propose-matches", "2027-02-14 06:00")
    assert list_pairs(hands) == {("Ada", "Ben")}

    # Cleo's own click still counts, also when the run that reads it dies before it has written the desk.
    send(hands, "confirmation", "2027-02-14 09:00:00", token=codes[CLEO][0])
    real = steps.write_desk

    def stop(*_: object) -> None:
        raise StoppedError("stopped by the test")

    monkeypatch.setattr(steps, "write_desk", stop)
    with pytest.raises(StoppedError):
        run(hands, "ingest-applications", "2027-02-14 14:00")
    monkeypatch.setattr(steps, "write_desk", real)
    counts, waiting = run(hands, "ingest-applications", "2027-02-14 14:05")
    assert (counts["confirmed"], waiting) == (0, ())
    assert list_status(hands)[CLEO] == "Accepted"
    run(hands, "propose-matches", "2027-02-15 06:00")
    assert list_pairs(hands) == {("Ada", "Ben"), ("Ada", "Cleo")}
    assert read_codes(hands) == codes


def test_a_further_application_in_bens_name_stops_the_introduction(hands: Hands) -> None:
    send(hands, "mentor", "2027-01-12 10:00:00", email=ADA, name="Ada")
    send(hands, "mentee", "2027-01-12 11:00:00", email=BEN, name="Ben")
    run(hands, "ingest-applications", "2027-01-13 14:00")
    for address, [code] in read_codes(hands).items():
        send(hands, "confirmation", "2027-01-14 08:00:00", email=address, token=code)
    run(hands, "ingest-applications", "2027-01-14 14:00")
    run(hands, "propose-matches", "2027-02-13 06:00")
    [match] = read_rows(hands, "Matches")
    hands.edit_committee_rows("Matches", {(match["Reference"],): {"Decision": "Approve"}})
    run(hands, "introduce-matches", "2027-02-14 06:00")

    send(hands, "mentee", "2027-02-20 11:00:00", email=BEN, name="Ben", goals_text="To sell you something.")
    run(hands, "ingest-applications", "2027-02-20 14:00")
    counts, _ = run(hands, "introduce-matches", "2027-03-01 14:00")
    assert counts["introduced"] == 0
    assert list_status(hands)[BEN] == "Not confirmed"
    first, second = read_codes(hands)[BEN]
    assert first != second

    send(hands, "confirmation", "2027-03-01 15:00:00", token=second)
    run(hands, "ingest-applications", "2027-03-01 16:00")
    counts, _ = run(hands, "introduce-matches", "2027-03-02 14:00")
    assert counts["introduced"] == 1


def test_a_broken_tab_of_confirmations_stops_no_application(hands: Hands) -> None:
    change(hands.folder, ('  tab: "Confirmations"\n', '  tab: "Codes"\n'))
    send(hands, "mentor", "2027-01-12 10:00:00", email=ADA, name="Ada")
    counts, waiting = run(hands, "ingest-applications", "2027-01-13 14:00")
    assert counts["accepted"] == 1
    assert waiting == (
        "The forms spreadsheet has no tab “Codes”. Rename it back, or change its name in program.yaml under forms → "
        "confirmation → tab.",
    )
