"""Calls to Google: who calls, how often, what is tried again, and each trouble as one sentence."""

from __future__ import annotations

import json
import multiprocessing
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google_program import make_settings
from pydantic import SecretStr
from stand_ins.google_faults import (
    PASSING,
    UNHEARD,
    Fault,
    Quota,
    api_disabled,
    bad_gateway,
    excel_file,
    expired_token,
    hang,
    no_room,
    not_found,
    permission_denied,
    plain_error,
    too_many_requests,
)
from stand_ins.google_sheets import GoogleStandIn

from mentoring.desk import TABS, TabUpdate
from tasks import google_client
from tasks.google_client import LONGEST_PAUSE, TRIES, SheetsClient, open_client, read_service_account
from tasks.google_errors import PostponedError, RefusedError, UnclearError
from tasks.google_pace import CallKind, Pace
from tasks.google_sheets import GoogleSheets
from tasks.google_tabs import OUTLINE
from tasks.settings import Settings
from tasks.sheets import SheetError

SAME_ZONE = [
    {"updateSpreadsheetProperties": {"properties": {"timeZone": "America/New_York"}, "fields": "timeZone"}}
]
READ = "https://www.googleapis.com/auth/spreadsheets.readonly"


@pytest.fixture(scope="module")
def server() -> Iterator[GoogleStandIn]:
    with GoogleStandIn() as google:
        yield google


@pytest.fixture
def google(server: GoogleStandIn) -> Iterator[GoogleStandIn]:
    google_client._open_http.cache_clear()
    server.forget_calls()
    yield server
    server.remove_hooks()
    server.faults.clear()
    server.api_enabled, server.quota = True, None
    assert not server.violations


@pytest.fixture
def settings(google: GoogleStandIn, tmp_path: Path) -> Settings:
    book = google.add_spreadsheet("Desk", {"Matches": [["Reference"], ["M-1"]]})
    return make_settings(google, tmp_path, book, book)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(settings: Settings, pauses: list[float]) -> SheetsClient:
    opened = open_client(settings, "committee")
    opened._sleep = pauses.append
    opened._http.set_timeout((10.0, 60.0))
    return opened


def quicken(client: SheetsClient, fault: Fault) -> Fault:
    """A fault that hangs soon enough to be tested."""
    if fault.action != "hang":
        return fault
    client._http.set_timeout((10.0, 1.0))
    return replace(fault, seconds=2.0)


# --- again or not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*PASSING, *UNHEARD], ids=lambda fault: fault.name)
def test_a_reading_is_tried_again_after_whatever_passes(
    google: GoogleStandIn, client: SheetsClient, pauses: list[float], fault: Fault
) -> None:
    google.faults.at(1, quicken(client, fault))
    assert client.read(OUTLINE)["properties"]["timeZone"] == "America/New_York"
    assert (google.count_calls(), len(pauses)) == (2, 1)


def test_no_answer_is_waited_for_without_end(
    google: GoogleStandIn, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert google_client.TIMEOUTS == (5.0, 60.0)
    monkeypatch.setattr(google_client, "TIMEOUTS", (5.0, 0.5))
    monkeypatch.setattr(google_client, "FIRST_PAUSE", 0.0)
    google.faults.at(1, hang(30))
    started = monotonic()
    open_client(settings, "committee").read(OUTLINE)
    assert monotonic() - started < 15
    assert google.count_calls() == 2


def test_trouble_that_stays_ends_after_five_tries_with_longer_pauses(
    google: GoogleStandIn, client: SheetsClient, pauses: list[float]
) -> None:
    google.faults.always(bad_gateway())
    with pytest.raises(
        SheetError, match=r"Google can't serve the committee's spreadsheet now \(status 502\)"
    ):
        client.read(OUTLINE)
    assert google.count_calls() == TRIES
    assert len(pauses) == TRIES - 1
    assert all(0.5 * 2**n <= pause <= 1.5 * 2**n for n, pause in enumerate(pauses))


def test_pauses_differ_so_that_programs_do_not_meet_again() -> None:
    drawn = {google_client._choose_pause(UnclearError("x"), 2) for _ in range(20)}
    assert len(drawn) == 20


def test_the_pause_that_google_asks_for_is_kept(
    google: GoogleStandIn, client: SheetsClient, pauses: list[float]
) -> None:
    google.faults.at(1, too_many_requests(17))
    google.faults.at(
        2, too_many_requests(format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True))
    )
    client.read(OUTLINE)
    assert pauses[0] == 17
    assert 30 < pauses[1] <= 40
    google.faults.at(4, too_many_requests(int(LONGEST_PAUSE) + 1))
    with pytest.raises(SheetError, match="limit of calls a minute"):
        client.read(OUTLINE)
    assert google.count_calls() == 4


@pytest.mark.parametrize(
    "fault", [f for f in (*PASSING, *UNHEARD) if f.status != 429], ids=lambda fault: fault.name
)
def test_a_write_in_doubt_is_never_sent_again_blindly(
    google: GoogleStandIn, client: SheetsClient, fault: Fault
) -> None:
    client.read(OUTLINE)
    google.faults.at(2, quicken(client, fault))
    with pytest.raises(UnclearError):
        client.write(SAME_ZONE)
    assert google.count_calls("write") == 1


def test_a_write_that_was_certainly_not_done_is_left_to_whoever_looks_again(
    google: GoogleStandIn, client: SheetsClient, pauses: list[float]
) -> None:
    google.faults.at(1, too_many_requests(17))
    with pytest.raises(PostponedError):
        client.write(SAME_ZONE)
    assert ([call.committed for call in google.calls], pauses) == ([False], [17])
    client.write(SAME_ZONE, 1)
    assert [call.committed for call in google.calls] == [False, True]
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        client._http._base = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        pauses.clear()
        for postponed in range(TRIES - 1):
            with pytest.raises(PostponedError):
                client.write(SAME_ZONE, postponed)
        with pytest.raises(SheetError, match="see that this machine is online"):
            client.write(SAME_ZONE, TRIES - 1)
    assert all(0.5 * 2**n <= pause <= 1.5 * 2**n for n, pause in enumerate(pauses))
    assert len(pauses) == TRIES - 1


def test_a_write_that_google_found_too_slow_is_in_doubt(google: GoogleStandIn, client: SheetsClient) -> None:
    google.faults.at(1, Fault("408", status=408))
    with pytest.raises(UnclearError, match="408") as caught:
        client.write(SAME_ZONE)
    assert not isinstance(caught.value, PostponedError)


def test_a_senseless_write_is_refused_at_once(google: GoogleStandIn, client: SheetsClient) -> None:
    with pytest.raises(RefusedError):
        client.write([{"appendDimension": {"sheetId": 77, "dimension": "ROWS", "length": 1}}])
    assert google.count_calls() == 1


def test_an_expired_token_is_replaced_unnoticed(google: GoogleStandIn, client: SheetsClient) -> None:
    client.read(OUTLINE)
    google.expire_tokens()
    client.read(OUTLINE)
    assert [call.status for call in google.calls] == [200, 401, 200]


# --- who calls ------------------------------------------------------------------------------------------------------


def test_one_token_serves_the_whole_process_and_forms_are_only_read(
    google: GoogleStandIn, settings: Settings
) -> None:
    given = google.tokens_given
    for _ in range(3):
        GoogleSheets(settings).read_forms(["Matches"])
        GoogleSheets(settings).read_committee(["Matches"])
    assert google.tokens_given - given == 2
    forms = open_client(settings, "forms")
    assert forms._http.auth.scopes == [READ]
    committee = open_client(settings, "committee")
    assert committee._http.auth.scopes == [READ.removesuffix(".readonly")], "no other file of the account's"
    with pytest.raises(SheetError, match="The forms' spreadsheet is not shared"):
        forms.write(SAME_ZONE)


@pytest.mark.parametrize("kind", ["file", "escaped", "broken lines", "windows", "byte order mark"])
def test_a_key_is_taken_however_it_arrived(
    google: GoogleStandIn, settings: Settings, tmp_path: Path, kind: str
) -> None:
    text = google.service_account_json()
    account = json.loads(text)
    value = {
        "file": "account.json",
        "escaped": json.dumps({**account, "private_key": account["private_key"].replace("\n", "\\n")}),
        "broken lines": text.replace("\\n", "\n"),
        "windows": json.dumps({**account, "private_key": account["private_key"].replace("\n", "\r\n")}),
        "byte order mark": str(tmp_path / "bom.json"),
    }[kind]
    (tmp_path / "account.json").write_text(text, encoding="utf-8")
    (tmp_path / "bom.json").write_text(text, encoding="utf-8-sig")
    own = replace(settings, google_service_account=SecretStr(value))
    assert GoogleSheets(own).read_committee(["Matches"])["Matches"].headings == ("Reference",)


@pytest.mark.parametrize(
    "value, words",
    [
        ("nowhere.json", "can't be read"),
        ("{not json", "holds no service account's key"),
        ('{"type": "authorized_user", "client_id": "x"}', "holds no service account's key"),
        ("[]", "can't be read"),
    ],
)
def test_what_is_no_key_is_said(tmp_path: Path, value: str, words: str) -> None:
    with pytest.raises(SheetError, match=words):
        read_service_account(SecretStr(value), tmp_path)


def test_a_damaged_key_and_a_key_that_was_replaced_are_said_without_showing_it(
    google: GoogleStandIn, settings: Settings
) -> None:
    account = json.loads(google.service_account_json())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    cases = {"is damaged": account["private_key"][:300], "deleted or replaced": other}
    for words, private in cases.items():
        text = json.dumps({**account, "private_key": private})
        own = replace(settings, google_service_account=SecretStr(text))
        with pytest.raises(SheetError, match=words) as caught:
            GoogleSheets(own).read_committee(["Matches"])
        assert private[60:90] not in str(caught.value)


def test_settings_that_are_missing_are_named(settings: Settings) -> None:
    with pytest.raises(SheetError, match="MENTORING_GOOGLE_SERVICE_ACCOUNT is not set"):
        GoogleSheets(replace(settings, google_service_account=None)).read_forms([])
    bare = settings.program.model_copy(update={"google": None})
    with pytest.raises(SheetError, match=r"program\.yaml lacks “google”"):
        GoogleSheets(replace(settings, program=bare)).read_forms([])


# --- each trouble in words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault, words",
    [
        (not_found(), r"committee's spreadsheet was not found .* share it with {email}"),
        (permission_denied(), r"is not shared .* add {email} as Editor"),
        (api_disabled(), r"enable it at https://console\.cloud\.google\.com"),
        (plain_error(), r"refused a call about the committee's spreadsheet \(status 400\)"),
        (expired_token(), r"does not accept the service account {email}"),
        (excel_file(), r"committee's spreadsheet is an Excel file .* new id"),
        (no_room(), r"committee's spreadsheet has no room left; delete blank rows"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_every_refusal_is_one_sentence_with_the_mend(
    google: GoogleStandIn, client: SheetsClient, fault: Fault, words: str
) -> None:
    google.faults.always(fault)
    with pytest.raises(SheetError) as caught:
        client.read(OUTLINE)
    text = str(caught.value)
    assert re.search(words.replace("{email}", re.escape(google.email)), text), text
    assert text[0].isupper()
    assert text.endswith(".")
    assert google.count_calls() <= 3


def test_a_protected_tab_is_named_and_nobodys_cell_is_quoted(
    google: GoogleStandIn, settings: Settings
) -> None:
    tabs = {name: [TABS[name].list_headings()] for name in ("Matches", "Unmatched")}
    book = google.add_spreadsheet("Desk", tabs)
    tab = google.spreadsheet(book).tab("Unmatched")
    tab.protected.append(
        {"protectedRangeId": 1, "range": {"sheetId": tab.id}, "editors": {"users": ["chair@example.org"]}}
    )
    own = make_settings(google, settings.folder, book, book)
    updates = [
        TabUpdate("Matches", [{"Reference": "M-1", "Mentor": "Secret Name"}]),
        TabUpdate("Unmatched", [{"Reference": "A-1", "Name": "Secret Name"}], True),
    ]
    with pytest.raises(
        SheetError, match="The tab “Unmatched” of the committee's spreadsheet has protected cells"
    ) as caught:
        GoogleSheets(own, sleep=lambda seconds: None).write_committee(updates)
    assert "Secret" not in str(caught.value)
    assert google.read(book, "Matches") == [TABS["Matches"].list_headings()], "all updates or none"


# --- the quota ------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def tell(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_calls_keep_to_the_quota_of_any_minute(
    google: GoogleStandIn, settings: Settings, tmp_path: Path
) -> None:
    clock = Clock()
    google.quota = Quota(reads=5, writes=5, clock=clock.tell)
    client = open_client(settings, "committee")
    client._http._pace = Pace(tmp_path / "calls.json", 5, clock.tell, clock.sleep)
    for _ in range(23):
        client.read(OUTLINE)
        clock.now += 1
    assert [call.status for call in google.calls] == [200] * 23
    assert len(clock.slept) == 4
    client.write(SAME_ZONE)
    assert len(clock.slept) == 4, "writes have a quota of their own"


@dataclass(frozen=True)
class FewWrites(Pace):
    """A quota that readings never use up."""

    def wait_for_turn(self, kind: CallKind) -> None:
        if kind == "write":
            super().wait_for_turn(kind)


def test_a_write_waits_for_its_turn_before_the_reading_that_it_rests_on(
    google: GoogleStandIn, settings: Settings, tmp_path: Path
) -> None:
    clock = Clock()
    sheets = GoogleSheets(settings, clock.sleep)
    sheets.committee._http._pace = FewWrites(tmp_path / "calls.json", 1, clock.tell, clock.sleep)
    calls: list[tuple[str, float]] = []
    google.on_call(lambda call: calls.append((call.kind, clock.now)))
    for status in ("Proposed", "Approved"):
        sheets.write_committee([TabUpdate("Matches", [{"Reference": "M-1", "Status": status}])])
    written = [place for place, (kind, _) in enumerate(calls) if kind == "write"]
    moments = [calls[place][1] for place in written]
    assert len(moments) >= 2
    assert all(later - earlier >= 60 for earlier, later in pairwise(moments)), (
        "one write a minute is the quota here"
    )
    assert [calls[place - 1] for place in written] == [("read", moment) for moment in moments]


def test_a_broken_file_or_a_clock_set_back_makes_nobody_wait(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "calls.json"
    for text in ("{half", "[]", '{"read": ["x"]}', json.dumps({"read": [clock.now + 1000] * 9})):
        path.write_text(text)
        Pace(path, 5, clock.tell, clock.sleep).wait_for_turn("read")
    assert clock.slept == []


def _take_turns(path: Path, count: int, results: Any) -> None:
    clock = Clock()
    for _ in range(count):
        Pace(path, 1000, clock.tell, clock.sleep).wait_for_turn("read")
    results.put(count)


def test_processes_share_one_count(tmp_path: Path) -> None:
    path = tmp_path / "calls.json"
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [context.Process(target=_take_turns, args=(path, 25, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(json.loads(path.read_text())["read"]) == 100


def test_redirects_are_no_success(google: GoogleStandIn, client: SheetsClient) -> None:
    away = Fault("302", status=302, headers={"Location": f"{google.api_url}/v4/spreadsheets/x"})
    google.faults.at(1, away)
    with pytest.raises(SheetError):
        client.write(SAME_ZONE)
    assert google.count_calls() == 1
