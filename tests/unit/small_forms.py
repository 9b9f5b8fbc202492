"""A small program and tabs of its forms, for the tests that read responses."""

from __future__ import annotations

from typing import Any

from mentoring.desk import SheetRow, SheetTab
from mentoring.form_headings import list_questions
from mentoring.program import Program

BOTH = {
    "submitted_at": "Timestamp",
    "email": "Email Address",
    "action": "Apply or withdraw?",
    "name": ["First name", "Last name"],
    "years_experience": "Years in libraries",
    "focus_areas": "Areas",
    "channels": "Ways to talk",
    "time_zone": "Time zone",
    "languages": "Languages",
    "code_of_conduct": "Code of Conduct",
}
MENTEE = {
    **BOTH,
    "topics_wanted": ["First choice", "Second choice", "Third choice"],
    "goals_text": "Your goals",
    "share_consent": "What may your mentor see?",
    "library_type": "Library type",
}
MENTOR = {**BOTH, "capacity": "How many mentees?", "topics_offered": "Topics"}
EVALUATION = [
    {"id": "fit", "text": "How well did you fit?", "kind": "scale"},
    {"id": "again", "text": "Again?", "kind": "choice", "choices": ["Yes, gladly", "No"]},
    {"id": "useful", "text": "Useful months", "kind": "multiple", "choices": ["Jobs, and how", "Metadata"]},
    {"id": "improve", "text": "What to improve", "kind": "text"},
]


def make_program(**changes: Any) -> Program:
    """A small program whose options hold commas, as real ones do."""
    settings: dict[str, Any] = {
        "name": "Program",
        "association": "Association",
        "committee_address": "committee@example.org",
        "sender": {"name": "Committee", "address": "committee@example.org"},
        "links": {
            link: f"https://example.org/{link}"
            for link in (
                "code_of_conduct",
                "guidelines",
                "mentor_form",
                "mentee_form",
                "request_form",
                "check_in_form",
                "evaluation_form",
            )
        },
        "time_zone": "America/New_York",
        "focus_areas": ["Cataloging", "Acquisitions, serials", "Serials"],
        "library_types": ["Law, health or corporate library", "Public library"],
        "channels": ["E-mail", "Phone"],
        "topics": ["Jobs", "Vendors, and how to talk with them", "Metadata"],
        "time_zones": {"Pacific (Los Angeles, Vancouver)": "America/Los_Angeles"},
        "forms": {
            "mentor": {"tab": "Mentor applications", "fields": MENTOR},
            "mentee": {"tab": "Mentee applications", "fields": MENTEE},
            "evaluation": {
                "tab": "Evaluations",
                "fields": {"submitted_at": "Timestamp", "token": "Reference", "comment": "Else?"},
            },
        },
        "evaluation": EVALUATION,
        "cohorts": {
            "2027": {
                "applications_open": "2027-01-11",
                "applications_close": "2027-02-12",
                "starts": "2027-03-01",
                "ends": "2027-11-30",
                "evaluation_opens": "2027-11-15",
                "evaluation_due": "2027-12-10",
            }
        },
    }
    return Program.model_validate(settings | changes)


PROGRAM = make_program()


def make_tab(form: Any, *rows: dict[str, str], name: str = "") -> SheetTab:
    """A tab with the form's headings and rows given by heading, from row 2 on."""
    headings = tuple(text for texts in list_questions(PROGRAM, form).values() for text in texts)
    return SheetTab(
        name or PROGRAM.forms[form].tab,
        headings,
        tuple(
            SheetRow(number, tuple(row.get(heading, "") for heading in headings))
            for number, row in enumerate(rows, 2)
        ),
    )
