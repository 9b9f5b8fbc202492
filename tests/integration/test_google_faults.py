"""The committee's desk at Google, with trouble at every call and a person's edit between any two: nothing is lost,
nothing doubled, and no cell of a person's is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from program_databases import SAMPLE
from pydantic import SecretStr
from stand_ins import google_faults
from stand_ins.google_books import Spreadsheet
from stand_ins.google_faults import LASTING, Fault, hang, too_many_requests
from stand_ins.google_sheets import Call, GoogleStandIn

from mentoring.desk import TABS, TabUpdate
from mentoring.program import GoogleSettings
from tasks import google_client
from tasks.google_pace import Pace
from tasks.google_requests import mark_column
from tasks.google_setup import set_up_committee
from tasks.google_sheets import GoogleSheets
from tasks.settings import Settings, load_settings
from tasks.sheets import SheetError

TAB = TABS["Matches"]
HEADINGS = TAB.list_headings()
MACHINE = TAB.list_headings("machine")
#: A column and a line that somebody added; the line has no reference.
OWN = "My thoughts"
OWN_LINE = ["", "ask Dee about the two below", *[""] * (len(HEADINGS) - 2), "mine"]

#: Nobody here waits for an answer that never comes, but for one test: a connection that is closed without one will do.
PASSING = tuple(replace(fault, seconds=0.02) for fault in google_faults.PASSING)
UNHEARD = tuple(replace(fault, seconds=0.02) for fault in google_faults.UNHEARD)

Row = dict[str, Any]
#: Rows with a reference, by heading, and what people wrote on lines without one.
Look = tuple[list[tuple[str, Row]], list[tuple[str, ...]]]


def make_row(reference: str, status: str) -> Row:
    filled = {heading: f"{heading} of {reference}" for heading in MACHINE}
    return {**filled, "Reference": reference, "Points": 80 + int(reference[2:]), "Status": status}


def make_line(reference: str) -> list[Any]:
    """A row as it was after an earlier run, with what people wrote in it."""
    people = {
        "Decision": "Hold",
        "Decided by": "Dee",
        "Note": f"note on {reference}",
        OWN: f"thought on {reference}",
    }
    row = {**make_row(reference, "proposed"), **people}
    return [row[heading] for heading in (*HEADINGS, OWN)]


#: Speaks of three rows that are there and two that are not; M-2 and M-5 are none of its business.
UPDATE = TabUpdate(
    TAB.name, [make_row(reference, "introduced") for reference in ("M-1", "M-3", "M-4", "M-6", "M-7")]
)
LINES = [[*HEADINGS, OWN], *(make_line(f"M-{number}") for number in range(1, 5)), OWN_LINE, make_line("M-5")]


@cache
def read_sample() -> Settings:
    return load_settings(SAMPLE)


@dataclass
class Desk:
    """The committee's spreadsheet at the stand-in, the backend that works on it, and what it waited."""

    google: GoogleStandIn
    folder: Path
    id: str
    slept: list[float] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        sample = read_sample()
        places = GoogleSettings(forms=self.id, committee=self.id)
        return replace(
            sample,
            folder=self.folder,
            sheets="google",
            program=sample.program.model_copy(update={"google": places}),
            google_service_account=SecretStr(self.google.service_account_json()),
            google_api_url=self.google.api_url,
        )

    @property
    def sheets(self) -> GoogleSheets:
        sheets = GoogleSheets(self.settings, self.slept.append)
        for client in (sheets.committee, sheets.forms):
            client._sleep = self.slept.append
        return sheets

    def fill(self) -> None:
        """Put the tab back as it was before the update."""
        book = self.google.spreadsheet(self.id)
        for tab in [tab for tab in book.tabs if tab.title != "Spare"]:
            book.remove_tab(tab)
        book.add_tab(TAB.name).paste(
            "A1", [["'" + cell if isinstance(cell, str) else cell for cell in row] for row in LINES]
        )
        self.google.faults.clear()
        self.google.remove_hooks()
        self.sheets.committee.write(
            [mark_column(book.tab(TAB.name).id, place) for place in range(len(LINES[0]))]
        )
        self.google.forget_calls()

    def look(self) -> Look:
        """Rows with a reference, by heading, and what people wrote on lines without one."""
        return read_tab(self.google.read(self.id, TAB.name))


def read_tab(lines: list[list[Any]]) -> Look:
    place = next((n for n, line in enumerate(lines) if "Reference" in line), 0)
    headings = lines[place]
    rows = [dict(zip(headings, line, strict=True)) for line in lines[place + 1 :]]
    keyed = [(row["Reference"], row) for row in rows if row["Reference"]]
    loose = [tuple(cell for cell in row.values() if cell != "") for row in rows if not row["Reference"]]
    others = [tuple(cell for cell in line if cell != "") for line in lines[:place]]
    return keyed, sorted(line for line in (*loose, *others) if line)


def expect(keyed: list[tuple[str, Row]], update: TabUpdate = UPDATE) -> list[tuple[str, Row]]:
    """Rows as they should be after the update: its machine cells, everything else as it was."""
    wanted = {row["Reference"]: row for row in update.rows}
    found = [(reference, {**row, **wanted.get(reference, {})}) for reference, row in keyed]
    here = {reference for reference, _ in keyed}
    blank = {heading: "" for _, row in keyed[:1] for heading in row}
    return found + [
        (reference, {**blank, **row}) for reference, row in wanted.items() if reference not in here
    ]


def order(rows: list[tuple[str, Row]]) -> list[tuple[str, list[tuple[str, Any]]]]:
    return sorted((reference, sorted(row.items())) for reference, row in rows)


@pytest.fixture(scope="module")
def google() -> Iterator[GoogleStandIn]:
    with GoogleStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def desk(google: GoogleStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # One client for the whole module, with one token; its quota is not what is tried here.
    monkeypatch.setattr(Pace, "wait_for_turn", lambda self, kind: None)
    monkeypatch.setattr(google_client, "FIRST_PAUSE", 0.0)
    desk = Desk(google, tmp_path, google.add_spreadsheet("Desk", {"Spare": []}))
    desk.fill()
    yield desk
    assert not google.violations


def name(fault: Fault) -> str:
    return fault.name


# -- without trouble


def test_what_the_other_tests_expect_is_what_happens(desk: Desk) -> None:
    before, lines = desk.look()
    desk.sheets.write_committee([UPDATE])
    after, lines_after = desk.look()
    assert order(after) == order(expect(before))
    assert [reference for reference, _ in after] == ["M-1", "M-2", "M-3", "M-4", "M-5", "M-6", "M-7"]
    assert lines_after == lines == [("ask Dee about the two below", "mine")]
    assert [call.kind for call in desk.google.calls] == ["read", "write", "read", "write", "read"]
    desk.google.forget_calls()
    desk.sheets.write_committee([UPDATE])
    assert [call.kind for call in desk.google.calls] == ["read"]


# -- faults

CALLS = range(1, 6)


@pytest.mark.parametrize("number", CALLS)
@pytest.mark.parametrize("fault", [*PASSING, *UNHEARD], ids=name)
def test_a_fault_that_passes(desk: Desk, fault: Fault, number: int) -> None:
    before, lines = desk.look()
    desk.google.faults.at(number, fault)
    desk.sheets.write_committee([UPDATE])
    assert desk.google.faults.left == 0
    assert desk.look() == (expect(before), lines)
    assert count_writes(desk) == 2


def count_writes(desk: Desk) -> int:
    """How many writes were carried out."""
    return sum(call.committed and call.kind == "write" for call in desk.google.calls)


@pytest.mark.parametrize("fault", [*PASSING, *UNHEARD], ids=name)
def test_the_same_fault_again_and_again(desk: Desk, fault: Fault) -> None:
    """Every call fails the first time, and each second one of its kind."""
    before, lines = desk.look()
    is_next_bad = {"read": True, "write": True}

    def is_first_try(call: Call) -> bool:
        is_bad, is_next_bad[call.kind] = is_next_bad[call.kind], not is_next_bad[call.kind]
        return is_bad

    desk.google.faults.at(is_first_try, fault, times=99)
    desk.sheets.write_committee([UPDATE])
    assert desk.look() == (expect(before), lines)
    assert count_writes(desk) == 2


@pytest.mark.parametrize("number", CALLS)
@pytest.mark.parametrize("fault", [hang(), hang().after_commit()], ids=name)
def test_an_answer_that_never_comes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: Fault, number: int
) -> None:
    before, lines = desk.look()
    sheets = desk.sheets
    monkeypatch.setattr(sheets.committee._http, "timeout", (2.0, 1.0))
    desk.google.faults.at(number, fault)
    sheets.write_committee([UPDATE])
    assert desk.google.faults.left == 0
    assert desk.look() == (expect(before), lines)


@pytest.mark.parametrize("number", CALLS)
@pytest.mark.parametrize("fault", LASTING, ids=name)
def test_a_fault_that_lasts_is_told_in_a_sentence(desk: Desk, fault: Fault, number: int) -> None:
    before, lines = desk.look()
    desk.google.faults.at(lambda call: call.number >= number, fault, times=99)
    with pytest.raises(SheetError) as raised:
        desk.sheets.write_committee([UPDATE])
    sentence = str(raised.value)
    assert sentence.endswith(".")
    assert "pread" in sentence or "API" in sentence
    assert "M-1" not in sentence
    new_rows = expect(before)[len(before) :]
    assert desk.look() == (
        before if number < 3 else before + new_rows if number < 5 else expect(before),
        lines,
    )
    desk.google.faults.clear()
    desk.sheets.write_committee([UPDATE])
    assert desk.look() == (expect(before), lines)


@pytest.mark.parametrize("fault", [*PASSING, *UNHEARD], ids=name)
def test_trouble_without_end_gives_up(desk: Desk, fault: Fault) -> None:
    before, lines = desk.look()
    desk.google.faults.always(fault)
    with pytest.raises(SheetError):
        desk.sheets.write_committee([UPDATE])
    assert desk.google.count_calls() <= 5
    assert desk.look() == (before, lines)


def test_a_limit_that_lasts_stops_writing_in_a_sentence(desk: Desk) -> None:
    before, lines = desk.look()
    desk.google.faults.at(lambda call: call.kind == "write", too_many_requests(), times=99)
    with pytest.raises(SheetError, match="limit of calls a minute is used up for"):
        desk.sheets.write_committee([UPDATE])
    assert [call.kind for call in desk.google.calls] == ["read", "write"] * 5
    assert desk.look() == (before, lines)


def test_google_says_how_long_to_wait(desk: Desk) -> None:
    desk.google.faults.at(1, too_many_requests(17))
    desk.sheets.write_committee([UPDATE])
    assert desk.slept
    assert desk.slept[0] >= 17


@pytest.mark.parametrize("fault", [*PASSING, *UNHEARD], ids=name)
def test_forms_are_read_in_spite_of_faults(desk: Desk, fault: Fault) -> None:
    whole = desk.sheets.read_forms([TAB.name])
    desk.google.forget_calls()
    desk.google.faults.at(lambda call: call.number <= 2, fault, times=2)
    assert desk.sheets.read_forms([TAB.name]) == whole
    assert desk.google.count_calls("write") == 0


@pytest.mark.parametrize(
    ("fault", "number"),
    [(PASSING[3], 1), *((fault, 2) for fault in (PASSING[3], PASSING[-1], *UNHEARD))],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_setting_up_is_done_once_in_spite_of_faults(desk: Desk, fault: Fault, number: int) -> None:
    desk.google.edit(desk.id, lambda book: book.remove_tab(book.tab(TAB.name)))
    desk.google.faults.at(number, fault)
    set_up_committee(desk.settings, desk.slept.append)
    titles = [tab.title for tab in desk.google.spreadsheet(desk.id).tabs]
    assert set(titles) > set(TABS)
    assert len(set(titles)) == len(titles) == len(TABS) + 1
    assert [desk.google.read(desk.id, tab)[0] for tab in TABS] == [
        tab.list_headings() for tab in TABS.values()
    ]
    desk.google.forget_calls()
    assert set_up_committee(desk.settings) == []
    assert [call.kind for call in desk.google.calls] == ["read"]


# -- people

Edit = Callable[[Spreadsheet], object]

ROW_EDITS: Mapping[str, Edit] = {
    "sort by reference, falling": lambda book: book.tab(TAB.name).sort("A", descending=True),
    "sort by the last column": lambda book: book.tab(TAB.name).sort("M", descending=True),
    "sort by status": lambda book: book.tab(TAB.name).sort("H"),
    "insert a line in the middle": lambda book: book.tab(TAB.name).insert_rows(3),
    "insert lines below the headings": lambda book: book.tab(TAB.name).insert_rows(2, 2),
    "delete a row that the update speaks of": lambda book: book.tab(TAB.name).delete_rows(2),
    "delete a row that it doesn't speak of": lambda book: book.tab(TAB.name).delete_rows(3),
    "delete the last rows": lambda book: book.tab(TAB.name).delete_rows(6, 2),
    "drag a row up": lambda book: book.tab(TAB.name).move_rows(5, to=2),
    "drag rows down": lambda book: book.tab(TAB.name).move_rows(2, to=8, count=2),
    "write a line at the end": lambda book: book.tab(TAB.name).add_row(["", "one more thing"]),
    "decide": lambda book: book.tab(TAB.name).paste("J2", [["Approve", "Eve", "at last"]]),
    "take a decision back": lambda book: book.tab(TAB.name).clear("J2:M3"),
    "filter": lambda book: book.tab(TAB.name).set_filter("A1:M7", hidden={"J": ["Hold"]}),
    "copy a row": lambda book: book.tab(TAB.name).add_row(book.tab(TAB.name).list_values()[3]),
}
COLUMN_EDITS: Mapping[str, Edit] = {
    "insert a column at the left": lambda book: book.tab(TAB.name).insert_columns("A"),
    "insert a column in the middle": lambda book: book.tab(TAB.name).insert_columns("F", 2),
    "insert a column before theirs": lambda book: book.tab(TAB.name).insert_columns("J"),
    "delete their own column": lambda book: book.tab(TAB.name).delete_columns("M"),
    "drag their columns to the left": lambda book: book.tab(TAB.name).move("COLUMNS", 9, 3, 1),
    "drag their column to the middle": lambda book: book.tab(TAB.name).move("COLUMNS", 12, 1, 5),
    "rename their column": lambda book: book.tab(TAB.name).type("M1", "Our thoughts"),
}
EDITS = {**ROW_EDITS, **COLUMN_EDITS}


@dataclass
class Person:
    """Somebody who edits right before certain calls, and knows what the desk looked like then."""

    desk: Desk
    edits: Mapping[int, Edit]
    seen: Look | None = None

    def __call__(self, call: Call) -> None:
        if edit := self.edits.get(call.number):
            self.edit(edit)

    def edit(self, edit: Edit) -> None:
        self.desk.google.edit(self.desk.id, edit)
        if self.desk.google.spreadsheet(self.desk.id).has(TAB.name):
            self.seen = self.desk.look()

    def check_outcome(self) -> None:
        """The desk is as they saw it last, but for what the update asks for."""
        assert self.seen is not None
        keyed, lines = self.seen
        rows, lines_after = self.desk.look()
        assert order(rows) == order(expect(keyed))
        assert lines_after == lines


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("edit", EDITS)
def test_a_person_edits_between_two_calls(desk: Desk, edit: str, number: int) -> None:
    person = Person(desk, {number: EDITS[edit]})
    desk.google.on_call(person)
    desk.sheets.write_committee([UPDATE])
    person.check_outcome()


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize(("one", "other"), list(pairwise([*ROW_EDITS, *ROW_EDITS][: len(ROW_EDITS) + 1])))
def test_two_members_edit_at_once(desk: Desk, one: str, other: str, number: int) -> None:
    def edit_both(book: Spreadsheet) -> None:
        ROW_EDITS[one](book)
        ROW_EDITS[other](book)

    person = Person(desk, {number: edit_both})
    desk.google.on_call(person)
    desk.sheets.write_committee([UPDATE])
    person.check_outcome()


@pytest.mark.parametrize("edit", EDITS)
def test_a_person_edits_while_the_answer_is_lost(desk: Desk, edit: str) -> None:
    person = Person(desk, {2: EDITS[edit]})
    desk.google.on_call(person)
    desk.google.faults.at(2, UNHEARD[0])
    desk.sheets.write_committee([UPDATE])
    person.check_outcome()


@pytest.mark.parametrize("edit", EDITS)
def test_a_person_edits_while_google_makes_us_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    """What is written after the pause is about the tab as it stands then: nothing has to be mended."""
    desk.google.faults.at(2, too_many_requests(30))
    sheets, person = desk.sheets, Person(desk, {})

    def wait(seconds: float) -> None:
        desk.slept.append(seconds)
        person.edit(EDITS[edit])

    monkeypatch.setattr(sheets.committee, "_sleep", wait)
    sheets.write_committee([UPDATE])
    assert desk.slept == [30]
    assert [call.kind for call in desk.google.calls] == ["read", "write"] + ["read", "write"] * 2 + ["read"]
    person.check_outcome()


@pytest.mark.parametrize(
    "edit", ["sort by reference, falling", "drag a row up", "insert a line in the middle"]
)
def test_somebody_who_never_stops(desk: Desk, edit: str) -> None:
    """With an edit before every call the write ends, well or in a sentence, and people's cells are theirs.

    What may be left until a run in calmer times is a word of ours: in a machine column of a row that the update doesn't
    speak of, or on a line that people inserted.
    """
    before, lines = desk.look()
    desk.google.on_call(lambda call: desk.google.edit(desk.id, EDITS[edit]))
    with suppress(SheetError):
        desk.sheets.write_committee([UPDATE])
    assert desk.google.count_calls() <= 20
    desk.google.remove_hooks()
    desk.sheets.write_committee([UPDATE])
    rows, lines_after = desk.look()
    assert order(list(map(blank_others, rows))) == order(list(map(blank_others, expect(before))))
    assert set(lines) <= set(lines_after)
    assert set(lines_after) - set(lines) <= {("proposed",), ("introduced",)}


def list_peoples(lines: list[list[Any]]) -> list[tuple[Any, ...]]:
    """What people wrote, by the reference of its row; rows in which they wrote nothing are left out."""
    keyed, loose = read_tab(lines)
    theirs = [
        (reference, *(row[heading] for heading in (*TAB.list_headings("people"), OWN) if heading in row))
        for reference, row in keyed
    ]
    own_lines = [tuple(cell for cell in line if cell not in ("proposed", "introduced")) for line in loose]
    return sorted([*(row for row in theirs if any(row[1:])), *(line for line in own_lines if "mine" in line)])


def write_among_edits(desk: Desk, choose: Callable[[], str | None]) -> int:
    """Write while somebody makes the chosen edit before every call, and once more after; returns the calls before.

    People's cells are then as in a copy of the spreadsheet where the software never wrote.
    """
    twin = desk.google.spreadsheet(desk.id).copy()

    def edit_both(call: Call) -> None:
        if edit := choose():
            desk.google.edit(desk.id, EDITS[edit])
            EDITS[edit](twin)

    desk.google.on_call(edit_both)
    with suppress(SheetError):
        desk.sheets.write_committee([UPDATE])
    desk.google.remove_hooks()
    calls = desk.google.count_calls()
    desk.sheets.write_committee([UPDATE])
    assert list_peoples(desk.google.read(desk.id, TAB.name)) == list_peoples(twin.tab(TAB.name).list_values())
    return calls


@pytest.mark.parametrize("edit", EDITS)
def test_with_an_edit_at_every_call_peoples_cells_are_as_if_the_software_were_not_there(
    desk: Desk, edit: str
) -> None:
    assert write_among_edits(desk, lambda: edit) <= 20


@pytest.mark.parametrize("edit", EDITS)
def test_who_stops_when_the_software_pauses_finds_everything_as_it_belongs(desk: Desk, edit: str) -> None:
    write_among_edits(desk, lambda: None if desk.slept else edit)


#: What these do in the copy does not depend on what the software wrote, as sorting by status does.
NEUTRAL = [edit for edit in EDITS if not edit.startswith(("sort", "delete", "copy", "rename"))]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.sampled_from([None, *NEUTRAL]), min_size=1, max_size=15))
def test_whatever_people_do_between_calls_their_cells_are_as_if_the_software_were_not_there(
    desk: Desk, edits: list[str | None]
) -> None:
    desk.fill()
    left = iter(edits)
    write_among_edits(desk, lambda: next(left, None))


@pytest.mark.parametrize("edit", [edit for edit in COLUMN_EDITS if edit != "rename their column"])
def test_a_column_that_is_added_takes_no_other_ones_place(desk: Desk, edit: str) -> None:
    desk.google.edit(desk.id, lambda book: book.tab(TAB.name).delete_columns("I"))
    edits = iter([None, edit])
    write_among_edits(desk, lambda: next(edits, None))
    headings = desk.google.read(desk.id, TAB.name)[0]
    assert set(headings) - {"", OWN} == set(HEADINGS)
    assert len([heading for heading in headings if heading in HEADINGS]) == len(HEADINGS)


def blank_others(row: tuple[str, Row]) -> tuple[str, Row]:
    reference, cells = row
    spoken_of = reference in {wanted["Reference"] for wanted in UPDATE.rows}
    return reference, cells if spoken_of else {**cells, **dict.fromkeys(MACHINE, "")}


OUT_OF_PLACE: Mapping[str, tuple[Edit, Edit, str]] = {
    "a tab with another name": (
        lambda book: book.tab(TAB.name).rename("Pairs"),
        lambda book: book.tab("Pairs").rename(TAB.name),
        "no tab “Matches”",
    ),
    "a line above the headings": (
        lambda book: book.tab(TAB.name).insert_rows(1),
        lambda book: book.tab(TAB.name).delete_rows(1),
        "the first row has no heading “Reference”",
    ),
    "another heading": (
        lambda book: book.tab(TAB.name).type("A1", "Number"),
        lambda book: book.tab(TAB.name).type("A1", "Reference"),
        "the first row has no heading “Reference”",
    ),
    "a heading twice": (
        lambda book: book.tab(TAB.name).type("N1", "Note"),
        lambda book: book.tab(TAB.name).clear("N1"),
        "two columns are named “Note”",
    ),
}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("change", OUT_OF_PLACE)
def test_what_is_out_of_place_is_told_in_a_sentence(desk: Desk, change: str, number: int) -> None:
    before, lines = desk.look()
    do, undo, words = OUT_OF_PLACE[change]
    desk.google.on_call(Person(desk, {number: do}))
    with pytest.raises(SheetError, match=words):
        desk.sheets.write_committee([UPDATE])
    desk.google.remove_hooks()
    desk.google.edit(desk.id, undo)
    desk.sheets.write_committee([UPDATE])
    rows, lines_after = desk.look()
    assert order(rows) == order(expect(before))
    assert lines_after == lines


@dataclass
class PatientPerson(Person):
    """Somebody who edits from the given calls on, once what the software did by mistake has been mended."""

    waiting: list[tuple[int, Edit]] = field(default_factory=list)

    def __call__(self, call: Call) -> None:
        if self.waiting and call.number >= self.waiting[0][0] and self.is_mended():
            self.edit(self.waiting.pop(0)[1])

    def is_mended(self) -> bool:
        if self.seen is None:
            return True
        mine = [row for row in order(expect(self.seen[0])) if row[0] in ("M-2", "M-5")]
        rows, lines = self.desk.look()
        theirs = [row for row in order(rows) if row[0] in ("M-2", "M-5")]
        people = order(
            [(reference, {**row, **dict.fromkeys(MACHINE, "")}) for reference, row in rows if row["Decision"]]
        )
        expected = [
            (reference, {**row, **dict.fromkeys(MACHINE, "")})
            for reference, row in self.seen[0]
            if row["Decision"]
        ]
        return mine == theirs and lines == self.seen[1] and people == order(expected)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(st.tuples(st.integers(1, 7), st.sampled_from(sorted(ROW_EDITS))), min_size=1, max_size=3),
    faults=st.dictionaries(st.integers(1, 7), st.sampled_from([*PASSING[:5], *UNHEARD[:3]]), max_size=2),
)
def test_edits_and_faults_together(
    desk: Desk, edits: list[tuple[int, str]], faults: dict[int, Fault]
) -> None:
    desk.fill()
    person = PatientPerson(desk, {}, waiting=[(number, EDITS[edit]) for number, edit in sorted(edits)])
    desk.google.on_call(person)
    for number, fault in faults.items():
        desk.google.faults.at(number, fault)
    start = desk.look()
    desk.sheets.write_committee([UPDATE])
    note(f"calls: {[(call.method, call.status, call.committed) for call in desk.google.calls]}")
    keyed, lines = person.seen or start
    rows, lines_after = desk.look()
    assert order(rows) == order(expect(keyed))
    assert lines_after == lines
