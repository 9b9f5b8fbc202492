"""The committee's desk and the forms with Google: the same rules as for workbooks, whatever people do meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from google_program import StandInHands, add_desk, add_forms, make_settings, read_tab, with_ids
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from stand_ins.google_cells import Formula, keep
from stand_ins.google_faults import PASSING, UNHEARD, unavailable
from stand_ins.google_sheets import GoogleStandIn

from deployments.checkup import check_program
from deployments.people_at_work import WorkbookHands
from deployments.program_folders import init_program
from mentoring.desk import TABS, Cell, SheetTab, TabUpdate, is_shown
from tasks import google_client, google_pace, google_sheets
from tasks.google_looks import PROTECTION
from tasks.google_setup import set_up_committee
from tasks.google_sheets import GoogleSheets
from tasks.local_workbooks import LocalWorkbooks, create_committee_workbook
from tasks.settings import Settings
from tasks.sheets import SheetError


@pytest.fixture(scope="module")
def server() -> Iterator[GoogleStandIn]:
    with GoogleStandIn() as google:
        yield google


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_client, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(google_sheets, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(google_client, "TIMEOUTS", (10.0, 60.0))
    monkeypatch.setattr(google_pace, "CALLS_A_MINUTE", 10_000)
    google_client._open_http.cache_clear()


@pytest.fixture
def google(server: GoogleStandIn) -> Iterator[GoogleStandIn]:
    yield server
    server.remove_hooks()
    server.faults.clear()
    server.forget_calls()
    server.quota = None
    violations, server.violations = server.violations, []
    assert not violations


@pytest.fixture
def settings(google: GoogleStandIn, tmp_path: Path) -> Settings:
    return make_settings(google, tmp_path, add_forms(google), add_desk(google))


def desk_of(settings: Settings) -> str:
    assert settings.program.google
    return settings.program.google.committee


def make_matches(*references: str, status: str = "Proposed") -> TabUpdate:
    rows: list[Mapping[str, Cell]] = [
        {
            "Reference": ref,
            "Mentor": f"Mentor of {ref}",
            "Points": 80,
            "Status": status,
            "To do": f"Decide {ref}",
        }
        for ref in references
    ]
    return TabUpdate("Matches", rows)


def write(settings: Settings, *updates: TabUpdate) -> None:
    GoogleSheets(settings, sleep=lambda seconds: None).write_committee(updates)


# --- reading --------------------------------------------------------------------------------------------------------


def test_cells_are_read_as_the_text_that_people_see(google: GoogleStandIn, tmp_path: Path) -> None:
    typed: list[Any] = [
        7,
        3.0,
        0.1 + 0.2,
        18085550100,
        1e21,
        "007",
        " +1 808\u00a0",
        True,
        False,
        "#REF!",
        "=1+1",
    ]
    typed += [
        datetime(2027, 1, 12, 9, 14, 3),
        date(2027, 3, 1),
        datetime(2027, 3, 1, 8),
        time(9, 5),
        "a\r\nb",
    ]
    typed += [
        keep(2139, "en_US", {"numberFormat": {"type": "NUMBER", "pattern": "00000"}}),
        Formula("=7700900123"),
    ]
    typed += [keep(1.5, "en_US", {"numberFormat": {"type": "TIME", "pattern": "[h]:mm:ss"}})]
    typed += [keep(10**9, "en_US", {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm-dd"}})]
    headings = [f"Q{number}" for number in range(len(typed))]
    book = add_forms(google, {"Answers": [headings]})
    for column, value in enumerate(typed):
        cell = value if hasattr(value, "entered") else keep(value, "en_US")
        google.edit(book, lambda found, c=column, v=cell: found.tab("Answers").put(1, c, v))
    backend = GoogleSheets(make_settings(google, tmp_path, book, book))
    (row,) = backend.read_forms(["Answers"])["Answers"].rows
    assert row.cells == (
        *(
            "7",
            "3",
            "0.3",
            "18085550100",
            "1000000000000000000000",
            "007",
            "+1 808",
            "TRUE",
            "FALSE",
            "#REF!",
            "=1+1",
        ),
        *("2027-01-12 09:14:03", "2027-03-01", "2027-03-01 08:00:00", "09:05:00", "a\nb"),
        *("02139", "7700900123", "36:00:00", "1000000000"),
    )


def test_any_number_of_forms_is_read_in_two_calls_at_most(google: GoogleStandIn, settings: Settings) -> None:
    google.forget_calls()
    tabs = [form.tab for form in settings.program.forms.values()]
    assert list(GoogleSheets(settings).read_forms([*tabs, "Nowhere"])) == tabs
    assert google.count_calls() <= 2


def test_blank_rows_inserted_columns_and_blank_tabs_are_fine(google: GoogleStandIn, tmp_path: Path) -> None:
    rows = [
        ["Name ", None, "Name", ""],
        ["Ada", None, "B", None],
        [None, "  "],
        [],
        ["Bo", None, None, "x"],
        [],
        [""],
    ]
    book = add_forms(google, {"Answers": rows, "Blank": []})
    tabs = GoogleSheets(make_settings(google, tmp_path, book, book)).read_forms(
        [" answers", "Blank", "Nowhere"]
    )
    assert tabs[" answers"].headings == ("Name", "", "Name", "")
    found = [(row.number, row.cells) for row in tabs[" answers"].rows]
    assert found == [(2, ("Ada", "", "B", "")), (5, ("Bo", "", "", "x"))]
    assert (tabs["Blank"].headings, tabs["Blank"].rows) == ((), ())
    assert "Nowhere" not in tabs


@pytest.mark.parametrize(
    "zone, told",
    [
        ("America/New_York", "2027-01-12 09:14:03"),
        ("America/Los_Angeles", "2027-01-12 12:14:03"),
        ("Asia/Tokyo", "2027-01-11 19:14:03"),
        ("Etc/GMT", "2027-01-12 04:14:03"),
        ("GMT-05:00", "2027-01-12 09:14:03"),
    ],
)
def test_time_stamps_are_told_in_the_programs_time_zone(
    google: GoogleStandIn, tmp_path: Path, zone: str, told: str
) -> None:
    rows = [["When", "Day"], [datetime(2027, 1, 12, 9, 14, 3), date(2027, 3, 1)]]
    book = google.add_spreadsheet("Forms", {"Answers": rows}, time_zone=zone)
    backend = GoogleSheets(make_settings(google, tmp_path, book, book))
    assert backend.read_forms(["Answers"])["Answers"].rows[0].cells == (told, "2027-03-01")
    assert backend.read_committee(["Answers"])["Answers"].rows[0].cells[0] == "2027-01-12 09:14:03"


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.none(),
                st.text("ab0=' \n\u00a0é", max_size=5),
                st.integers(-(10**12), 10**12),
                st.booleans(),
                st.floats(-1e6, 1e6).map(lambda x: round(x, 6)),
                st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
                    lambda x: x.replace(microsecond=0)
                ),
                st.dates(date(1990, 1, 1), date(2100, 1, 1)),
            ),
            max_size=4,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_both_backends_read_a_tab_alike(
    server: GoogleStandIn, tmp_path_factory: Any, rows: list[list[Any]]
) -> None:
    import openpyxl

    folder = tmp_path_factory.mktemp("alike")
    workbook = openpyxl.Workbook()
    workbook.active.title = "Answers"
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            cell = workbook.active.cell(number, column)
            cell.value = value
            if isinstance(value, str) and value:
                cell.data_type = "s"
    workbook.save(folder / "forms.xlsx")
    book = server.add_spreadsheet("Forms", {"Answers": rows})
    settings = make_settings(server, folder, book, book)
    [local] = LocalWorkbooks(folder, settings.program.zone).read_forms(["Answers"]).values()
    [remote] = GoogleSheets(settings).read_forms(["Answers"]).values()
    assert remote == local


# --- writing --------------------------------------------------------------------------------------------------------

NASTY = (
    *(
        "007",
        "02139",
        "1e5",
        "1,5",
        "TRUE",
        "2027-03",
        "#REF!",
        "=1+1",
        "+1 808 555 0100",
        "-Interested",
        "@here",
    ),
    *("\t=1", "\n=1", " =1", "＝1", "'=1", "a\r\nb\rc\nd", "bell\x07 and \x00", "_x0041_ and _x000D_"),
    *("Зоряна <b>&amp;</b> 佐藤 😀", "ends in spaces  ", "lone \ud800 half", "x" * 40_000),
)


def test_nasty_values_stay_the_text_they_were_and_are_not_written_again(
    google: GoogleStandIn, settings: Settings
) -> None:
    update = TabUpdate(
        "Applications", [{"Reference": f"A-{n}", "Name": text} for n, text in enumerate(NASTY)]
    )
    write(settings, update)
    google.forget_calls()
    write(settings, update)
    assert [call.kind for call in google.calls] == ["read"]
    kept = [row[2] for row in google.read(desk_of(settings), "Applications")[1:]]
    assert [type(value) for value in kept] == [str] * len(NASTY)
    assert kept[7] == "=1+1"
    assert len(kept[-1]) == 32_767


def test_a_whole_update_takes_three_reads_and_two_writes_at_most(
    google: GoogleStandIn, settings: Settings
) -> None:
    updates = [
        make_matches("M-1", "M-2"),
        TabUpdate("Evaluation", [{"Figure": "Answers", "Group": "all", "Value": "=x", "Answers": 3}], True),
        TabUpdate("Topics", [{"Month": "2027-03", "Problem": ""}], people={("2027-03",): {"Topic": "Hello"}}),
    ]
    google.forget_calls()
    write(settings, *updates)
    assert google.count_calls("read") <= 3
    assert google.count_calls("write") <= 2
    tabs = GoogleSheets(settings).read_committee([update.tab for update in updates])
    assert all(is_shown(tabs[update.tab], update) for update in updates)
    assert read_tab(settings, "Topics")[0]["Topic"] == "Hello"


def test_a_tab_that_somebody_made_gets_the_marks_of_its_columns_on_the_way(
    google: GoogleStandIn, settings: Settings
) -> None:
    headings = TABS["Matches"].list_headings()
    google.edit(desk_of(settings), lambda book: book.tab("Matches").paste("A1", [headings, ["M-1"]]))
    google.spreadsheet(desk_of(settings)).metadata.clear()
    google.forget_calls()
    write(settings, make_matches("M-1", "M-2"))
    assert [call.kind for call in google.calls] == ["read", "write"] * 2 + ["read"]
    marks = google.spreadsheet(desk_of(settings)).metadata
    places = {item["location"]["dimensionRange"]["startIndex"] for item in marks}
    assert places >= set(range(len(headings)))
    google.forget_calls()
    changed = make_matches("M-1", "M-2")
    write(settings, replace(changed, rows=[{**row, "Status": "ended"} for row in changed.rows]))
    assert [call.kind for call in google.calls] == ["read", "write", "read"]
    assert len(google.spreadsheet(desk_of(settings)).metadata) == len(marks)
    assert {row["Status"] for row in read_tab(settings, "Matches")} == {"ended"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fresh") / "committee.xlsx"
    create_committee_workbook(path)
    return path


def without_numbers(tab: SheetTab) -> list[tuple[str, ...]]:
    return [tab.headings, *(row.cells for row in tab.rows)]


def test_both_backends_end_up_the_same_cell_by_cell(
    google: GoogleStandIn, settings: Settings, fresh: Path
) -> None:
    shutil.copy(fresh, settings.folder / "committee.xlsx")
    local = LocalWorkbooks(settings.folder, settings.program.zone)
    remote = GoogleSheets(settings)
    hands = [WorkbookHands(settings.folder, settings.program), StandInHands(google, settings)]
    figures = [{"Figure": f"F{n}", "Group": "all", "Value": str(n), "Answers": n} for n in range(6)]
    for backend, people in zip((local, remote), hands, strict=True):
        backend.write_committee([make_matches("M-1", "M-2", "M-3"), TabUpdate("Evaluation", figures, True)])
        people.edit_committee_rows("Matches", {("M-2",): {"Decision": "Approve", "Note": "=SUM(1)"}})
        people.append_committee_rows(
            "Matches", [{"Reference": "M-2", "Note": "copied"}, {"Note": "a line of ours"}]
        )
        people.append_committee_rows("Rules", [{"Rule": "Must pair", "Mentor": "a", "Mentee": "b"}])
        people.append_committee_rows("Topics", [{"Month": "2027-03", "Topic": "One"}, {"Month": "2027-04"}])
        backend.write_committee(
            [
                make_matches("M-2", "M-4", "M-1", status="Approved"),
                TabUpdate("Evaluation", [*figures[4:], *figures[:2]], True),
                TabUpdate("Rules", [{"Rule": "Must pair", "Mentor": "a", "Mentee": "b", "Problem": "Who?"}]),
                TabUpdate(
                    "Topics",
                    [{"Month": "2027-04", "Problem": "No topic."}, {"Month": "2027-09", "Problem": ""}],
                    people={("2027-05",): {"Topic": "unused"}},
                ),
            ]
        )
        backend.write_committee([TabUpdate("Unmatched", [{"Reference": "A-1", "Name": "x"}], True)])
        backend.write_committee([TabUpdate("Unmatched", [], True)])
    written, told = local.read_committee(list(TABS)), remote.read_committee(list(TABS))
    assert {name: without_numbers(tab) for name, tab in told.items()} == {
        name: without_numbers(tab) for name, tab in written.items()
    }
    assert len(told["Matches"].rows) == 6


def test_a_blank_tab_is_laid_out_and_a_full_grid_grows(google: GoogleStandIn, settings: Settings) -> None:
    google.edit(desk_of(settings), lambda book: book.remove_tab(book.tab("Unmatched")))
    google.edit(desk_of(settings), lambda book: book.add_tab("Unmatched", 1, 1))
    write(
        settings, TabUpdate("Unmatched", [{"Reference": f"A-{n}", "Name": str(n)} for n in range(120)], True)
    )
    tab = google.spreadsheet(desk_of(settings)).tab("Unmatched")
    assert [row["Name"] for row in read_tab(settings, "Unmatched")] == [str(n) for n in range(120)]
    assert tab.grid["frozenRowCount"] == 1
    assert tab.cell(119, 1).format["wrapStrategy"] == "WRAP"
    write(settings, TabUpdate("Unmatched", [], True))
    assert read_tab(settings, "Unmatched") == []


def test_a_lost_heading_a_doubled_one_and_a_missing_tab_are_said(
    google: GoogleStandIn, settings: Settings
) -> None:
    book = desk_of(settings)
    write(settings, make_matches("M-1"))
    google.edit(book, lambda found: found.tab("Matches").type("A1", "Ref"))
    with pytest.raises(
        SheetError, match="“Matches” of the committee's spreadsheet, the first row has no heading"
    ):
        write(settings, make_matches("M-1"))
    google.edit(book, lambda found: found.tab("Matches").type("A1", "Reference"))
    google.edit(book, lambda found: found.tab("Matches").type("M1", "Reference"))
    with pytest.raises(SheetError, match="two columns are named “Reference”"):
        write(settings, make_matches("M-1"))
    google.edit(book, lambda found: found.remove_tab(found.tab("Matches")))
    with pytest.raises(SheetError, match="has no tab “Matches”"):
        write(settings, make_matches("M-1"))


def test_a_column_that_somebody_deleted_comes_back_at_the_end(
    google: GoogleStandIn, settings: Settings
) -> None:
    write(settings, make_matches("M-1"))
    google.edit(desk_of(settings), lambda book: book.tab("Matches").delete_columns("H"))
    write(settings, make_matches("M-1"))
    assert read_tab(settings, "Matches")[0]["Status"] == "Proposed"
    assert google.read(desk_of(settings), "Matches")[0][-1] == "Status"


def test_merged_cells_that_hide_ours_are_taken_apart(google: GoogleStandIn, settings: Settings) -> None:
    write(settings, make_matches("M-1", "M-2"))
    book = google.spreadsheet(desk_of(settings)).tab("Matches")
    book.merges.append(
        {"sheetId": book.id, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 7, "endColumnIndex": 8}
    )
    write(settings, make_matches("M-1", "M-2", status="Approved"))
    assert [row["Status"] for row in read_tab(settings, "Matches")] == ["Approved", "Approved"]
    assert not google.spreadsheet(desk_of(settings)).tab("Matches").merges


# --- people edit while we write -------------------------------------------------------------------------------------

PEOPLES = ("Decision", "Decided by", "Note")


def start_desk(google: GoogleStandIn, settings: Settings) -> Settings:
    """Four matches of the program, one of another year, people's columns filled, a line of their own."""
    lines: list[list[Any]] = [TABS["Matches"].list_headings()]
    for number in (1, 2, 3, 4):
        ours = [f"M-{number}", f"Mentor of M-{number}", "", 70, "", "", "", "Proposed", f"Decide M-{number}"]
        lines.append([*ours, ["Approve", "Hold"][number % 2], f"P{number}", f"Note {number}"])
    lines.append(["OLD", "Old mentor", "", 55, "", "", "", "Completed", "", "", "P0", "Long ago"])
    lines.append(["", "", "", "", "because", "", "", "", "", "", "", "Our own line"])
    tabs = {name: lines if name == "Matches" else [tab.list_headings()] for name, tab in TABS.items()}
    return with_ids(settings, committee=google.add_spreadsheet("Desk", tabs))


EDITS: dict[str, Callable[[Any], object]] = {
    "sort by reference, downwards": lambda book: book.tab("Matches").sort("A", descending=True),
    "sort by note": lambda book: book.tab("Matches").sort("L"),
    "insert a row above the first": lambda book: book.tab("Matches").insert_rows(2),
    "insert rows in the middle": lambda book: book.tab("Matches").insert_rows(4, 2),
    "insert a row above the headings and take it away": lambda book: (
        book.tab("Matches").insert_rows(1), book.tab("Matches").delete_rows(1)
    ),
    "move a row": lambda book: book.tab("Matches").move_rows(2, 6),
    "move the old year's row up": lambda book: book.tab("Matches").move_rows(6, 2),
    "insert a column first": lambda book: book.tab("Matches").insert_columns("A"),
    "insert a column before the decision": lambda book: book.tab("Matches").insert_columns("J"),
    "insert a column in the middle": lambda book: book.tab("Matches").insert_columns("E"),
    "delete a machine's column": lambda book: book.tab("Matches").delete_columns("G"),
    "delete two machine's columns": lambda book: book.tab("Matches").delete_columns("E", 2),
    "filter": lambda book: book.tab("Matches").set_filter("A1:L6", {"H": ["Proposed"]}),
    "type below": lambda book: book.tab("Matches").add_row(["", "", "", "", "", "", "", "", "", "", "me", "new line"]),
    "paste over a machine's column": lambda book: book.tab("Matches").paste("H2", [["x"], ["y"], ["z"]]),
    "rename another tab": lambda book: book.tab("Evaluation").rename("Figures"),
}  # fmt: skip


def list_rows(google: GoogleStandIn, settings: Settings) -> list[dict[str, Any]]:
    """Rows of the Matches tab that say anything."""
    headings, *lines = google.read(desk_of(settings), "Matches")
    return [dict(zip(headings, line, strict=True)) for line in lines if any(line)]


def list_peoples(google: GoogleStandIn, settings: Settings) -> list[tuple[str, ...]]:
    """People's cells with the reference of their row, whatever its order."""
    rows = list_rows(google, settings)
    return sorted((row["Reference"], *(row[heading] for heading in PEOPLES)) for row in rows)


@pytest.mark.parametrize(
    "edits",
    [
        *({1: name} for name in EDITS),
        *({2: name} for name in EDITS),
        {1: "sort by reference, downwards", 2: "sort by note"},
        {1: "sort by note", 2: "insert a column first", 3: "sort by note"},
        {1: "insert a column first", 3: "sort by note"},
        {1: "delete two machine's columns", 3: "move the old year's row up"},
        {1: "move the old year's row up", 2: "insert rows in the middle", 3: "type below"},
    ],
    ids=lambda edits: ", ".join(f"{name} after call {at}" for at, name in edits.items()),
)
def test_people_edit_between_our_calls(
    google: GoogleStandIn, settings: Settings, edits: dict[int, str]
) -> None:
    settings = start_desk(google, settings)
    before = list_peoples(google, settings)

    def edit(call: Any) -> None:
        if name := edits.get(len(google.calls)):
            google.edit(desk_of(settings), EDITS[name])

    google.forget_calls()
    google.on_call(edit, after=True)
    update = make_matches("M-5", "M-4", "M-3", "M-2", "M-1", "M-6", status="Approved")
    write(settings, update)
    google.remove_hooks()
    expected = [*before, ("M-5", "", "", ""), ("M-6", "", "", "")]
    if "type below" in edits.values():
        expected.append(("", "", "me", "new line"))
    assert list_peoples(google, settings) == sorted(expected)
    rows = list_rows(google, settings)
    shown = {row["Reference"]: row for row in rows}
    for row in update.rows:
        found = shown[row["Reference"]]
        assert {heading: found[heading] for heading in row} == row
    assert (shown["OLD"]["Mentor"], shown["OLD"]["Status"], shown["OLD"]["To do"]) == (
        "Old mentor",
        "Completed",
        "",
    )
    [own] = [row for row in rows if row["Note"] == "Our own line"]
    assert {heading for heading, text in own.items() if text} <= {"Why", "Note"}


def test_whoever_keeps_sorting_is_asked_to_stop(google: GoogleStandIn, settings: Settings) -> None:
    settings = start_desk(google, settings)
    before = list_peoples(google, settings)
    turn = [False]

    def sort(call: Any) -> None:
        turn[0] = not turn[0]
        google.edit(desk_of(settings), lambda book: book.tab("Matches").sort("A", descending=turn[0]))
        google.edit(
            desk_of(settings), lambda book: book.tab("Matches").paste("H2", [[str(google.count_calls())]])
        )

    google.on_call(sort, after=True)
    with pytest.raises(SheetError, match="changed by somebody each time"):
        write(settings, make_matches("M-4", "M-3", "M-2", "M-1", status="Approved"))
    google.remove_hooks()
    write(settings, make_matches("M-4", "M-3", "M-2", "M-1", status="Approved"))
    assert list_peoples(google, settings) == before


def test_a_tab_that_is_renamed_meanwhile_is_said(google: GoogleStandIn, settings: Settings) -> None:
    write(settings, make_matches("M-1"))
    google.forget_calls()
    google.on_call(
        lambda call: (
            len(google.calls) == 1
            and google.edit(desk_of(settings), lambda book: book.tab("Matches").rename("Pairs"))
        ),
        after=True,
    )
    with pytest.raises(SheetError, match="has no tab “Matches”"):
        write(settings, make_matches("M-1", status="Approved"))


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*PASSING, *UNHEARD], ids=lambda fault: fault.name)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_after_any_fault_nothing_is_lost_and_nothing_doubled(
    google: GoogleStandIn, settings: Settings, fault: Any, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault.action == "hang":
        monkeypatch.setattr(google_client, "TIMEOUTS", (10.0, 2.0))
        fault = replace(fault, seconds=3.0)
        google_client._open_http.cache_clear()
    monkeypatch.setattr(google_client, "_choose_pause", lambda trouble, attempt: 0.0)
    write(settings, make_matches("M-1"))
    google.forget_calls()
    google.faults.at(at, fault)
    write(settings, make_matches("M-1", "M-2", "M-3", status="Approved"))
    assert google.faults.left == 0
    rows = read_tab(settings, "Matches")
    assert [row["Reference"] for row in rows] == ["M-1", "M-2", "M-3"]
    assert {row["Status"] for row in rows} == {"Approved"}


def test_a_write_that_arrives_late_leaves_no_doubled_row(google: GoogleStandIn, settings: Settings) -> None:
    """The first write seems lost, is done by Google while we write again, and both append the same row."""
    sent: list[Any] = []
    google.faults.at(2, unavailable())

    def arrive_late(call: Any) -> None:
        if call.method == "batchUpdate":
            sent.append(call)
        if len(google.calls) == 4:
            row = ["M-1", "Mentor of M-1", "", 80, "", "", "", "Proposed", "Decide M-1"]
            google.edit(desk_of(settings), lambda book: book.tab("Matches").add_row(row))

    google.forget_calls()
    google.on_call(arrive_late)
    write(settings, make_matches("M-1"))
    assert len(sent) >= 2
    assert [row["Reference"] for row in read_tab(settings, "Matches")] == ["M-1"]


# --- setup ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def laid_out(server: GoogleStandIn, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A spreadsheet that was empty when the software set it up; tests must not change it."""
    book = server.add_spreadsheet("Desk")
    settings = make_settings(server, tmp_path_factory.mktemp("setup"), add_forms(server), book)
    server.forget_calls()
    made = set_up_committee(settings)
    assert server.count_calls() <= 5
    assert any("Matches" in line for line in made)
    return settings


def test_an_empty_spreadsheet_gets_every_tab_with_its_looks(
    google: GoogleStandIn, laid_out: Settings
) -> None:
    book = google.spreadsheet(desk_of(laid_out))
    assert [tab.title for tab in book.tabs] == ["Read me", *TABS]
    assert "committee's desk" in str(google.read(book.id, "Read me")[0][1])
    for tab in TABS.values():
        sheet = book.tab(tab.name)
        assert google.read(book.id, tab.name)[0] == tab.list_headings()
        assert sheet.grid["frozenRowCount"] == 1
        warned = {span["range"]["startColumnIndex"] for span in sheet.protected}
        for place, column in enumerate(tab.columns):
            heading, body = sheet.cell(0, place), sheet.cell(5, place)
            assert heading.note == column.note
            choices = (
                tuple(value["userEnteredValue"] for value in body.rule["condition"]["values"])
                if body.rule
                else ()
            )
            assert choices == column.choices
            assert (place in warned) == (column.owner == "machine")
            assert ("backgroundColorStyle" in body.format) == (column.owner == "people")
            assert heading.format["textFormat"]["bold"]
            assert sheet.marks["COLUMNS"][place]["pixelSize"] == 7 * column.width + 16
        assert all(span["warningOnly"] and span["description"] == PROTECTION for span in sheet.protected)


def test_setting_up_again_changes_nothing(google: GoogleStandIn, laid_out: Settings) -> None:
    google.forget_calls()
    assert set_up_committee(laid_out) == []
    assert [call.kind for call in google.calls] == ["read"]


def test_what_is_missing_is_added_and_peoples_work_stays(google: GoogleStandIn, settings: Settings) -> None:
    settings = start_desk(google, settings)
    book = desk_of(settings)
    google.edit(book, lambda found: found.remove_tab(found.tab("Unmatched")))
    google.edit(book, lambda found: found.tab("Matches").delete_columns("J"))
    google.edit(book, lambda found: found.tab("Matches").type("L1", "My own column"))
    google.edit(book, lambda found: found.tab("Matches").type("L2", "mine"))
    before = google.read(book, "Matches")
    made = " ".join(set_up_committee(settings))
    after = google.read(book, "Matches")
    assert [row[: len(before[0])] for row in after] == before
    assert after[0][len(before[0]) :] == ["Decision"]
    assert "Unmatched" in made
    assert "Decision" in made
    assert google.read(book, "Unmatched")[0] == TABS["Unmatched"].list_headings()
    assert set_up_committee(settings) == []


def test_bare_tabs_are_completed_and_what_people_chose_stays(
    google: GoogleStandIn, settings: Settings
) -> None:
    """Somebody made the tabs by hand, wrote in them, and gave some columns looks of their own."""
    settings = start_desk(google, settings)
    book = desk_of(settings)
    chosen = {"backgroundColorStyle": {"rgbColor": {"red": 0.5}}}
    rule = {"condition": {"type": "NOT_BLANK"}}

    def decorate(found: Any) -> None:
        tab = found.tab("Matches")
        tab.put(3, 11, tab.cell(3, 11)._replace(format=chosen))
        tab.put(1, 9, tab.cell(1, 9)._replace(rule=rule))
        tab.put(0, 3, tab.cell(0, 3)._replace(note="ours"))

    google.edit(book, decorate)
    before = google.read(book, "Matches")
    assert "Completed the tab Matches: colors, notes, dropdowns or protection that were missing." in (
        set_up_committee(settings)
    )
    assert google.read(book, "Matches") == before
    for name, own in (("Matches", {"Decision": rule, "Note": chosen, "Points": "ours"}), ("Messages", {})):
        sheet = google.spreadsheet(book).tab(name)
        warned = {span["range"]["startColumnIndex"] for span in sheet.protected}
        assert sheet.grid["frozenRowCount"] == 1
        for place, column in enumerate(TABS[name].columns):
            heading, body = sheet.cell(0, place), sheet.cell(2, place)
            assert (place in warned) == (column.owner == "machine")
            assert heading.note == (own["Points"] if column.heading == "Points" and own else column.note)
            if column.choices and not (own and column.heading == "Decision"):
                offered = [value["userEnteredValue"] for value in body.rule["condition"]["values"]]
                assert offered == list(column.choices)
            if not (own and column.heading == "Note"):
                assert heading.format["textFormat"]["bold"]
                assert ("backgroundColorStyle" in body.format) == (column.owner == "people")
                assert sheet.marks["COLUMNS"][place]["pixelSize"] == 7 * column.width + 16
    tab = google.spreadsheet(book).tab("Matches")
    assert (tab.cell(3, 11).format, tab.cell(0, 11).format, tab.cell(2, 11).format) == (chosen, None, None)
    assert (tab.cell(1, 9).rule, tab.cell(2, 9).rule) == (rule, None)
    google.forget_calls()
    assert set_up_committee(settings) == []
    assert google.count_calls() == 1


def test_a_tab_that_holds_something_else_is_left_alone(google: GoogleStandIn, settings: Settings) -> None:
    book = google.add_spreadsheet("Desk", {"Matches": [["Football", "Goals"], ["Home", 3]]})
    settings = make_settings(google, settings.folder, book, book)
    with pytest.raises(SheetError, match="“Matches”"):
        set_up_committee(settings)
    assert google.read(book, "Matches") == [["Football", "Goals"], ["Home", 3]]


def write_program(google: GoogleStandIn, folder: Path, forms: str, committee: str) -> None:
    init_program(folder)
    text = (folder / "program.yaml").read_text(encoding="utf-8")
    ids = f'\nsheets: google\ngoogle:\n  forms: "{forms}"\n  committee: "{committee}"\n'
    kept = [line for line in text.splitlines() if not line.startswith("sheets:")]
    (folder / "program.yaml").write_text("\n".join(kept) + ids, encoding="utf-8")
    (folder / "account.json").write_text(google.service_account_json(), encoding="utf-8")
    (folder / ".env").write_text(
        f"MENTORING_GOOGLE_SERVICE_ACCOUNT=account.json\nMENTORING_GOOGLE_API_URL={google.api_url}\n",
        encoding="utf-8",
    )
    for name in ("account.json", ".env"):
        (folder / name).chmod(0o600)


def test_init_on_a_folder_that_names_google_makes_the_tabs_and_doctor_is_content(
    google: GoogleStandIn, tmp_path: Path
) -> None:
    folder = tmp_path / "program"
    committee = google.add_spreadsheet("Desk")
    write_program(google, folder, add_forms(google), committee)
    assert any("Matches" in line for line in init_program(folder))
    assert google.read(committee, "Program")[1][0]
    assert "everything already" in init_program(folder)[0]
    findings = {finding.subject: finding for finding in check_program(folder)}
    assert all(finding.is_fine for finding in findings.values()), findings
    assert google.email in findings["committee's sheet at Google"].words


def test_doctor_says_what_is_wrong_at_google(google: GoogleStandIn, tmp_path: Path) -> None:
    folder = tmp_path / "program"
    committee = google.add_spreadsheet("Desk", time_zone="Europe/Berlin")
    hidden = google.add_spreadsheet("Forms", {}, shared_with={})
    write_program(google, folder, hidden, committee)
    findings = {finding.subject: finding for finding in check_program(folder)}
    assert not findings["forms at Google"].is_fine
    assert f"add {google.email} as Viewer" in findings["forms at Google"].words
    assert "Europe/Berlin" in findings["committee's sheet at Google"].words
    assert "mentoring init" in findings["committee's sheet"].words
    read_only = google.add_spreadsheet("Desk", shared_with={google.email: "reader"})
    write_program(google, tmp_path / "second", hidden, read_only)
    findings = {finding.subject: finding for finding in check_program(tmp_path / "second")}
    assert f"add {google.email} as Editor" in findings["committee's sheet at Google"].words


@pytest.mark.parametrize(
    "address, text, words",
    [
        (
            "A1",
            "Ref",
            "the tab “Matches” of the committee's spreadsheet, the first row has no heading “Reference”; put the heading back",
        ),
        (
            "J1",
            "Verdict",
            "these columns are missing: “Decision” on Matches; write the heading back into row 1",
        ),
        (
            "M1",
            "Note",
            "the tab “Matches” of the committee's spreadsheet, two columns are named “Note”; rename one of them",
        ),
    ],
)
def test_doctor_names_headings_of_the_desk_that_are_lost_or_doubled(
    google: GoogleStandIn, tmp_path: Path, address: str, text: str, words: str
) -> None:
    committee = add_desk(google)
    write_program(google, tmp_path / "program", add_forms(google), committee)
    google.edit(committee, lambda book: book.tab("Matches").type("H1", ""))
    [fine] = [item for item in check_program(tmp_path / "program") if item.subject == "committee's sheet"]
    assert (fine.is_fine, fine.words) == (True, "10 tabs"), "a column of the machine's comes back by itself"
    google.edit(committee, lambda book: book.tab("Matches").type(address, text))
    [finding] = [item for item in check_program(tmp_path / "program") if item.subject == "committee's sheet"]
    assert not finding.is_fine
    assert words in finding.words
