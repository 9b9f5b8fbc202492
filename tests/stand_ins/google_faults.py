"""What goes wrong at Google and on the way there: faults, where they strike, and quotas.

Belongs here: the answers and broken connections themselves, and the plan of when. Does not belong here: sending them
(`stand_ins.google_sheets`).

A fault strikes before the call is carried out, or after it (`after_commit`): then the work is done and the caller
doesn't learn it.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .google_tokens import PROJECT, expired

if TYPE_CHECKING:
    from .google_sheets import Call

JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. `action`: "answer", "hang" (for `seconds`), "reset" or "truncate"."""

    name: str
    action: str = "answer"
    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    after: bool = False

    def after_commit(self) -> Fault:
        """The same fault, but the call has been carried out."""
        return replace(self, name=f"{self.name}, after committing", after=True)


def word_error(status: int, code: str, message: str, **more: Any) -> bytes:
    """An error as Google's APIs write it."""
    error = {"code": status, "message": message, "status": code, **more}
    return json.dumps({"error": error}, indent=2).encode()


def _fault(name: str, status: int, code: str, message: str, **more: Any) -> Fault:
    return Fault(
        name, status=status, body=word_error(status, code, message, **more), headers={"Content-Type": JSON}
    )


def _word_quota(kind: str) -> str:
    return (
        f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute per user' of "
        f"service 'sheets.googleapis.com' for consumer 'project_number:100000000001'."
    )


def too_many_requests(retry_after: str | int | None = None) -> Fault:
    """429, with Retry-After (seconds or an HTTP date) or without, as Google mostly does."""
    fault = _fault("429", 429, "RESOURCE_EXHAUSTED", _word_quota("Read"))
    if retry_after is None:
        return fault
    return replace(
        fault,
        name=f"429 with Retry-After {retry_after}",
        headers={**fault.headers, "Retry-After": str(retry_after)},
    )


def internal_error() -> Fault:
    """500, as JSON."""
    return _fault("500", 500, "INTERNAL", "Internal error encountered.")


def bad_gateway() -> Fault:
    """502, as a page for people."""
    page = (
        b"<!DOCTYPE html>\n<html lang=en>\n  <title>Error 502 (Server Error)!!1</title>\n"
        b"  <p><b>502.</b> <ins>That\xe2\x80\x99s an error.</ins>\n  <p>The server encountered a temporary error and "
        b"could not complete your request.<p>Please try again in 30 seconds.\n"
    )
    return Fault("502 as HTML", status=502, body=page, headers={"Content-Type": "text/html; charset=UTF-8"})


def unavailable() -> Fault:
    """503, as JSON."""
    return _fault("503", 503, "UNAVAILABLE", "The service is currently unavailable.")


def hang(seconds: float = 60) -> Fault:
    """No answer for so long, and then a closed connection."""
    return Fault("timeout", action="hang", seconds=seconds)


def reset() -> Fault:
    """The connection is reset."""
    return Fault("connection reset", action="reset")


def truncate() -> Fault:
    """The answer breaks off in the middle; the call has been carried out."""
    return Fault("truncated body", action="truncate", after=True)


def plain_error() -> Fault:
    """An error that is a text where Google's clients expect an object."""
    return Fault(
        '{"error": "text"}', status=400, body=b'{"error": "backend_error"}', headers={"Content-Type": JSON}
    )


def permission_denied() -> Fault:
    """403: the spreadsheet isn't shared with the caller."""
    return _fault("403", 403, "PERMISSION_DENIED", "The caller does not have permission")


def api_disabled() -> Fault:
    """403: the project hasn't enabled the Sheets API."""
    address = (
        f"https://console.developers.google.com/apis/api/sheets.googleapis.com/overview?project={PROJECT}"
    )
    return _fault(
        "403 API not enabled",
        403,
        "PERMISSION_DENIED",
        f"Google Sheets API has not been used in project {PROJECT} before or it is disabled. Enable it by visiting "
        f"{address} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to "
        "our systems and retry.",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": {"service": "sheets.googleapis.com", "consumer": f"projects/{PROJECT}"},
            }
        ],
    )


def not_found() -> Fault:
    """404: no such spreadsheet."""
    return _fault("404", 404, "NOT_FOUND", "Requested entity was not found.")


def excel_file() -> Fault:
    """400: the id is that of an Excel file which Google only keeps."""
    return _fault(
        "400 Excel file", 400, "FAILED_PRECONDITION", "This operation is not supported for this document"
    )


def no_room() -> Fault:
    """400: the spreadsheet is as large as Google lets any be."""
    message = (
        "Invalid requests[0].appendCells: This action would increase the number of cells in the workbook above the "
        "limit of 10000000 cells."
    )
    return _fault("400 no room", 400, "INVALID_ARGUMENT", message)


def expired_token() -> Fault:
    """401: the token is over."""
    refused = expired()
    return _fault("401", refused.status, refused.code, refused.message)


#: Trouble that passes: the same call again would do.
PASSING: tuple[Fault, ...] = (
    too_many_requests(),
    too_many_requests(1),
    internal_error(),
    bad_gateway(),
    unavailable(),
    hang(),
    reset(),
)
#: Trouble after the work was done.
UNHEARD: tuple[Fault, ...] = (
    *(fault.after_commit() for fault in (internal_error(), bad_gateway(), unavailable(), hang(), reset())),
    truncate(),
)
#: Trouble that a person has to mend, and nonsense.
LASTING: tuple[Fault, ...] = (permission_denied(), api_disabled(), not_found(), plain_error())


class Faults:
    """When which fault strikes. The first entry that fits a call and isn't used up is taken."""

    def __init__(self) -> None:
        self._plan: list[_Entry] = []

    def at(self, where: int | Callable[[Call], bool], fault: Fault, times: int = 1) -> None:
        """Let a fault strike at the call of this number (from 1), or at calls that fit, at most so many times."""
        wanted = (lambda call: call.number == where) if isinstance(where, int) else where
        self._plan.append(_Entry(wanted, fault, times))

    def always(self, fault: Fault) -> None:
        """Let a fault strike at every call."""
        self.at(lambda call: True, fault, times=1_000_000_000)

    def clear(self) -> None:
        """Let everything work."""
        self._plan.clear()

    @property
    def left(self) -> int:
        """How many entries have not struck as often as they could."""
        return sum(entry.times > 0 for entry in self._plan)

    def take(self, call: Call) -> Fault | None:
        """The fault that strikes at this call."""
        for entry in self._plan:
            if entry.times > 0 and entry.wanted(call):
                entry.times -= 1
                return entry.fault
        return None


@dataclass
class _Entry:
    wanted: Callable[[Call], bool]
    fault: Fault
    times: int


@dataclass
class Quota:
    """So many reads and writes within any minute; `clock` tells seconds."""

    reads: int = 60
    writes: int = 60
    clock: Callable[[], float] = time.monotonic
    _taken: dict[str, deque[float]] = field(default_factory=lambda: {"read": deque(), "write": deque()})

    def refuse(self, kind: str) -> Fault | None:
        """Count a call, or say that it is one too many."""
        now, taken = self.clock(), self._taken[kind]
        while taken and taken[0] <= now - 60:
            taken.popleft()
        if len(taken) >= (self.reads if kind == "read" else self.writes):
            return _fault("quota", 429, "RESOURCE_EXHAUSTED", _word_quota(kind.capitalize()))
        taken.append(now)
        return None
