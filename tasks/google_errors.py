"""What Google's refusals mean, one sentence each with the mend.

Belongs here: from a refusal to words. Google's own words are never repeated: they may quote a cell. Does not belong
here: calling Google (`tasks.google_client`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tasks.sheets import SheetError

SpreadsheetName = Literal["forms", "committee"]
API_PAGE = "https://console.cloud.google.com/apis/library/sheets.googleapis.com"

_NAMES: Mapping[SpreadsheetName, str] = {
    "forms": "the forms' spreadsheet",
    "committee": "the committee's spreadsheet",
}
_SHARES: Mapping[SpreadsheetName, str] = {"forms": "Viewer", "committee": "Editor"}


class RefusedError(Exception):
    """Google's definite “no” to one call: nothing was done."""

    def __init__(self, status: int, reasons: Sequence[str], message: str, retry_after: float | None) -> None:
        super().__init__(f"Google refused with status {status}")
        self.status, self.reasons, self.retry_after = status, frozenset(reasons), retry_after
        # Kept from every repr and log: it may quote a cell.
        self._message = message

    def says(self, pattern: str) -> re.Match[str] | None:
        """Whether Google's words match, whatever their case."""
        return re.search(pattern, self._message, re.IGNORECASE)


class UnclearError(Exception):
    """No complete answer came: the call may have been done or not. The text says what happened, without data."""


class UnreachableError(UnclearError):
    """The call certainly did not arrive: no connection, or no token for it."""


class PostponedError(UnclearError):
    """A write certainly was not done, and there was a pause: look at the spreadsheet again, then write."""


def read_refusal(status: int, body: Any, retry_after: float | None) -> RefusedError:
    """A refusal from the parsed body of an answer; Google's proxies send other shapes than its API."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return RefusedError(status, (), error if isinstance(error, str) else "", retry_after)
    details = [part for part in error.get("details") or () if isinstance(part, dict)]
    errors = [part for part in error.get("errors") or () if isinstance(part, dict)]
    reasons = [error.get("status"), *(part.get("reason") for part in (*details, *errors))]
    return RefusedError(
        status, [str(reason) for reason in reasons if reason], str(error.get("message") or ""), retry_after
    )


@dataclass(frozen=True)
class Place:
    """Which spreadsheet a call was about and who called: all that a sentence needs."""

    name: SpreadsheetName
    address: str

    @property
    def words(self) -> str:
        """The spreadsheet as people call it."""
        return _NAMES[self.name]

    def describe(self, trouble: RefusedError | UnclearError, tab: str | None = None) -> SheetError:
        """The sentence for people; `tab` is the tab that the refused part was about."""
        sentence = (
            self._name_refusal(trouble, tab)
            if isinstance(trouble, RefusedError)
            else self._name_silence(trouble)
        )
        return SheetError(sentence[:1].upper() + sentence[1:])

    def _name_refusal(self, refusal: RefusedError, tab: str | None) -> str:
        if refusal.status == 404:
            return (
                f"{self.words} was not found at Google; copy the id from its address into program.yaml "
                f"(google → {self.name}), and share it with {self.address}."
            )
        if refusal.reasons & {"SERVICE_DISABLED", "accessNotConfigured"} or refusal.says(
            r"has not been used in project|is disabled"
        ):
            return (
                f"the Google Sheets API is switched off in the service account's project; enable it at {API_PAGE}, "
                "wait a few minutes, and run again."
            )
        if refusal.says("protected cell or object"):
            where = f"the tab “{tab}” of {self.words}" if tab else self.words
            return (
                f"{where} has protected cells that the software must write; in Google Sheets, choose Data → Protect "
                f"sheets and ranges, and let {self.address} edit them."
            )
        if refusal.status == 403:
            return (
                f"{self.words} is not shared with the software; open it in Google Sheets, choose Share, and add "
                f"{self.address} as {_SHARES[self.name]}."
            )
        if refusal.status == 401:
            return f"Google does not accept the service account {self.address}; make a new key and put it in place."
        if refusal.says("not supported for this document|must not be an Office file"):
            return (
                f"{self.words} is an Excel file kept at Google; open it, choose File → Save as Google Sheets, and put "
                f"the new id into program.yaml (google → {self.name})."
            )
        if refusal.says("above the limit of [0-9,]+ cells"):
            return (
                f"{self.words} has no room left; delete blank rows and tabs that nobody needs, and run again."
            )
        if refusal.status == 429:
            return (
                f"Google's limit of calls a minute is used up for {self.address}; run again in a few minutes, and "
                "give other programs a service account of their own."
            )
        if refusal.status >= 500:
            return (
                f"Google can't serve {self.words} now (status {refusal.status}); run again in a few minutes."
            )
        where = f"the tab “{tab}” of {self.words}" if tab else self.words
        return (
            f"Google refused a call about {where} (status {refusal.status}); see that nobody protected, merged or "
            "removed parts of it, and run again."
        )

    def _name_silence(self, trouble: UnclearError) -> str:
        return (
            f"{self.words} could not be reached ({trouble}); see that this machine is online, and run again."
        )
