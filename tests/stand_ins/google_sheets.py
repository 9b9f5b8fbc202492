"""A stand-in for Google Sheets (API v4) over real HTTP on loopback, with spreadsheets in memory.

Belongs here: the server, its log of calls, and what tests ask of it. Does not belong here: what calls do
(`stand_ins.google_values`, `google_changes`, `google_overview`), the API's description (`google_description`).

    with GoogleStandIn() as google:
        desk = google.add_spreadsheet("Desk", {"Matches": [["Match", "Decision"], ["M-1", ""]]})
        settings = {"MENTORING_GOOGLE_API_URL": google.api_url,
                    "MENTORING_GOOGLE_SERVICE_ACCOUNT": google.service_account_json()}
        ...
        google.edit(desk, lambda book: book.tab("Matches").type("B2", "Approve"))
        assert google.read(desk, "Matches")[1] == ["M-1", "Approve"]
        assert not google.violations

Every request and reply is checked against the discovery document of Sheets v4. A request that it doesn't allow is
answered 400 and noted in `violations`; a reply that it doesn't allow, or any mistake of the stand-in itself, is
answered 500 and raised when the `with` block ends. What the real service would refuse for other reasons (an address
outside the grid, an unknown tab) is answered as Google does and noted in `refusals`.

How it behaves was taken from Google's public pages and from replies of the real service that gspread's tests have
recorded: addresses are cut at the grid's end when read, `Unable to parse range`, tables that `append` finds (a blank
column parts them), blank rows and cells left out at the end, one cell as the start of a write, `Invalid data[0]:` and
`Invalid requests[0].addSheet:`, default format, sheet properties.

What nobody here knows, and what the stand-in does about it:

- A write from one cell that reaches over the grid's end: refused, like one that starts there.
- Developer metadata of a row when the rows are sorted: stays on the row, as sorting moves cells.
- Values by a data filter: null cells are skipped, as in other values; a filter that finds nothing writes nothing.
- `findReplace` of whole cells: a number is found by what is shown of it; formulas are passed over.
- Rows inserted by `append`: look like the row above. A note, dropdown and format go with a sorted cell.
- A value that a strict dropdown doesn't offer: taken, from calls and from people.
- Titles of tabs in addresses: capitals count, though two tabs can't differ in them alone.
- Control characters, carriage returns and leading apostrophes in RAW text: kept.
- Cells that a merge covers: keep what is written to them. Sorting and inserting through merges: nothing is refused.
- What `appendCells` takes for data: whatever a cell says, formulas that say nothing included; no formats or dropdowns.
- Days without a year (`3/4`), and formulas beyond those of `google_cells`: text, and `#NAME?`.
- How fast the real service forgets calls of its quota: any minute counts.
- Left out: charts, pivot tables, slicers, named tables, comments, copying tabs between spreadsheets, Drive, and requests
  that `google_changes.REQUESTS` doesn't list: answered 501 and noted in `violations`.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from . import google_changes, google_metadata, google_overview, google_values
from .google_books import Spreadsheet
from .google_cells import keep
from .google_description import Method, check_reply, check_request, find_method, read_parameters
from .google_faults import JSON, Fault, Faults, Quota, api_disabled, word_error
from .google_hands import Enterable
from .google_masks import apply_mask, check_mask, parse_mask
from .google_schema import RefusalError
from .google_tokens import Accounts, TokenRefusalError

METHODS: dict[str, Callable[[Spreadsheet, Mapping[str, Any], str], dict[str, Any]]] = {
    **google_values.METHODS,
    "get": google_overview.get,
    "batchUpdate": google_changes.batch_update,
    "developerMetadata.search": google_metadata.search_metadata,
}


@dataclass
class Call:
    """One call of the API: its number from 1, its method such as `values.batchGet`, how it went.

    `kind` is "read" or "write" as the quotas count; `committed` says whether it was carried out; `fault` names what
    was made to go wrong; `status` is 0 if no answer was sent.
    """

    number: int
    method: str
    kind: str
    spreadsheet: str
    request: Mapping[str, Any]
    status: int = 0
    committed: bool = False
    fault: str = ""


Hook = Callable[[Call], object]


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]
    fault: Fault | None = None


class GoogleStandIn:
    """Google Sheets for a test; see the module's docstring. All methods may be called from any thread."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.quota: Quota | None = None
        self.api_enabled = True
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.refusals: list[str] = []
        self.crashes: list[BaseException] = []
        self.closing = threading.Event()
        self._books: dict[str, Spreadsheet] = {}
        self._before: list[Hook] = []
        self._after: list[Hook] = []
        self._lock = threading.RLock()
        self._server = _Server(self)
        self.api_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._accounts = Accounts(f"{self.api_url}/token")

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        if self.crashes and error is None:
            raise self.crashes[0]

    # -- what tests set up and look at

    @property
    def email(self) -> str:
        """The address of the service account."""
        return self._accounts.email

    def service_account_json(self) -> str:
        """The service account's key file, with the token endpoint on loopback."""
        return json.dumps(self._accounts.describe_account())

    @property
    def tokens_given(self) -> int:
        """How many tokens were given out."""
        return self._accounts.given

    def expire_tokens(self) -> None:
        """End all tokens given out."""
        with self._lock:
            self._accounts.tokens.clear()

    def add_spreadsheet(
        self,
        title: str,
        tabs: Mapping[str, Sequence[Sequence[Enterable]]] | None = None,
        *,
        time_zone: str = "America/New_York",
        locale: str = "en_US",
        shared_with: Mapping[str, str] | Sequence[str] | None = None,
    ) -> str:
        """Make a spreadsheet and return its id; without `tabs` it has the blank tab `Sheet1`, as a new one does.

        Values are kept as given (a text stays one, a `Formula` is one, dates get a date's format). Grids have 1000
        rows and 26 columns or as many as they need. `shared_with` names addresses who may edit, or says "writer" or
        "reader" for each; by default the service account may edit.
        """
        with self._lock:
            number = len(self._books) + 1
            book = Spreadsheet(
                f"stand-in-spreadsheet-{number:03d}-xxxxxxxxxxxxxxxx", title, locale, time_zone
            )
            book.sharing = _read_sharing({self.email: "writer"} if shared_with is None else shared_with)
            for name, rows in ({"Sheet1": []} if tabs is None else tabs).items():
                tab = book.add_tab(name, max(1000, len(rows)), max([26, *(len(row) for row in rows)]))
                tab.rows = [[keep(value, locale) for value in row] for row in rows]
            self._books[book.id] = book
            return book.id

    def spreadsheet(self, spreadsheet_id: str) -> Spreadsheet:
        """The spreadsheet itself, to look at notes, rules, protection and the like."""
        return self._books[spreadsheet_id]

    def read(self, spreadsheet_id: str, tab: str) -> list[list[Any]]:
        """What a tab says, as it is kept: rows to the last that says something, all as wide, "" for nothing."""
        with self._lock:
            return self._books[spreadsheet_id].tab(tab).list_values()

    def edit(self, spreadsheet_id: str, change: Callable[[Spreadsheet], object]) -> None:
        """Let a person at the spreadsheet do something, between two calls."""
        with self._lock:
            change(self._books[spreadsheet_id])

    def on_call(self, hook: Hook, *, after: bool = False) -> None:
        """Have a function called right before every call is carried out, or right after; it may `edit`."""
        (self._after if after else self._before).append(hook)

    def remove_hooks(self) -> None:
        """Have no function called any more."""
        self._before.clear()
        self._after.clear()

    def forget_calls(self) -> None:
        """Count calls from 1 again."""
        with self._lock:
            self.calls.clear()

    def count_calls(self, kind: str | None = None) -> int:
        """How many calls came in, or how many "read" or "write"."""
        return sum(kind in (None, call.kind) for call in self.calls)

    # -- what the server asks

    def answer_token(self, body: bytes) -> _Answer:
        """The token endpoint."""
        with self._lock:
            try:
                given = self._accounts.give_token(parse_qs(body.decode()))
            except TokenRefusalError as refused:
                told = {"error": refused.error, "error_description": refused.description}
                return _Answer(400, json.dumps(told).encode(), {"Content-Type": JSON})
        return _Answer(200, json.dumps(given).encode(), {"Content-Type": JSON})

    def answer_call(self, verb: str, target: str, header: str | None, body: bytes) -> _Answer:
        """One call of the API, from its request to what is sent back."""
        parts = urlsplit(target)
        found = find_method(verb, parts.path)
        with self._lock:
            if found is None:
                self.violations.append(f"{verb} {parts.path}: the API has no such method")
                page = b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>"
                return _Answer(404, page, {"Content-Type": "text/html; charset=UTF-8"})
            method, path = found
            query = parse_qs(parts.query, keep_blank_values=True)
            book = path.get("spreadsheetId", "")
            call = Call(len(self.calls) + 1, method.name, method.kind, book, {**path, **query})
            self.calls.append(call)
            for hook in self._before:
                hook(call)
            answer = self._answer(call, method, path, query, header, body)
            for hook in self._after:
                hook(call)
            call.status = answer.status if answer.fault is None or answer.fault.action == "answer" else 0
            return answer

    def _answer(
        self,
        call: Call,
        method: Method,
        path: Mapping[str, str],
        query: Mapping[str, list[str]],
        header: str | None,
        body: bytes,
    ) -> _Answer:
        fault = self.faults.take(call)
        if fault is None and not self.api_enabled:
            fault = api_disabled()
        if fault is None and self.quota:
            fault = self.quota.refuse(call.kind)
        call.fault = fault.name if fault else ""
        if fault and not fault.after:
            return _Answer(fault.status, fault.body, fault.headers, fault)
        try:
            told = self._carry_out(call, method, path, query, header, body)
        except RefusalError as refused:
            told = _Answer(
                refused.status,
                word_error(refused.status, refused.code, refused.message, **refused.more),
                {"Content-Type": JSON},
            )
        except Exception as crash:  # noqa: BLE001  told when the test ends
            self.crashes.append(crash)
            text = f"The stand-in failed: {crash!r}"
            told = _Answer(500, word_error(500, "INTERNAL", text), {"Content-Type": JSON})
        if fault is None:
            return told
        if fault.action == "truncate":
            return _Answer(told.status, told.body, told.headers, fault)
        return _Answer(fault.status, fault.body, fault.headers, fault)

    def _carry_out(
        self,
        call: Call,
        method: Method,
        path: Mapping[str, str],
        query: Mapping[str, list[str]],
        header: str | None,
        body: bytes,
    ) -> _Answer:
        who = self._accounts.recognise(header, method.scopes)
        request, mask = self._read_request(method, path, query, body)
        call.request = request
        if method.name not in METHODS:
            raise self._violate(f"The stand-in does not know the method {method.name}.", 501, "UNIMPLEMENTED")
        book = self._books.get(call.spreadsheet)
        if book is None:
            raise RefusalError("Requested entity was not found.", 404, "NOT_FOUND")
        role = book.sharing.get(who)
        if role is None or (role == "reader" and call.kind == "write"):
            raise RefusalError("The caller does not have permission", 403, "PERMISSION_DENIED")
        # A write works on a copy, so that of a refused one nothing stays.
        working = book.copy() if call.kind == "write" else book
        try:
            reply = METHODS[method.name](working, request, who)
        except RefusalError as refused:
            if refused.status == 501:
                raise self._violate(refused.message, 501, "UNIMPLEMENTED") from None
            self.refusals.append(f"{method.name}: {refused.message}")
            raise
        check_reply(method, reply)
        if call.kind == "write":
            self._books[book.id] = working
        call.committed = True
        told = json.dumps(apply_mask(mask, reply), ensure_ascii=False).encode()
        return _Answer(200, told, {"Content-Type": JSON})

    def _read_request(
        self, method: Method, path: Mapping[str, str], query: Mapping[str, list[str]], body: bytes
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            parameters = read_parameters(method, query)
            content = check_request(method, _read_json(body))
            mask = parse_mask(parameters["fields"]) if parameters.get("fields") else {}
            check_mask(mask, method.response)
        except json.JSONDecodeError:
            raise self._violate("Invalid JSON payload received.") from None
        except RefusalError as refused:
            raise self._violate(
                f"{refused.message}", refused.status, refused.code, where=method.name
            ) from None
        if "range" in path:
            return {**parameters, **path, "body": content}, mask
        return {**parameters, **content, **path}, mask

    def _violate(
        self, message: str, status: int = 400, code: str = "INVALID_ARGUMENT", where: str = ""
    ) -> RefusalError:
        self.violations.append(f"{where}: {message}" if where else message)
        return RefusalError(message, status, code)


def _read_json(body: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise json.JSONDecodeError(f"{constant} is no number", constant, 0)

    try:
        return json.loads(body, parse_constant=refuse) if body.strip() else None
    except UnicodeDecodeError:
        raise json.JSONDecodeError("not valid UTF-8", "", 0) from None


def _read_sharing(shared_with: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    return dict(shared_with) if isinstance(shared_with, Mapping) else dict.fromkeys(shared_with, "writer")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, stand_in: GoogleStandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stand_in = stand_in

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        stand_in = self.server.stand_in
        if self.path == "/token" and self.command == "POST":
            answer = stand_in.answer_token(body)
        else:
            answer = stand_in.answer_call(self.command, self.path, self.headers.get("Authorization"), body)
        action = answer.fault.action if answer.fault else "answer"
        if action == "answer":
            self._send(answer, answer.body)
        elif action == "truncate":
            self._send(answer, answer.body[: len(answer.body) // 2])
        elif action == "hang":
            assert answer.fault is not None
            stand_in.closing.wait(answer.fault.seconds)
        elif action == "reset":
            # To close with unsent data thrown away is what sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if action != "answer":
            self.close_connection = True
            if action == "reset":
                self.connection.close()

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _send(self, answer: _Answer, body: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests have their own log of calls."""
