"""The stand-in for Google Sheets does what Google's pages and recorded replies say, seen through gspread and plain HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

import gspread
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError
from google.oauth2.service_account import Credentials
from gspread.http_client import HTTPClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from stand_ins import google_sheets, google_values
from stand_ins.google_addresses import Area, name_area, name_column, read_area, read_column
from stand_ins.google_cells import Formula
from stand_ins.google_description import InvalidReplyError, find_method, list_methods
from stand_ins.google_faults import (
    Fault,
    Quota,
    api_disabled,
    bad_gateway,
    hang,
    internal_error,
    not_found,
    permission_denied,
    plain_error,
    reset,
    too_many_requests,
    truncate,
    unavailable,
)
from stand_ins.google_masks import parse_mask
from stand_ins.google_schema import LIMITS, find_fault, read_document
from stand_ins.google_sheets import GoogleStandIn

WRITE = "https://www.googleapis.com/auth/spreadsheets"
READ = "https://www.googleapis.com/auth/spreadsheets.readonly"
ROWS = [["Match", "Mentor", "Decision"], ["M-1", "Ada", ""], ["M-2", "Bea", "Hold"], ["M-3", "Cleo", ""]]


@pytest.fixture
def google() -> Iterator[GoogleStandIn]:
    with GoogleStandIn() as stand_in:
        yield stand_in
        assert not stand_in.violations


@pytest.fixture
def loose() -> Iterator[GoogleStandIn]:
    """A stand-in for tests that send what the API doesn't allow."""
    with GoogleStandIn() as stand_in:
        yield stand_in


class LocalCredentials(Credentials):
    """A service account that asks nobody but the stand-in; google-auth would look up its region at Google."""

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        return False


def open_client(google: GoogleStandIn, scope: str = WRITE, key: str | None = None) -> gspread.Client:
    class Client(HTTPClient):
        def request(self, method: str, endpoint: str, *rest: Any, **more: Any) -> requests.Response:
            return super().request(
                method, endpoint.replace("https://sheets.googleapis.com", google.api_url), *rest, **more
            )

    account = json.loads(google.service_account_json())
    if key is not None:
        account["private_key"] = key
    client = gspread.authorize(
        LocalCredentials.from_service_account_info(account, scopes=[scope]), http_client=Client
    )
    client.set_timeout(2)
    return client


def open_desk(google: GoogleStandIn, tabs: dict[str, Any] | None = None, **more: Any) -> gspread.Spreadsheet:
    desk = google.add_spreadsheet("Desk", {"Matches": ROWS} if tabs is None else tabs, **more)
    return open_client(google).open_by_key(desk)


def call(
    google: GoogleStandIn, verb: str, path: str, body: Any = None, scope: str = WRITE
) -> requests.Response:
    """A call in plain HTTP; `path` follows `/v4/spreadsheets`."""
    account = json.loads(google.service_account_json())
    credentials = LocalCredentials.from_service_account_info(account, scopes=[scope])
    from google.auth.transport.requests import Request

    credentials.refresh(Request())
    return requests.request(
        verb,
        f"{google.api_url}/v4/spreadsheets{path}",
        json=body,
        headers={"Authorization": f"Bearer {credentials.token}"},
        timeout=2,
    )


# -- who calls


def test_whole_way_from_key_to_cells(google: GoogleStandIn) -> None:
    book = open_desk(google)
    assert book.title == "Desk"
    assert book.worksheet("Matches").get_all_values() == ROWS
    assert google.tokens_given == 1
    assert [(made.method, made.kind, made.status) for made in google.calls] == [
        ("get", "read", 200),
        ("get", "read", 200),
        ("values.get", "read", 200),
    ]


def test_wrong_key_gets_no_token(google: GoogleStandIn) -> None:
    desk = google.add_spreadsheet("Desk")
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        open_client(google, key=other.decode()).open_by_key(desk)
    assert google.tokens_given == google.count_calls() == 0


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": "https://example.org/token"}, "audience"),
        ({"iss": "somebody@example.org"}, "account not found"),
        ({"iat": -7200, "exp": -3600}, "short-lived"),
        ({"iat": 0, "exp": 86_400}, "short-lived"),
        ({"scope": "https://example.org/everything"}, "scope"),
        ({"scope": ""}, "scope"),
    ],
)
def test_token_endpoint_checks_every_claim(google: GoogleStandIn, claims: dict[str, Any], words: str) -> None:
    from google.auth import crypt, jwt

    account = json.loads(google.service_account_json())
    now = int(time.time())
    payload = {
        "iss": google.email,
        "scope": READ,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": now,
        "exp": now + 3600,
        **{name: now + value if isinstance(value, int) else value for name, value in claims.items()},
    }
    signed = jwt.encode(crypt.RSASigner.from_service_account_info(account), payload)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}
    answer = requests.post(account["token_uri"], data=form, timeout=2)
    assert answer.status_code == 400
    assert words in answer.json()["error_description"]
    assert google.tokens_given == 0


def test_expired_token_is_renewed_by_google_auth(google: GoogleStandIn) -> None:
    book = open_desk(google)
    google.expire_tokens()
    assert book.worksheet("Matches").acell("A2").value == "M-1"
    assert google.tokens_given == 2
    assert [made.status for made in google.calls] == [200, 401, 200, 200]


def test_reading_scope_does_not_write(google: GoogleStandIn) -> None:
    desk = google.add_spreadsheet("Desk", {"Matches": ROWS})
    book = open_client(google, READ).open_by_key(desk)
    with pytest.raises(gspread.exceptions.APIError, match="insufficient authentication scopes") as raised:
        book.worksheet("Matches").update_acell("C2", "Approve")
    assert raised.value.code == 403
    assert google.read(desk, "Matches") == ROWS


def test_sharing_decides_who_reads_and_writes(google: GoogleStandIn) -> None:
    hidden = google.add_spreadsheet("Hidden", shared_with=["chair@example.org"])
    shown = google.add_spreadsheet("Shown", {"Matches": ROWS}, shared_with={google.email: "reader"})
    client = open_client(google)
    with pytest.raises(PermissionError):
        client.open_by_key(hidden)
    with pytest.raises(gspread.SpreadsheetNotFound):
        client.open_by_key("no-such-spreadsheet")
    book = client.open_by_key(shown)
    with pytest.raises(gspread.exceptions.APIError, match="does not have permission"):
        book.worksheet("Matches").update_acell("C2", "Approve")
    assert google.read(shown, "Matches") == ROWS


def test_api_that_is_not_enabled_says_so(google: GoogleStandIn) -> None:
    desk = google.add_spreadsheet("Desk")
    google.api_enabled = False
    with pytest.raises(PermissionError) as raised:
        open_client(google).open_by_key(desk)
    assert "has not been used in project" in str(raised.value.__cause__)


def test_call_without_a_token_is_refused(google: GoogleStandIn) -> None:
    desk = google.add_spreadsheet("Desk")
    answer = requests.get(f"{google.api_url}/v4/spreadsheets/{desk}", timeout=2)
    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


# -- reading


@pytest.mark.parametrize(
    ("address", "range_told", "values"),
    [
        ("Matches", "Matches!A1:Z1000", [*ROWS[:1], ["M-1", "Ada"], ["M-2", "Bea", "Hold"], ["M-3", "Cleo"]]),
        ("'Matches'!A1:B2", "Matches!A1:B2", [["Match", "Mentor"], ["M-1", "Ada"]]),
        ("Matches!C2:C", "Matches!C2:C1000", [[], ["Hold"]]),
        ("Matches!B:B", "Matches!B1:B1000", [["Mentor"], ["Ada"], ["Bea"], ["Cleo"]]),
        ("Matches!2:3", "Matches!A2:Z3", [["M-1", "Ada"], ["M-2", "Bea", "Hold"]]),
        ("Matches!$B$2", "Matches!B2", [["Ada"]]),
        ("Matches!C3:A2", "Matches!A2:C3", [["M-1", "Ada"], ["M-2", "Bea", "Hold"]]),
        ("A1", "Matches!A1", [["Match"]]),
        ("Matches!A4:C5000", "Matches!A4:C1000", [["M-3", "Cleo"]]),
        ("Matches!D1:F9", "Matches!D1:F9", None),
        ("'A1'!A1", "'A1'!A1", [["in a tab named like a cell"]]),
        ("'It''s'", "'It''s'!A1:Z1000", [["quoted"]]),
    ],
)
def test_addresses(google: GoogleStandIn, address: str, range_told: str, values: Any) -> None:
    tabs = {"Matches": ROWS, "A1": [["in a tab named like a cell"]], "It's": [["quoted"]]}
    told = open_desk(google, tabs).values_get(address)
    assert told["range"] == range_told
    assert told.get("values") == values


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("Nowhere!A1", "Unable to parse range: Nowhere!A1"),
        ("matches!A1", "Unable to parse range: matches!A1"),
        ("Matches!A", "Unable to parse range: Matches!A"),
        ("Matches!A1:B2:C3", "Unable to parse range: Matches!A1:B2:C3"),
        ("Matches!A1001", "exceeds grid limits. Max rows: 1000, max columns: 26"),
        ("Matches!AA1", "exceeds grid limits. Max rows: 1000, max columns: 26"),
    ],
)
def test_addresses_that_google_refuses(google: GoogleStandIn, address: str, words: str) -> None:
    book = open_desk(google)
    with pytest.raises(gspread.exceptions.APIError) as raised:
        book.values_get(address)
    assert raised.value.code == 400
    assert words in raised.value.error["message"]
    assert words in google.refusals[0]


KEPT = [
    [
        "text",
        "007",
        True,
        1.5,
        40,
        Formula("=1+2"),
        Formula('=HYPERLINK("https://example.org/","site")'),
        Formula("=LOREM()"),
    ],
    [date(2027, 3, 1), datetime(2027, 3, 1, 14, 5, 9)],
]


@pytest.mark.parametrize(
    ("options", "values"),
    [
        (
            {},
            [["text", "007", "TRUE", "1.5", "40", "3", "site", "#NAME?"], ["3/1/2027", "3/1/2027 14:05:09"]],
        ),
        (
            {"valueRenderOption": "UNFORMATTED_VALUE"},
            [["text", "007", True, 1.5, 40, 3, "site", "#NAME?"], [46447, pytest.approx(46447.586909722)]],
        ),
        (
            {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"},
            [["text", "007", True, 1.5, 40, 3, "site", "#NAME?"], ["3/1/2027", "3/1/2027 14:05:09"]],
        ),
        (
            {"valueRenderOption": "FORMULA"},
            [
                [
                    "text",
                    "007",
                    True,
                    1.5,
                    40,
                    "=1+2",
                    '=HYPERLINK("https://example.org/","site")',
                    "=LOREM()",
                ],
                [46447, pytest.approx(46447.586909722)],
            ],
        ),
        (
            {"majorDimension": "COLUMNS"},
            [
                ["text", "3/1/2027"],
                ["007", "3/1/2027 14:05:09"],
                ["TRUE"],
                ["1.5"],
                ["40"],
                ["3"],
                ["site"],
                ["#NAME?"],
            ],
        ),
    ],
)
def test_how_values_are_told(google: GoogleStandIn, options: dict[str, str], values: Any) -> None:
    assert open_desk(google, {"Kept": KEPT}).values_get("Kept", options)["values"] == values


def test_several_ranges_in_one_call(google: GoogleStandIn) -> None:
    book = open_desk(google, {"Matches": ROWS, "Empty": []})
    google.forget_calls()
    told = book.values_batch_get(["Matches!A1:A2", "Empty"])
    assert [found["range"] for found in told["valueRanges"]] == ["Matches!A1:A2", "Empty!A1:Z1000"]
    assert "values" not in told["valueRanges"][1]
    assert [made.method for made in google.calls] == ["values.batchGet"]


def test_ten_thousand_rows_are_read_in_a_moment(google: GoogleStandIn) -> None:
    rows = [[f"answer {row} {column}" for column in range(20)] for row in range(10_000)]
    book = open_desk(google, {"Mentors": rows})
    start = time.process_time()
    assert book.values_batch_get(["Mentors"])["valueRanges"][0]["values"] == rows
    assert time.process_time() - start < 3


# -- writing values


def test_raw_text_stays_as_it_is(google: GoogleStandIn) -> None:
    book = open_desk(google)
    texts = ["=1+1", "007", "1,5", "TRUE", "2027-03-01", "'quoted", "+1 808 555 0100", "1e5"]
    book.worksheet("Matches").update([texts], "A9:H9", raw=True)
    assert google.read(book.id, "Matches")[8] == texts
    told = book.values_get("Matches!A9:H9", {"valueRenderOption": "FORMULA"})
    assert told["values"] == [texts]


@pytest.mark.parametrize(
    ("locale", "typed", "kept", "shown"),
    [
        ("en_US", "12", 12, "12"),
        ("en_US", "007", 7, "7"),
        ("en_US", "02139", 2139, "2139"),
        ("en_US", "1,234.5", 1234.5, "1,234.50"),
        ("en_US", "12.5%", 0.125, "12.50%"),
        ("en_US", "$5", 5, "$5"),
        ("en_US", "1e5", 100000, "1.00E+05"),
        ("en_US", "true", True, "TRUE"),
        ("en_US", "3/1/2027", 46447, "3/1/2027"),
        ("en_GB", "3/1/2027", 46390, "03/01/2027"),
        ("de_DE", "3.1.2027", 46390, "03/01/2027"),
        ("de_DE", "1,5", 1.5, "1,5"),
        ("en_US", "1,5", "1,5", "1,5"),
        ("en_US", "2027-03-01", 46447, "2027-03-01"),
        ("en_US", "2027-03", 46447, "2027-03"),
        ("en_US", "March 2027", 46447, "March 2027"),
        ("en_US", "March 1, 2027", 46447, "March 1, 2027"),
        ("en_US", "3/1/2027 2:05 pm", pytest.approx(46447.58680556), "3/1/2027 14:05:00"),
        ("en_US", "13/13/2027", "13/13/2027", "13/13/2027"),
        ("en_US", "'007", "007", "007"),
        ("en_US", "'=1", "=1", "=1"),
        ("en_US", "=2*(3+4)", 14, "14"),
        ("en_US", "=1/0", "#DIV/0!", "#DIV/0!"),
        ("en_US", "=A2", "M-1", "M-1"),
        ("en_US", "=", "=", "="),
        ("en_US", "Approve", "Approve", "Approve"),
        ("en_US", "+1 808 555 0100", "+1 808 555 0100", "+1 808 555 0100"),
    ],
)
def test_what_people_type_is_read(
    google: GoogleStandIn, locale: str, typed: str, kept: Any, shown: str
) -> None:
    book = open_desk(google, locale=locale)
    book.worksheet("Matches").update_acell("C2", typed)
    assert google.read(book.id, "Matches")[1][2] == kept
    assert book.values_get("Matches!C2")["values"] == [[shown]]


def test_null_skips_and_empty_text_empties(google: GoogleStandIn) -> None:
    book = open_desk(google)
    told = book.values_update(
        "Matches!A3:C3", {"valueInputOption": "RAW"}, {"values": [[None, "", "Approve"]]}
    )
    assert google.read(book.id, "Matches")[2] == ["M-2", "", "Approve"]
    assert (told["updatedRange"], told["updatedCells"]) == ("Matches!A3:C3", 2)


def test_one_cell_stands_for_all_after_it(google: GoogleStandIn) -> None:
    # As in a recorded reply: a PUT of four rows to 'D3'!A1 updated 'D3'!A1:D4, 16 cells, blank ones among them.
    book = open_desk(google, {"D3": []})
    rows = [["A1", "B1", "", "D1"], ["", "b2", "", ""], ["", "", "", ""], ["A4", "B4", "", "D4"]]
    told = book.values_update("'D3'!A1", {"valueInputOption": "RAW"}, {"values": rows})
    assert (told["updatedRange"], told["updatedRows"], told["updatedColumns"], told["updatedCells"]) == (
        "'D3'!A1:D4",
        4,
        4,
        16,
    )
    assert book.values_get("'D3'!A1:D4")["values"] == [
        ["A1", "B1", "", "D1"],
        ["", "b2"],
        [],
        ["A4", "B4", "", "D4"],
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"range": "Matches!A2:B2", "values": [["a", "b", "c"]]}, "tried writing to column [C]"),
        ({"range": "Matches!A2:B2", "values": [["a"], ["b"]]}, "tried writing to row [3]"),
        ({"range": "Matches!A1000", "values": [["a"], ["b"]]}, "exceeds grid limits"),
        ({"range": "Matches!A1001:B1001", "values": [["a"]]}, "exceeds grid limits"),
        ({"range": "Matches!AA1", "values": [["a"]]}, "exceeds grid limits"),
        ({"range": "Nowhere!A1", "values": [["a"]]}, "Unable to parse range"),
        ({"range": "Matches!A2", "values": [["x" * 50_001]]}, "50000 characters"),
    ],
)
def test_batch_of_values_is_written_whole_or_not_at_all(
    google: GoogleStandIn, data: dict[str, Any], words: str
) -> None:
    book = open_desk(google)
    good = {"range": "Matches!C2", "values": [["Approve"]]}
    with pytest.raises(gspread.exceptions.APIError) as raised:
        book.values_batch_update({"valueInputOption": "RAW", "data": [good, data]})
    assert raised.value.error["message"].startswith("Invalid data[1]: ")
    assert words in raised.value.error["message"]
    assert google.read(book.id, "Matches") == ROWS
    assert not google.calls[-1].committed


def test_batch_counts_rows_and_columns_once(google: GoogleStandIn) -> None:
    told = open_desk(google).values_batch_update(
        {
            "valueInputOption": "RAW",
            "data": [
                {"range": "Matches!A6:D6", "values": [["a", "b", "", "d"]]},
                {"range": "Matches!A9:D9", "values": [["a", "b", "", "d"]]},
            ],
        }
    )
    totals = {name.removeprefix("totalUpdated"): told[name] for name in told if name.startswith("total")}
    assert totals == {"Rows": 2, "Columns": 4, "Cells": 8, "Sheets": 1}


def test_clearing_leaves_notes(google: GoogleStandIn) -> None:
    book = open_desk(google)
    tab = book.worksheet("Matches")
    tab.update_note("C3", "from the chair")
    tab.batch_clear(["C3", "A4:B4"])
    assert google.read(book.id, "Matches") == [ROWS[0], ROWS[1], ["M-2", "Bea", ""]]
    assert tab.get_note("C3") == "from the chair"


# -- appending

TWO_TABLES = [
    ["x", "y", "z"],
    ["x", "y", "z"],
    [],
    ["", "x", "y"],
    ["", "y", "z"],
    ["", "x", "y", "z"],
    ["", "y", "z"],
]


@pytest.mark.parametrize(
    ("address", "written"),
    # The examples of Google's page on appending values: a table A1:C2 and one B4:D6 (B4:D7 here).
    [
        ("Two", "Two!B8"),
        ("Two!B4", "Two!B8"),
        ("Two!C5:D5", "Two!B8"),
        ("Two!B2:D4", "Two!B8"),
        ("Two!A3:G10", "Two!B8"),
        ("Two!A1", "Two!A3"),
        ("Two!F5", "Two!F5"),
    ],
)
def test_append_finds_the_table(google: GoogleStandIn, address: str, written: str) -> None:
    book = open_desk(google, {"Two": TWO_TABLES})
    told = book.values_append(address, {"valueInputOption": "RAW"}, {"values": [["new"]]})
    assert told["updates"]["updatedRange"] == written


def test_append_is_misled_by_a_blank_column(google: GoogleStandIn) -> None:
    # As in recorded replies: after a row with a blank in the middle, the table at A1 is A1 alone.
    book = open_desk(google, {"Sheet1": [["one", "", "three"]]})
    told = book.worksheet("Sheet1").append_row(["four", "", "six"], table_range="A1")
    assert (told["tableRange"], told["updates"]["updatedRange"]) == ("Sheet1!A1", "Sheet1!A2:C2")
    told = book.worksheet("Sheet1").append_row(["astray"])
    assert told["updates"]["updatedRange"] == "Sheet1!C3"


def test_append_to_nothing_has_no_table(google: GoogleStandIn) -> None:
    told = open_desk(google, {"Sheet1": []}).worksheet("Sheet1").append_row(["a", "", "c"])
    assert "tableRange" not in told
    assert told["updates"]["updatedRange"] == "Sheet1!A1:C1"


def test_append_overwrites_or_inserts(google: GoogleStandIn) -> None:
    rows = [["a"], ["b"], [], ["below"]]
    book = open_desk(google, {"Over": rows, "Insert": rows})
    book.worksheet("Over").append_rows(
        [["c"], ["d"], ["e"]], table_range="A1", insert_data_option="OVERWRITE"
    )
    book.worksheet("Insert").append_rows(
        [["c"], ["d"], ["e"]], table_range="A1", insert_data_option="INSERT_ROWS"
    )
    assert google.read(book.id, "Over") == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert google.read(book.id, "Insert") == [["a"], ["b"], ["c"], ["d"], ["e"], [""], ["below"]]


def test_append_lets_the_grid_grow(google: GoogleStandIn) -> None:
    book = open_desk(google, {"Full": [[f"row {number}"] for number in range(1000)]})
    book.worksheet("Full").append_rows(
        [["1001"], ["1002"]], insert_data_option="INSERT_ROWS", table_range="A1"
    )
    assert google.spreadsheet(book.id).tab("Full").row_count == 1002
    assert google.read(book.id, "Full")[-1] == ["1002"]


# -- requests of spreadsheets.batchUpdate


def change(book: gspread.Spreadsheet, *wanted: dict[str, Any]) -> list[dict[str, Any]]:
    replies: list[dict[str, Any]] = book.batch_update({"requests": list(wanted)})["replies"]
    return replies


def span(tab: gspread.Worksheet, start: int, end: int, dimension: str = "ROWS") -> dict[str, Any]:
    return {"sheetId": tab.id, "dimension": dimension, "startIndex": start, "endIndex": end}


def test_requests_happen_all_or_none(google: GoogleStandIn) -> None:
    book = open_desk(google)
    with pytest.raises(
        gspread.exceptions.APIError, match=r"Invalid requests\[2\].addSheet: .*already exists"
    ) as raised:
        change(
            book,
            {"addSheet": {"properties": {"title": "Rules"}}},
            {"deleteDimension": {"range": span(book.sheet1, 1, 3)}},
            {"addSheet": {"properties": {"title": "MATCHES"}}},
        )
    assert raised.value.error["status"] == "INVALID_ARGUMENT"
    assert [tab.title for tab in book.worksheets()] == ["Matches"]
    assert google.read(book.id, "Matches") == ROWS


def test_tabs_are_added_renamed_moved_resized_and_deleted(google: GoogleStandIn) -> None:
    book = open_desk(google)
    rules = book.add_worksheet("Rules", rows=5, cols=4)
    rules.update_title("Pair rules")
    rules.freeze(rows=1)
    rules.resize(rows=7)
    book.reorder_worksheets([rules, book.worksheet("Matches")])
    assert [(tab.title, tab.row_count, tab.col_count) for tab in book.worksheets()] == [
        ("Pair rules", 7, 4),
        ("Matches", 1000, 26),
    ]
    assert google.spreadsheet(book.id).tab("Pair rules").grid["frozenRowCount"] == 1
    with pytest.raises(gspread.exceptions.APIError, match="freeze all visible rows"):
        rules.resize(rows=1)
    book.del_worksheet(rules)
    with pytest.raises(gspread.exceptions.APIError, match="remove all the visible sheets"):
        book.del_worksheet(book.worksheet("Matches"))


def test_everything_attached_follows_rows_and_columns(google: GoogleStandIn) -> None:
    book = open_desk(google)
    tab = book.worksheet("Matches")
    area = {
        "sheetId": tab.id,
        "startRowIndex": 1,
        "endRowIndex": 4,
        "startColumnIndex": 0,
        "endColumnIndex": 2,
    }
    metadata = {
        "metadataKey": "match",
        "metadataValue": "M-2",
        "visibility": "DOCUMENT",
        "location": {"dimensionRange": span(tab, 2, 3)},
    }
    colour = {"booleanRule": {"condition": {"type": "NOT_BLANK"}, "format": {}}, "ranges": [area]}
    change(
        book,
        {"addProtectedRange": {"protectedRange": {"range": area, "warningOnly": True}}},
        {"addConditionalFormatRule": {"rule": colour, "index": 0}},
        {"setBasicFilter": {"filter": {"range": area}}},
        {"createDeveloperMetadata": {"developerMetadata": metadata}},
        {"insertDimension": {"range": span(tab, 1, 3), "inheritFromBefore": True}},
        {"insertDimension": {"range": span(tab, 0, 1, "COLUMNS")}},
        {"deleteDimension": {"range": span(tab, 5, 6)}},
    )
    kept = google.spreadsheet(book.id).tab("Matches")
    moved = {
        "sheetId": tab.id,
        "startRowIndex": 3,
        "endRowIndex": 5,
        "startColumnIndex": 1,
        "endColumnIndex": 3,
    }
    assert kept.protected[0]["range"] == kept.conditional[0]["ranges"][0] == kept.filter["range"] == moved
    place = google.spreadsheet(book.id).metadata[0]["location"]["dimensionRange"]
    assert google.read(book.id, "Matches")[place["startIndex"]] == ["", "M-2", "Bea", "Hold"]


def test_sorting_leaves_metadata_behind(google: GoogleStandIn) -> None:
    book = open_desk(google)
    tab = book.worksheet("Matches")
    location = {"dimensionRange": span(tab, 1, 2)}
    change(
        book,
        {
            "createDeveloperMetadata": {
                "developerMetadata": {
                    "metadataKey": "match",
                    "metadataValue": "M-1",
                    "visibility": "DOCUMENT",
                    "location": location,
                }
            }
        },
    )
    tab.update_note("A2", "goes with its cell")
    tab.sort((1, "des"), range="A2:C4")
    assert [row[0] for row in google.read(book.id, "Matches")] == ["Match", "M-3", "M-2", "M-1"]
    assert google.spreadsheet(book.id).metadata[0]["location"]["dimensionRange"]["startIndex"] == 1
    assert tab.get_note("A4") == "goes with its cell"


def test_a_column_is_written_wherever_it_was_dragged(google: GoogleStandIn) -> None:
    book = open_desk(google)
    tab = book.worksheet("Matches")
    mark = {
        "metadataKey": "mark",
        "visibility": "DOCUMENT",
        "location": {"dimensionRange": span(tab, 1, 2, "COLUMNS")},
    }
    made = change(book, {"createDeveloperMetadata": {"developerMetadata": mark}})
    number = made[0]["createDeveloperMetadata"]["developerMetadata"]["metadataId"]
    google.edit(book.id, lambda kept: kept.tab("Matches").insert_columns("A", 2))
    data = {
        "dataFilter": {"developerMetadataLookup": {"metadataId": number}},
        "majorDimension": "COLUMNS",
        "values": [[None, "=1+1", None, ""]],
    }
    before = google.read(book.id, "Matches")
    body = {"valueInputOption": "RAW", "data": [data]}
    told = call(google, "POST", f"/{book.id}/values:batchUpdateByDataFilter", body)
    assert told.json()["totalUpdatedCells"] == 2
    expected = [list(row) for row in before]
    expected[1][3], expected[3][3] = "=1+1", ""
    assert google.read(book.id, "Matches") == expected


def test_words_are_replaced_where_a_whole_cell_says_them(google: GoogleStandIn) -> None:
    rows = [["Hold", "hold", "Hold on", 86], ["Hold", "='Matches'!A1", "", "86"]]
    book = open_desk(google, {"Matches": rows})
    tab = book.worksheet("Matches")
    first = {"sheetId": tab.id, "startRowIndex": 0, "endRowIndex": 1}
    look = {"range": first, "matchEntireCell": True, "matchCase": True, "replacement": ""}
    told = change(
        book, *({"findReplace": {**look, "find": text}} for text in ("Hold", "86", "nobody said this"))
    )
    assert [item["findReplace"].get("valuesChanged", 0) for item in told] == [1, 1, 0]
    assert google.read(book.id, "Matches")[0] == ["", "hold", "Hold on", ""]
    assert google.read(book.id, "Matches")[1][0] == "Hold"


def test_rows_are_found_by_metadata(google: GoogleStandIn) -> None:
    book = open_desk(google)
    tab = book.worksheet("Matches")
    change(
        book,
        {
            "createDeveloperMetadata": {
                "developerMetadata": {
                    "metadataKey": "match",
                    "metadataValue": "M-2",
                    "visibility": "DOCUMENT",
                    "location": {"dimensionRange": span(tab, 2, 3)},
                }
            }
        },
    )
    google.edit(book.id, lambda spreadsheet: spreadsheet.tab("Matches").insert_rows(2, 3))
    wanted = {"developerMetadataLookup": {"metadataKey": "match", "metadataValue": "M-2"}}
    told = call(
        google,
        "POST",
        f"/{book.id}/values:batchUpdateByDataFilter",
        {"valueInputOption": "RAW", "data": [{"dataFilter": wanted, "values": [[None, None, "Approve"]]}]},
    )
    assert told.json()["responses"][0]["updatedRange"] == "Matches!A6:C6"
    told = call(google, "POST", f"/{book.id}/values:batchGetByDataFilter", {"dataFilters": [wanted]})
    assert told.json()["valueRanges"][0]["valueRange"]["values"] == [["M-2", "Bea", "Approve"]]
    assert [made.kind for made in google.calls][-2:] == ["write", "read"]


def test_notes_dropdowns_and_formats_are_told_with_the_cells(google: GoogleStandIn) -> None:
    book = open_desk(google)
    tab = book.worksheet("Matches")
    cell = {
        "sheetId": tab.id,
        "startRowIndex": 1,
        "endRowIndex": 2,
        "startColumnIndex": 2,
        "endColumnIndex": 3,
    }
    words = [{"userEnteredValue": word} for word in ("Approve", "Reject", "Hold")]
    rule = {"condition": {"type": "ONE_OF_LIST", "values": words}, "strict": False, "showCustomUi": True}
    change(
        book,
        {"setDataValidation": {"range": cell, "rule": rule}},
        {
            "repeatCell": {
                "range": cell,
                "cell": {"userEnteredFormat": {"textFormat": {"bold": True, "italic": True}}},
                "fields": "userEnteredFormat.textFormat(bold,italic)",
            }
        },
        {"repeatCell": {"range": cell, "cell": {}, "fields": "userEnteredFormat.textFormat.italic"}},
        {
            "updateCells": {
                "range": cell,
                "rows": [{"values": [{"note": "Approve, Reject or Hold"}]}],
                "fields": "note",
            }
        },
    )
    fields = "sheets.data.rowData.values(userEnteredValue,userEnteredFormat.textFormat,note,dataValidation)"
    told = call(google, "GET", f"/{book.id}?ranges=Matches!C2:C3&fields={fields}").json()
    assert told == {
        "sheets": [
            {
                "data": [
                    {
                        "rowData": [
                            {
                                "values": [
                                    {
                                        "userEnteredFormat": {"textFormat": {"bold": True}},
                                        "note": "Approve, Reject or Hold",
                                        "dataValidation": rule,
                                    }
                                ]
                            },
                            {"values": [{"userEnteredValue": {"stringValue": "Hold"}}]},
                        ]
                    }
                ]
            }
        ]
    }


def test_formulas_and_errors_are_told_with_the_cells(google: GoogleStandIn) -> None:
    book = open_desk(
        google, {"Kept": [[Formula("=1/0"), Formula('=HYPERLINK("https://example.org/","site")'), 2.5, True]]}
    )
    told = call(google, "GET", f"/{book.id}?includeGridData=true", scope=READ).json()
    cells = told["sheets"][0]["data"][0]["rowData"][0]["values"]
    assert [(cell["userEnteredValue"], cell["effectiveValue"], cell["formattedValue"]) for cell in cells] == [
        (
            {"formulaValue": "=1/0"},
            {"errorValue": {"type": "DIVIDE_BY_ZERO", "message": "The formula has an error."}},
            "#DIV/0!",
        ),
        ({"formulaValue": '=HYPERLINK("https://example.org/","site")'}, {"stringValue": "site"}, "site"),
        ({"numberValue": 2.5}, {"numberValue": 2.5}, "2.5"),
        ({"boolValue": True}, {"boolValue": True}, "TRUE"),
    ]
    assert cells[1]["hyperlink"] == "https://example.org/"


def test_plain_overview_has_no_cells(google: GoogleStandIn) -> None:
    told = call(google, "GET", f"/{open_desk(google, time_zone='Europe/Berlin').id}").json()
    assert told["properties"]["timeZone"] == "Europe/Berlin"
    assert told["sheets"] == [
        {
            "properties": {
                "sheetId": 0,
                "title": "Matches",
                "index": 0,
                "sheetType": "GRID",
                "gridProperties": {"rowCount": 1000, "columnCount": 26},
            }
        }
    ]


def test_protection_keeps_others_out_and_warnings_do_not(google: GoogleStandIn) -> None:
    book = open_desk(google)
    tab = google.spreadsheet(book.id).tab("Matches")
    area = {"sheetId": tab.id, "startColumnIndex": 2, "endColumnIndex": 3}
    tab.protected.append({"protectedRangeId": 9, "range": area, "editors": {"users": ["chair@example.org"]}})
    words = "protected cell or object"
    for write in (
        lambda: book.worksheet("Matches").update_acell("C2", "Approve"),
        lambda: book.values_batch_update(
            {"valueInputOption": "RAW", "data": [{"range": "Matches!A2:C2", "values": [["a", "b", "c"]]}]}
        ),
        lambda: book.worksheet("Matches").batch_clear(["A1:C3"]),
        lambda: book.worksheet("Matches").sort((1, "des"), range="A2:C4"),
        lambda: change(
            book,
            {
                "updateCells": {
                    "start": {"rowIndex": 1, "columnIndex": 2},
                    "rows": [{"values": [{"note": "x"}]}],
                    "fields": "note",
                }
            },
        ),
        lambda: change(book, {"deleteProtectedRange": {"protectedRangeId": 9}}),
    ):
        with pytest.raises(gspread.exceptions.APIError, match=words):
            write()
    assert google.read(book.id, "Matches") == ROWS
    tab = google.spreadsheet(book.id).tab("Matches")
    tab.protected[0] = {"protectedRangeId": 9, "range": area, "warningOnly": True}
    book.worksheet("Matches").update_acell("C2", "Approve")
    assert google.read(book.id, "Matches")[1][2] == "Approve"


def test_who_protects_stays_an_editor(google: GoogleStandIn) -> None:
    book = open_desk(google)
    (reply,) = change(
        book, {"addProtectedRange": {"protectedRange": {"range": {"sheetId": 0, "endRowIndex": 1}}}}
    )
    assert reply["addProtectedRange"]["protectedRange"]["editors"] == {"users": [google.email]}
    book.worksheet("Matches").update_acell("A1", "Pair")
    change(
        book,
        {
            "updateProtectedRange": {
                "protectedRange": {
                    "protectedRangeId": reply["addProtectedRange"]["protectedRange"]["protectedRangeId"],
                    "warningOnly": True,
                },
                "fields": "warningOnly",
            }
        },
    )
    assert google.spreadsheet(book.id).tab("Matches").protected[0]["warningOnly"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (
            {"updateCells": {"start": {"rowIndex": 999}, "rows": [{}, {}], "fields": "note"}},
            "exceeds grid limits",
        ),
        (
            {"repeatCell": {"range": {"startRowIndex": 1000}, "cell": {}, "fields": "note"}},
            "exceeds grid limits",
        ),
        ({"repeatCell": {"range": {"sheetId": 7}, "cell": {}, "fields": "note"}}, "No grid with id: 7"),
        ({"repeatCell": {"range": {}, "cell": {}}}, "At least one field must be listed"),
        ({"repeatCell": {"range": {}, "cell": {}, "fields": "nots"}}, "Invalid field: nots"),
        (
            {"repeatCell": {"range": {}, "cell": {}, "fields": "userEnteredFormat.textFormat.bald"}},
            "Invalid field",
        ),
        (
            {"deleteDimension": {"range": {"dimension": "ROWS", "startIndex": 0, "endIndex": 1000}}},
            "delete all the rows",
        ),
        (
            {"deleteDimension": {"range": {"dimension": "ROWS", "startIndex": 1000, "endIndex": 1001}}},
            "doesn't exist",
        ),
        (
            {
                "insertDimension": {
                    "range": {"dimension": "ROWS", "startIndex": 0, "endIndex": 1},
                    "inheritFromBefore": True,
                }
            },
            "first row",
        ),
        ({"appendDimension": {"dimension": "ROWS", "length": 500_000}}, "above the limit of 10000000 cells"),
        (
            {"setDataValidation": {"range": {}, "rule": {"condition": {"type": "ONE_OF_LIST"}}}},
            "number of values",
        ),
        (
            {
                "addProtectedRange": {
                    "protectedRange": {
                        "range": {},
                        "warningOnly": True,
                        "editors": {"users": ["a@example.org"]},
                    }
                }
            },
            "only warns",
        ),
        (
            {
                "updateCells": {
                    "rows": [{"values": [{"userEnteredValue": {"errorValue": {"type": "REF"}}}]}],
                    "fields": "*",
                    "start": {},
                }
            },
            "can't be written",
        ),
        ({"deleteProtectedRange": {"protectedRangeId": 1}}, "No protected range"),
        ({"addSheet": {"properties": {"title": "New", "sheetId": 0}}}, "already exists"),
        ({}, "oneof"),
    ],
)
def test_requests_that_google_refuses(google: GoogleStandIn, request_: dict[str, Any], words: str) -> None:
    book = open_desk(google)
    before = google.spreadsheet(book.id)
    with pytest.raises(gspread.exceptions.APIError) as raised:
        change(book, request_)
    assert words in raised.value.error["message"]
    assert google.spreadsheet(book.id) is before


# -- the API's own description


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "?includeGridDate=true", None),
        ("GET", "?includeGridData=maybe", None),
        ("GET", "?fields=sheets.propertys", None),
        ("GET", "/values/Matches?valueRenderOption=PLAIN", None),
        ("PUT", "/values/Matches!A1?valueInputOption=RAW", {"value": [["a"]]}),
        ("PUT", "/values/Matches!A1?valueInputOption=RAW", {"values": [[{"a": 1}]]}),
        ("PUT", "/values/Matches!A1?valueInputOption=RAW", {"values": ["a"]}),
        ("PUT", "/values/Matches!A1?valueInputOption=RAW", {"values": [["\ud800"]]}),
        ("POST", "/values:batchUpdate", {"valueInputOption": "RAW", "data": {"range": "Matches!A1"}}),
        ("POST", ":batchUpdate", {"requests": [{"addSheets": {}}]}),
        ("POST", ":batchUpdate", {"requests": [{"addSheet": {"properties": {"title": 7}}}]}),
        (
            "POST",
            ":batchUpdate",
            {
                "requests": [
                    {"updateCells": {"start": {}, "rows": [{"values": [{"nots": "x"}]}], "fields": "note"}}
                ]
            },
        ),
        (
            "POST",
            ":batchUpdate",
            {
                "requests": [
                    {"updateCells": {"start": {}, "rows": [{"values": [{"note": 7}]}], "fields": "note"}}
                ]
            },
        ),
    ],
)
def test_what_the_description_does_not_allow_is_refused_and_noted(
    loose: GoogleStandIn, verb: str, path: str, body: Any
) -> None:
    desk = loose.add_spreadsheet("Desk", {"Matches": ROWS})
    answer = call(loose, verb, f"/{desk}{path}", body)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert len(loose.violations) == 1
    assert loose.read(desk, "Matches") == ROWS


def test_unknown_paths_and_requests_are_noted(loose: GoogleStandIn) -> None:
    desk = loose.add_spreadsheet("Desk", {"Matches": ROWS})
    assert call(loose, "GET", f"/{desk}/cells").status_code == 404
    assert call(loose, "POST", f"/{desk}:batchUpdate", {"requests": [{"addChart": {}}]}).status_code == 501
    assert (
        call(loose, "POST", f"/{desk}/sheets/0:copyTo", {"destinationSpreadsheetId": "x"}).status_code == 501
    )
    assert len(loose.violations) == 3


def test_bodies_that_are_no_json_are_refused(loose: GoogleStandIn) -> None:
    desk = loose.add_spreadsheet("Desk", {"Matches": ROWS})
    account = open_client(loose)
    for body in (b"{", b'{"values": [[NaN]]}', b'{"values": [["\xff"]]}'):
        answer = account.http_client.session.put(
            f"{loose.api_url}/v4/spreadsheets/{desk}/values/Matches!A1?valueInputOption=RAW",
            data=body,
            timeout=2,
        )
        assert answer.status_code == 400
    assert len(loose.violations) == 3
    assert loose.read(desk, "Matches") == ROWS


def test_null_members_are_as_good_as_none(google: GoogleStandIn) -> None:
    book = open_desk(google)
    change(book, {"addSheet": {"properties": {"title": "Rules", "index": None}}, "deleteSheet": None})
    assert google.spreadsheet(book.id).has("Rules")


@pytest.mark.parametrize(
    "reply",
    [
        {"range": 7},
        {"range": "Matches!A1", "valeus": []},
        {"range": "A1", "values": [[{}]]},
        {"majorDimension": "DIAGONALS"},
    ],
)
def test_reply_that_the_description_does_not_allow_raises(
    monkeypatch: pytest.MonkeyPatch, reply: dict[str, Any]
) -> None:
    monkeypatch.setitem(google_sheets.METHODS, "values.get", lambda book, call, who: reply)
    stand_in = GoogleStandIn()
    with pytest.raises(InvalidReplyError), stand_in:
        desk = stand_in.add_spreadsheet("Desk", {"Matches": ROWS})
        assert call(stand_in, "GET", f"/{desk}/values/Matches").status_code == 500


def test_every_method_of_values_is_there() -> None:
    found = find_method("POST", "/v4/spreadsheets/an-id/values/Sheet1!A1:B2:append")
    assert found is not None
    assert (found[0].name, found[1]) == ("values.append", {"spreadsheetId": "an-id", "range": "Sheet1!A1:B2"})
    named = {method.name for method in list_methods() if method.name.startswith("values.")}
    assert named == set(google_values.METHODS)


def test_masks() -> None:
    assert parse_mask("a.b,c(d,e/f),g") == {"a": {"b": {}}, "c": {"d": {}, "e": {"f": {}}}, "g": {}}


# -- trouble


def test_faults_before_and_after_committing(google: GoogleStandIn) -> None:
    book = open_desk(google)
    tab = book.worksheet("Matches")
    google.forget_calls()
    google.faults.at(1, unavailable())
    google.faults.at(2, unavailable().after_commit())
    for word in ("Approve", "Reject"):
        with pytest.raises(gspread.exceptions.APIError, match="currently unavailable"):
            tab.update_acell("C2", word)
        assert google.read(book.id, "Matches")[1][2] == ("" if word == "Approve" else "Reject")
    assert [(made.status, made.committed, made.fault) for made in google.calls] == [
        (503, False, "503"),
        (503, True, "503, after committing"),
    ]
    assert google.faults.left == 0


@pytest.mark.parametrize(
    ("fault", "status", "headers", "words"),
    [
        (too_many_requests(), 429, {"Retry-After": None}, "Quota exceeded"),
        (too_many_requests(7), 429, {"Retry-After": "7"}, "Quota exceeded"),
        (internal_error(), 500, {}, "Internal error"),
        (bad_gateway(), 502, {"Content-Type": "text/html; charset=UTF-8"}, "<title>Error 502"),
        (unavailable(), 503, {}, "currently unavailable"),
        (permission_denied(), 403, {}, "does not have permission"),
        (api_disabled(), 403, {}, "SERVICE_DISABLED"),
        (not_found(), 404, {}, "not found"),
        (plain_error(), 400, {}, '{"error": "backend_error"}'),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
def test_faults_as_answers(
    google: GoogleStandIn, fault: Fault, status: int, headers: dict[str, str | None], words: str
) -> None:
    desk = google.add_spreadsheet("Desk", {"Matches": ROWS})
    google.faults.always(fault)
    answer = call(google, "GET", f"/{desk}")
    assert answer.status_code == status
    assert words in answer.text
    assert {name: answer.headers.get(name) for name in headers} == headers
    google.faults.clear()
    assert call(google, "GET", f"/{desk}").status_code == 200


@pytest.mark.parametrize(
    ("fault", "trouble", "committed"),
    [
        (hang(), requests.exceptions.ReadTimeout, False),
        (hang().after_commit(), requests.exceptions.ReadTimeout, True),
        (hang(0.1), requests.exceptions.ConnectionError, False),
        (reset(), requests.exceptions.ConnectionError, False),
        (reset().after_commit(), requests.exceptions.ConnectionError, True),
        (truncate(), requests.exceptions.ChunkedEncodingError, True),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
def test_faults_of_the_connection(
    google: GoogleStandIn, fault: Fault, trouble: type[Exception], committed: bool
) -> None:
    book = open_desk(google)
    tab = book.worksheet("Matches")
    open_client(google)
    book.client.set_timeout(0.4)
    google.faults.at(lambda made: made.kind == "write", fault)
    with pytest.raises(trouble):
        tab.update_acell("C2", "Approve")
    assert google.read(book.id, "Matches")[1][2] == ("Approve" if committed else "")
    assert google.calls[-1].status == 0
    assert tab.acell("A1").value == "Match"


def test_quota_of_a_minute(google: GoogleStandIn) -> None:
    now = [0.0]
    google.quota = Quota(reads=3, writes=2, clock=lambda: now[0])
    book = open_desk(google)
    tab = book.worksheet("Matches")
    tab.get_all_values()
    with pytest.raises(gspread.exceptions.APIError, match="Read requests per minute per user"):
        tab.get_all_values()
    tab.update_acell("C2", "a")
    tab.update_acell("C2", "b")
    with pytest.raises(gspread.exceptions.APIError, match="Write requests per minute per user"):
        tab.update_acell("C2", "c")
    now[0] = 60.0
    tab.update_acell("C2", "d")
    assert tab.get_all_values()[1][2] == "d"


# -- people at the spreadsheet


def test_people_edit_between_calls(google: GoogleStandIn) -> None:
    book = open_desk(google)
    google.on_call(
        lambda made: google.edit(book.id, lambda desk: desk.tab("Matches").type(f"E{made.number}", "before"))
    )
    google.on_call(
        lambda made: google.edit(book.id, lambda desk: desk.tab("Matches").type(f"F{made.number}", "after")),
        after=True,
    )
    told = book.values_get("Matches!E2:F2")
    assert told["values"] == [["before"]]
    google.remove_hooks()
    assert book.values_get("Matches!E2:F2")["values"] == [["before", "after"]]


def test_hands(google: GoogleStandIn) -> None:
    desk = google.add_spreadsheet("Desk", {"Matches": ROWS})

    def work(book: Any) -> None:
        tab = book.tab("Matches")
        tab.sort("B", descending=True)
        assert [row[0] for row in tab.list_values()] == ["Match", "M-3", "M-2", "M-1"]
        tab.move_rows(4, to=2)
        assert [row[0] for row in tab.list_values()] == ["Match", "M-1", "M-3", "M-2"]
        tab.insert_rows(3, 2)
        tab.delete_rows(2)
        assert [row[0] for row in tab.list_values()] == ["Match", "", "", "M-3", "M-2"]
        tab.insert_columns("B")
        tab.paste("B1", [["Ours"], ["9:30 pm"]])
        tab.delete_columns("C")
        tab.clear("A4:Z4")
        assert tab.add_row(["M-9", "", "Approve"]) == 6
        tab.set_filter("A1:C6", hidden={"C": ["Approve"]})
        tab.rename("Pairs")

    google.edit(desk, work)
    assert google.read(desk, "Pairs") == [
        ["Match", "Ours", "Decision"],
        ["", pytest.approx(0.8958333), ""],
        ["", "", ""],
        ["", "", ""],
        ["M-2", "", "Hold"],
        ["M-9", "", "Approve"],
    ]
    assert google.spreadsheet(desk).tab("Pairs").marks["ROWS"][5] == {"hiddenByFilter": True}


def test_a_small_grid_grows_under_hands_but_not_under_calls(google: GoogleStandIn) -> None:
    book = open_desk(google, {"Small": [["a"]]})
    tab = book.worksheet("Small")
    tab.resize(rows=2, cols=2)
    with pytest.raises(gspread.exceptions.APIError, match="exceeds grid limits"):
        tab.update([["x"]], "A3")
    google.edit(book.id, lambda desk: desk.tab("Small").paste("A3", [["x", "y", "z"]]))
    assert google.read(book.id, "Small") == [["a", "", ""], ["", "", ""], ["x", "y", "z"]]


# -- properties

CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=5))
def test_any_text_written_raw_is_read_back(rows: list[list[str]]) -> None:
    width = max(map(len, rows))
    padded = [row + [""] * (width - len(row)) for row in rows]
    with GoogleStandIn() as google:
        desk = google.add_spreadsheet("Desk", {"Sheet1": [["old"] * 4] * 5})
        tab = google.spreadsheet(desk).tab("Sheet1")
        body = {"values": padded}
        google_values.update(
            google.spreadsheet(desk),
            {"range": "Sheet1!A1", "body": body, "valueInputOption": "RAW"},
            google.email,
        )
        told = google_values.get(
            google.spreadsheet(desk), {"range": name_area(Area(0, 0, len(rows), width))}, google.email
        )
        back = [row + [""] * (width - len(row)) for row in told.get("values", [])]
        assert back + [[""] * width] * (len(rows) - len(back)) == padded
        assert tab.list_values()[0][width:] == ["old"] * (4 - width)


@given(st.integers(0, 18_277), st.integers(0, 9_999), st.integers(1, 50), st.integers(1, 50))
def test_addresses_there_and_back(left: int, top: int, width: int, height: int) -> None:
    assert read_column(name_column(left)) == left
    area = Area(top, left, top + height, left + width)
    if area.right <= 18_278:
        assert read_area(name_area(area), 20_000, 20_000) == area


@given(
    st.lists(st.sampled_from(["", "a", "B", "b", 1, 2.5, True, "=1"]), min_size=1, max_size=8),
    st.integers(0, 7),
    st.integers(1, 3),
    st.booleans(),
)
def test_inserting_and_deleting_and_sorting_lose_nothing(
    values: list[Any], at: int, count: int, falls: bool
) -> None:
    stand_in = GoogleStandIn()
    desk = stand_in.add_spreadsheet("Desk", {"T": [["head"], *[[value] for value in values]]})
    tab = stand_in.spreadsheet(desk).tab("T")
    before = tab.list_values()
    tab.insert_rows(at + 1, count)
    tab.delete_rows(at + 1, count)
    assert tab.list_values() == before
    tab.sort("A", descending=falls)
    after = tab.list_values()
    assert sorted(map(repr, after)) == sorted(map(repr, (row for row in before if row != [""])))
    assert all(row != [""] for row in after)
    stand_in._server.server_close()


# -- the check of schemas, beside jsonschema's


def translate(field: Mapping[str, Any]) -> dict[str, Any]:
    """A field of the discovery document as JSON Schema that allows no additional properties."""
    if "$ref" in field:
        return {"$ref": f"#/$defs/{field['$ref']}"}
    if field["type"] == "any":
        return {"type": ["string", "number", "boolean", "null"]}
    schema: dict[str, Any] = {"type": field["type"]}
    if "enum" in field:
        schema["enum"] = field["enum"]
    if field.get("format") in LIMITS:
        schema["minimum"], schema["maximum"] = LIMITS[field["format"]]
    if field["type"] == "array":
        schema["items"] = translate(field["items"])
    if field["type"] == "object":
        schema["properties"] = {name: translate(inner) for name, inner in field.get("properties", {}).items()}
        others = field.get("additionalProperties")
        schema["additionalProperties"] = translate(others) if others else False
    return schema


@cache
def make_validator() -> Draft202012Validator:
    schemas = {name: translate(schema) for name, schema in read_document()["schemas"].items()}
    return Draft202012Validator({"$ref": "#/$defs/BatchUpdateSpreadsheetRequest", "$defs": schemas})


@st.composite
def draw_value(draw: st.DrawFn, field: Mapping[str, Any], depth: int = 0) -> Any:
    """A value that the field mostly allows."""
    if draw(st.integers(0, 40)) == 0:
        return draw(st.sampled_from(["text", 7, 1.5, True, None, [], {}, [{}], {"unknown": 1}, 2**40]))
    if "$ref" in field:
        field = read_document()["schemas"][field["$ref"]]
    if "enum" in field:
        return draw(st.sampled_from(field["enum"]))
    kind = field["type"]
    if kind == "object":
        named = sorted(field.get("properties", {})) if depth < 7 else []
        chosen = draw(st.lists(st.sampled_from(named), max_size=2, unique=True)) if named else []
        return {name: draw(draw_value(field["properties"][name], depth + 1)) for name in chosen}
    if kind == "array":
        return draw(st.lists(draw_value(field["items"], depth + 1), max_size=2))
    plain: dict[str, st.SearchStrategy[Any]] = {
        "string": CELL,
        "boolean": st.booleans(),
        "integer": st.integers(-9, 9),
        "number": st.floats(-9, 9),
        "any": st.one_of(CELL, st.booleans(), st.integers(), st.none()),
    }
    return draw(plain[kind])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_schemas_are_checked_as_jsonschema_does(data: st.DataObject) -> None:
    body = data.draw(draw_value({"$ref": "BatchUpdateSpreadsheetRequest"}))
    assert (find_fault("BatchUpdateSpreadsheetRequest", body) is None) == make_validator().is_valid(body)


def test_both_checks_know_the_same_faults() -> None:
    good = {
        "requests": [
            {
                "updateCells": {
                    "start": {"rowIndex": 1.0},
                    "rows": [{"values": [{"note": "x"}]}],
                    "fields": "note",
                }
            }
        ]
    }
    assert find_fault("BatchUpdateSpreadsheetRequest", good) is None
    assert make_validator().is_valid(good)
    for wrong in (
        {"rowIndex": True},
        {"rowIndex": 1.5},
        {"rowIndex": 2**31},
        {"row": 1},
        {"rowIndex": float("inf")},
        [],
    ):
        bad = {"requests": [{"updateCells": {"start": wrong}}]}
        assert find_fault("BatchUpdateSpreadsheetRequest", bad)
        assert not make_validator().is_valid(bad)
