"""Calls to Google Sheets through gspread: the service account, timeouts, the quota, and what is tried again.

Belongs here: how one call goes out and comes back. Does not belong here: what is in a spreadsheet
(`tasks.google_sheets`), the words for a refusal (`tasks.google_errors`).

A call that only reads is tried again after any trouble that may pass. A call that writes goes out once: after a pause
it would be about a spreadsheet as it stood before. Whoever writes must look again, whether it certainly was not done
(Google's 429, no connection: `PostponedError`) or may have been (`UnclearError`).
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import requests
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.exceptions import TransportError as NoToken
from google.oauth2.service_account import Credentials
from gspread.http_client import HTTPClient
from gspread.urls import SPREADSHEET_URL
from pydantic import SecretStr

from tasks.google_errors import (
    Place,
    PostponedError,
    RefusedError,
    SpreadsheetName,
    UnclearError,
    UnreachableError,
    read_refusal,
)
from tasks.google_pace import PACE_FILE, Pace, PrefectPace, open_pace
from tasks.settings import Settings
from tasks.sheets import SheetError

GOOGLE = "https://sheets.googleapis.com"
SCOPES: Mapping[SpreadsheetName, str] = {
    "forms": "https://www.googleapis.com/auth/spreadsheets.readonly",
    "committee": "https://www.googleapis.com/auth/spreadsheets",
}
#: Seconds to wait for a connection and for an answer.
TIMEOUTS = (5.0, 60.0)
TRIES = 5
#: Seconds; a server that asks for a longer pause than the longest is taken at its word in a sentence to the operator.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 90.0
#: Bytes of an answer that are read at once.
_PIECE = 1 << 20

#: Text stays text, whatever it looks like.
AS_GIVEN = "RAW"

_TOO_SLOW = 408
_PASSING = frozenset({_TOO_SLOW, 429, 500, 502, 503, 504})
_LIMITS = frozenset(
    {"RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded"}
)

# They log addresses of calls, and with them ids of spreadsheets, at levels that somebody may switch on.
for _name in ("google.auth.transport.requests", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class _Account(Credentials):
    """A service account that asks nobody but its token's address.

    The library would ask a host of Google's cloud, in a thread, for regional limits that Google Sheets doesn't have.
    """

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        return False


class SheetsHttp(HTTPClient):
    """gspread's client with timeouts, our quota, another base address if need be, and errors that tell all."""

    def __init__(self, credentials: Credentials, base: str, pace: Pace | PrefectPace) -> None:
        super().__init__(credentials)
        self.set_timeout(TIMEOUTS)
        self._base, self._pace = base.rstrip("/"), pace
        self._holds_turn = False

    def reserve_write(self) -> None:
        """Wait for the next write's turn now, so that nothing is waited for between reading and writing."""
        if not self._holds_turn:
            self._pace.wait_for_turn("write")
            self._holds_turn = True

    def request(
        self,
        method: str,
        endpoint: str,
        params: Any = None,
        data: Any = None,
        json: Any = None,
        files: Any = None,
        headers: Any = None,
    ) -> requests.Response:
        """One call, once. Raises `RefusedError` or `UnclearError`."""
        if method == "get":
            self._pace.wait_for_turn("read")
        else:
            self.reserve_write()
            self._holds_turn = False
        try:
            # A redirect would turn a write into a read that looks like success.
            response = self.session.request(
                method,
                endpoint.replace(GOOGLE, self._base, 1),
                params=params,
                data=data,
                json=json,
                files=files,
                headers=headers,
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            )
            # By itself the library reads pieces of 10 KB, of which thousands of applications are as many.
            response._content = b"".join(response.iter_content(_PIECE))
        except (requests.exceptions.ConnectTimeout, NoToken) as error:
            raise UnreachableError("no connection") from error
        except requests.exceptions.Timeout as error:
            raise UnclearError("no answer in time") from error
        except requests.exceptions.ConnectionError as error:
            raise (UnreachableError if _was_refused(error) else UnclearError)(
                "the connection was lost"
            ) from error
        except requests.exceptions.RequestException as error:
            raise UnclearError("the answer was cut off") from error
        if response.status_code == 200:
            return response
        raise read_refusal(response.status_code, _read_body(response), _read_retry_after(response))

    def fetch_sheet_metadata(self, id: str, params: Any = None) -> Any:
        """The spreadsheet as far as `params` asks for it. Raises as `request`, and ValueError for half an answer."""
        # With cells in it an answer has many megabytes.
        return orjson.loads(self.request("get", SPREADSHEET_URL % id, params=params).content)


def _was_refused(error: requests.exceptions.ConnectionError) -> bool:
    """Whether no connection came about at all, so that nothing can have been done."""
    from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, (NewConnectionError, NameResolutionError))


def _read_body(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _read_retry_after(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait, given as seconds or as a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment: datetime = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None


class SheetsClient:
    """One spreadsheet as one service account sees it.

    `sleep` waits some seconds; tests replace it.
    """

    def __init__(
        self, http: SheetsHttp, place: Place, key: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.place, self._http, self._key, self._sleep = place, http, key, sleep

    def read(self, fields: str) -> Mapping[str, Any]:
        """Read the spreadsheet as far as the mask `fields` names it. Raises `SheetError`."""
        params: dict[str, Any] = {"fields": fields, "prettyPrint": "false"}
        answer = self._call(lambda: self._http.fetch_sheet_metadata(self._key, params))
        if not isinstance(answer, Mapping):
            raise self.place.describe(UnclearError("the answer was not what Google promises"))
        return answer

    def reserve_write(self) -> None:
        """Wait for the turn of the next write, which is kept for it."""
        self._http.reserve_write()

    def write(self, requests_: list[dict[str, Any]], postponed: int = 0) -> None:
        """Do all the requests or none; `postponed` counts how often this was put off before.

        Raises `PostponedError`, after a pause, when it certainly was not done and may be tried again, `UnclearError`
        when it may have been done or not, `RefusedError` for a request that makes no sense as the spreadsheet stands
        now, and `SheetError`.
        """
        self._call(lambda: self._http.batch_update(self._key, {"requests": requests_}), postponed)

    def write_marked(self, data: list[dict[str, Any]], postponed: int = 0) -> None:
        """Write values into columns that are named by their metadata (each a `DataFilterValueRange`), all or none.

        Raises as `write`.
        """
        body = {"valueInputOption": AS_GIVEN, "data": data}
        url = f"{SPREADSHEET_URL % self._key}/values:batchUpdateByDataFilter"
        self._call(lambda: self._http.request("post", url, json=body).json(), postponed)

    def write_same(self, request: dict[str, Any]) -> None:
        """Do a request that may be done any number of times. Raises `SheetError`."""
        self._call(lambda: self._http.batch_update(self._key, {"requests": [request]}))

    def _call(self, call: Callable[[], Any], postponed: int | None = None) -> Any:
        """Make a call that may be repeated, again if that may help, until there is an answer or a `SheetError`.

        With `postponed`, make it once.
        """
        is_safe = postponed is None
        trouble: RefusedError | UnclearError
        for attempt in range(postponed or 0, TRIES):
            try:
                return call()
            except RefusedError as refusal:
                trouble = refusal
                if not is_safe and (refusal.status >= 500 or refusal.status == _TOO_SLOW):
                    raise UnclearError(f"status {refusal.status}") from None
            except UnclearError as unclear:
                trouble = unclear
                if not (is_safe or isinstance(unclear, UnreachableError)):
                    raise
            except RefreshError as error:
                if not error.retryable:
                    raise SheetError(_describe_bad_key(self.place, error)) from None
                trouble = UnreachableError("Google gave no token")
            except GoogleAuthError:
                trouble = UnreachableError("Google gave no token")
            except ValueError:
                # Half an answer of the right length.
                trouble = UnclearError("the answer was cut off")
                if not is_safe:
                    raise trouble from None
            pause = _choose_pause(trouble, attempt)
            if pause is None or attempt == TRIES - 1:
                break
            self._sleep(pause)
            if not is_safe:
                raise PostponedError(str(trouble)) from None
        if isinstance(trouble, RefusedError) and not is_safe and trouble.status == 400:
            raise trouble
        raise self.place.describe(trouble) from None


def _choose_pause(trouble: RefusedError | UnclearError, attempt: int) -> float | None:
    """Seconds until the next try, longer each time and never the same for two programs; None if none would help."""
    asked = 0.0
    if isinstance(trouble, RefusedError):
        is_limit = bool(trouble.reasons & _LIMITS)
        if trouble.status not in _PASSING and not is_limit:
            return None
        asked = trouble.retry_after or 0.0
    if asked > LONGEST_PAUSE:
        return None
    # Jitter, so that programs that met the same trouble don't meet again.
    return max(asked, FIRST_PAUSE * float(2**attempt) * random.uniform(0.5, 1.5))  # noqa: S311


def _describe_bad_key(place: Place, error: RefreshError) -> str:
    if "token must be a short-lived" in str(error).casefold():
        return "Google does not accept the key because this machine's clock is wrong; set the clock and run again."
    return (
        f"Google does not accept the key of the service account {place.address}; it was deleted or replaced: make a "
        "new key in the Google Cloud console and put it into MENTORING_GOOGLE_SERVICE_ACCOUNT."
    )


def open_client(settings: Settings, name: SpreadsheetName) -> SheetsClient:
    """The client for one of the two spreadsheets. Raises `SheetError` for a setting that is missing or wrong."""
    google = settings.program.google
    if google is None:
        raise SheetError(
            "program.yaml lacks “google”; add google → forms and google → committee with the ids of the spreadsheets, "
            "or set sheets to local."
        )
    if settings.google_service_account is None:
        raise SheetError(
            "MENTORING_GOOGLE_SERVICE_ACCOUNT is not set; put the path of the service account's key file there, in the "
            ".env file beside program.yaml."
        )
    account = read_service_account(settings.google_service_account, settings.folder)
    http = _open_http(account, SCOPES[name], settings.google_api_url or GOOGLE, settings.folder / PACE_FILE)
    place = Place(name, json.loads(account.get_secret_value())["client_email"])
    return SheetsClient(http, place, google.forms if name == "forms" else google.committee)


@lru_cache(maxsize=8)
def _open_http(account: SecretStr, scope: str, base: str, pace: Path) -> SheetsHttp:
    """A client is kept for the whole process, and its token with it."""
    try:
        credentials = _Account.from_service_account_info(  # type: ignore[no-untyped-call]
            json.loads(account.get_secret_value()), scopes=[scope]
        )
    except (ValueError, GoogleAuthError):
        raise SheetError(
            "The service account's key in MENTORING_GOOGLE_SERVICE_ACCOUNT is damaged; download the key file again "
            "and put its path there."
        ) from None
    return SheetsHttp(credentials, base, open_pace(pace))


def read_service_account(value: SecretStr, folder: Path) -> SecretStr:
    r"""The service account as clean JSON text, from such a text or the path of a file (relative to `folder`).

    Line breaks of the key that arrived as the two characters \n are repaired. Raises `SheetError`.
    """
    text = value.get_secret_value().strip()
    if not text.startswith("{"):
        try:
            text = (folder / Path(text).expanduser()).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            raise SheetError(
                "The file that MENTORING_GOOGLE_SERVICE_ACCOUNT names can't be read; correct its path, which counts "
                "from the program folder."
            ) from None
    try:
        # Real line breaks inside the key's text are what pasting into an environment makes of them.
        account = json.loads(text, strict=False)
    except ValueError:
        account = None
    needed = ("client_email", "private_key", "token_uri")
    if not isinstance(account, dict) or any(not isinstance(account.get(name), str) for name in needed):
        raise SheetError(
            "MENTORING_GOOGLE_SERVICE_ACCOUNT holds no service account's key; create a key of type JSON in the Google "
            "Cloud console and put the path of the file there."
        )
    account["private_key"] = account["private_key"].replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n"
    return SecretStr(json.dumps(account, sort_keys=True))
