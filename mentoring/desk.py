"""The committee's desk: every tab of the committee spreadsheet, its columns, who writes which, its words.

Belongs here: names of tabs and headings, choices, explanations, and the values in which sheets are read and
written. Does not belong here: how a cell reaches a file or Google (`tasks`), and what is decided from it (the
rules' modules).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Cell = str | int


@dataclass(frozen=True)
class Column:
    """One column of a tab.

    `owner` says who writes it: "machine" (the software) or "people" (the committee). `choices` become a
    dropdown, `note` explains the heading, `width` is in characters.
    """

    heading: str
    owner: Literal["machine", "people"] = "machine"
    width: int = 18
    choices: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Tab:
    """One tab: its name, the headings that together identify a row, its columns, machine columns first."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def list_headings(self, owner: Literal["machine", "people"] | None = None) -> list[str]:
        """Headings in order, of one owner or of both."""
        return [column.heading for column in self.columns if owner in (None, column.owner)]


@dataclass(frozen=True)
class SheetRow:
    """One row as read: its number in the sheet (headings are row 1), its cells as trimmed text by heading."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class SheetTab:
    """One tab as read: headings as they stand (blank and doubled ones too), rows that are not blank."""

    name: str
    headings: tuple[str, ...]
    rows: tuple[SheetRow, ...] = ()

    def read_rows(self) -> list[dict[str, str]]:
        """Rows as dicts by heading, the row's number under ""; the first of doubled headings counts."""
        places = {heading: place for place, heading in reversed(list(enumerate(self.headings))) if heading}
        return [
            {"": str(row.number)} | {heading: row.cells[place] for heading, place in places.items()}
            for row in self.rows
        ]


@dataclass(frozen=True)
class TabUpdate:
    """Machine cells to write on one tab: rows by heading, each with the tab's key headings.

    A row whose key is on the tab is updated in place, others are appended in this order. With
    `remove_missing`, rows whose key is not among `rows` are removed (only tabs on which people write
    nothing). Columns of people are never written, except that an appended row may carry their first value in
    `people`.
    """

    tab: str
    rows: Sequence[Mapping[str, Cell]]
    remove_missing: bool = False
    people: Mapping[tuple[str, ...], Mapping[str, Cell]] = field(default_factory=dict)


def is_shown(tab: SheetTab, update: TabUpdate) -> bool:
    """Whether the tab, as it was read, already shows every machine cell of the update."""
    headings = TABS[update.tab].list_headings()
    if any(tab.headings.count(heading) != 1 for heading in headings):
        return False
    key = TABS[update.tab].key
    shown = {tuple(row[heading] for heading in key): row for row in tab.read_rows()}
    if len(shown) != len(tab.rows) or (update.remove_missing and len(shown) != len(update.rows)):
        return False
    rows = ((shown.get(tuple(str(row[heading]) for heading in key)), row) for row in update.rows)
    return all(
        old is not None and all(old[name] == str(cell) for name, cell in new.items()) for old, new in rows
    )


def _person(heading: str, width: int, note: str = "", choices: tuple[str, ...] = ()) -> Column:
    return Column(heading, "people", width, choices, note)


_REFERENCE = Column(
    "Reference", width=17, note="The software finds the row by this. Please leave it as it is."
)
_DECIDED_BY = _person("Decided by", 16, "Your name or initials, so that the committee knows whom to ask.")
_NOTE = _person("Note", 40, "Anything the committee wants to remember. The software never reads it.")

MATCH_DECISIONS = ("Approve", "Reject", "Hold")
REQUEST_DECISIONS = ("Confirm", "Decline")
MESSAGE_DECISIONS = ("Resend", "Leave")
RULES = ("Must pair", "Never pair", "What if")

TABS: Mapping[str, Tab] = {
    tab.name: tab
    for tab in (
        Tab(
            "Program",
            ("Setting",),
            (
                Column("Setting", width=28),
                Column("What it means", width=60),
                Column("In force", width=16, note="The value that the software works with now."),
                Column(
                    "Problem", width=40, note="Why the value beside it was not taken, and how to mend it."
                ),
                _person(
                    "Value",
                    18,
                    "Write here to change the setting. Empty: the value that the cohort began with holds.",
                ),
            ),
        ),
        Tab(
            "Applications",
            ("Reference",),
            (
                _REFERENCE,
                Column("Role", width=9),
                Column("Name", width=24),
                Column("E-mail", width=30),
                Column("Institution", width=28),
                Column("Applied on", width=12),
                Column("Status", width=16),
                Column("What to fix", width=70),
            ),
        ),
        Tab(
            "Rules",
            ("Rule", "Mentor", "Mentee"),
            (
                Column("Problem", width=40, note="Why a rule could not be used, and how to mend it."),
                Column(
                    "Answer",
                    width=50,
                    note="To a What if: what it would cost, and who else would move. The next proposal answers it.",
                ),
                _person(
                    "Rule",
                    14,
                    "Must pair: these two belong together. Never pair: never these two. What if: decides nothing, "
                    "only asks what pairing the two would cost.",
                    RULES,
                ),
                _person("Mentor", 30, "The mentor's e-mail address, or the name as on the Applications tab."),
                _person("Mentee", 30, "The mentee's e-mail address, or the name as on the Applications tab."),
                _NOTE,
            ),
        ),
        Tab(
            "Matches",
            ("Reference",),
            (
                _REFERENCE,
                Column("Mentor", width=26),
                Column("Mentee", width=26),
                Column("Points", width=8, note="How well the two fit by the program's weights."),
                Column("Why", width=60),
                Column("Watch out", width=40),
                Column(
                    "Runner-ups",
                    width=50,
                    note="The next best choices, and what each would cost in total points.",
                ),
                Column("Status", width=22),
                Column("To do", width=40, note="What the software needs from you in this row."),
                _person(
                    "Decision",
                    12,
                    "Approve: introduce the two. Reject: never propose these two again. Hold: keep the two "
                    "together for now, but do not introduce them yet.",
                    MATCH_DECISIONS,
                ),
                _DECIDED_BY,
                _NOTE,
            ),
        ),
        Tab(
            "Unmatched",
            ("Reference",),
            (
                _REFERENCE,
                Column("Name", width=26),
                Column("Role", width=9),
                Column("Why", width=60),
                Column("Smallest change", width=60, note="The least that would have to change for a match."),
            ),
        ),
        Tab(
            "Topics",
            ("Month",),
            (
                Column("Problem", width=40, note="Why the topic can't be sent, and how to mend it."),
                _person("Month", 12, "Year and month, like 2027-03."),
                _person("Topic", 34, "What the month is about."),
                _person("Prompts", 70, "Questions to talk about, one per line."),
                _person("Links", 44, "Addresses of pages worth reading, one per line."),
            ),
        ),
        Tab(
            "Requests",
            ("Reference",),
            (
                _REFERENCE,
                Column("Received", width=12),
                Column("From", width=26),
                Column("Role", width=9),
                Column("Partner", width=26),
                Column("Request", width=24),
                Column("In their words", width=50),
                Column("Status", width=16),
                Column("To do", width=50),
                _person(
                    "Decision",
                    12,
                    "Confirm: the match ends, the other side is told, and a new match is looked for; or it pauses or "
                    "goes on, as asked, and both are told. Decline: nothing changes.",
                    REQUEST_DECISIONS,
                ),
                _DECIDED_BY,
                _NOTE,
            ),
        ),
        Tab(
            "Check-ins",
            ("Reference",),
            (
                _REFERENCE,
                Column("Mentor", width=26),
                Column("Mentee", width=26),
                Column("Introduced", width=12),
                Column("Last contact", width=14),
                Column("Signal", width=34),
                Column("Next step", width=50),
                _NOTE,
            ),
        ),
        Tab(
            "Messages",
            ("Reference",),
            (
                replace(_REFERENCE, width=23),
                Column("To", width=26),
                Column("Message", width=26),
                Column("Status", width=14),
                Column("What happened", width=50),
                Column("To do", width=50),
                _person(
                    "Decision",
                    12,
                    "Resend: send it once more, as a new message. Leave: nothing more is sent.",
                    MESSAGE_DECISIONS,
                ),
            ),
        ),
        Tab(
            "Evaluation",
            ("Figure", "Group"),
            (
                Column("Figure", width=60),
                Column("Group", width=12),
                Column("Value", width=14),
                Column("Answers", width=10, note="How many answers the value rests on."),
                Column("Note", width=50),
            ),
        ),
    )
}


def name_advice(cohort_id: str) -> str:
    """How the references of a cohort's advice on whom to recruit begin, on the `Unmatched` tab."""
    return f"{cohort_id}-wanted-"
