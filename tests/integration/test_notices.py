"""What a run tells beyond its page: events with counts, the operator's mail, errors without anybody's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
import yaml

from deployments.program_folders import make_program_folder
from mentoring.changes import ApproveMatch, HoldMatch, Plan, RejectMatch
from tasks import notices


@dataclass(frozen=True)
class Named:
    """As much of a flow or a run of it as the hook looks at."""

    name: str
    id: str = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Ended:
    """As much of a state as the hook looks at."""

    name: str
    message: str | None


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "program"
    make_program_folder(folder)
    monkeypatch.setenv("MENTORING_PROGRAM", str(folder))
    return folder


def tell(flow: str, message: str | None = "SheetError: committee.xlsx is open elsewhere; close it.") -> None:
    notices.tell_operator(Named(flow), Named(f"{flow}, 2027"), Ended("Failed", message))  # type: ignore[arg-type]


def read_mails(program: Path) -> list[EmailMessage]:
    paths = sorted((program / "mail").glob("*.eml"))
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]


def test_the_operator_is_told_what_failed_and_what_to_do(program: Path) -> None:
    tell("introduce-matches")
    [mail] = read_mails(program)
    assert mail["To"] == "operator@example.org"
    assert mail["Subject"].endswith(": introduce-matches failed")
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "The run “introduce-matches, 2027” ended as Failed." in text
    assert "committee.xlsx is open elsewhere; close it." in text
    assert "Retry, on the run's page, is always safe" in text


def test_a_flow_that_fails_all_day_is_one_mail(program: Path) -> None:
    for flow in ("deliver-messages", "deliver-messages", "ingest-applications", "deliver-messages"):
        tell(flow)
    assert len(read_mails(program)) == 2


def test_without_an_address_nobody_is_told(program: Path) -> None:
    settings = program / "program.yaml"
    values = yaml.safe_load(settings.read_text(encoding="utf-8"))
    del values["operator_address"]
    settings.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    tell("introduce-matches")
    assert read_mails(program) == []


def test_what_happened_becomes_events_with_counts_and_what_did_not_is_none() -> None:
    plan = Plan(
        (
            ApproveMatch("2027-match-001", "NB"),
            ApproveMatch("2027-match-002", "NB"),
            HoldMatch("2027-match-003", 1, "NB"),
            RejectMatch("2027-match-004", "proposed", "committee", "NB"),
        )
    )
    assert notices.count_changes(plan) == {"mentoring.matches.approved": 2}
    assert notices.count_messages({"sent": 3, "failed": 0, "returned": 2}) == {"mentoring.messages.sent": 3}


def test_the_guide_names_every_event_and_no_other() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operator-guide.md").read_text(encoding="utf-8")
    told = {
        *notices.CHANGE_EVENTS.values(),
        *notices.QUEUE_EVENTS.values(),
        *notices.MESSAGE_EVENTS.values(),
        notices.PURGE_EVENT,
    }
    assert set(re.findall(r"`(mentoring\.[a-z-]+\.[a-z-]+)`", guide)) == told


def test_an_unexpected_error_names_step_kind_and_place_and_none_of_its_words() -> None:
    from mentoring.calendar import add_months
    from tasks.steps import UnexpectedError

    with pytest.raises(AttributeError) as caught:
        add_months("someone@example.org", 1)  # type: ignore[arg-type]
    error = UnexpectedError("read the desk", caught.value)
    assert str(error).startswith("“read the desk” failed unexpectedly with ")
    assert "Retry is safe" in str(error)
    assert "someone" not in str(error)
    assert "calendar.add_months line" in str(error)
