"""What SendGrid's own records say: the Email Logs of the last 30 days, and the suppression lists.

Belongs here: reading them, having a person erased from them, and what they mean for us. Does not belong here: sending
(`tasks.mail_sendgrid`), and the events that SendGrid brings by itself (`tasks.mail_webhook`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tasks.mail import MESSAGE_ARGUMENT, Delivery, MailError
from tasks.sendgrid_calls import (
    CATEGORY,
    Answer,
    NotConnectedError,
    SendGridCalls,
    UnclearCallError,
)

_LOG_LIMIT = 1000
_PAGE = 500
#: Addresses that one job of erasure takes.
_MOST_ERASED = 5000

#: What each list says of the people on it. Who is on several is shown with the last of them. The list of blocks is not
#: here: SendGrid goes on sending to blocked addresses, so nobody on it may be kept from their mail.
SUPPRESSION_LISTS = {
    "bounces": "mail to the address came back",
    "invalid_emails": "the address does not exist",
    "unsubscribes": "the person unsubscribed from all mail",
    "spam_reports": "the person reported our mail as spam",
}
_OUTCOMES = {
    "processed": Delivery("accepted"),
    "deferred": Delivery("accepted"),
    "delivered": Delivery("accepted"),
    "dropped": Delivery(
        "refused", problem="SendGrid took it and dropped it: the address is on a suppression list."
    ),
    "bounced": Delivery("refused", problem="SendGrid sent it, and it came back."),
    "blocked": Delivery(
        "refused", problem="SendGrid sent it, and the recipient's mail server turned it away."
    ),
}


def find_in_logs(
    calls: SendGridCalls, message_id: str, since: datetime, owners: dict[str, str]
) -> Delivery | None:
    """What the Email Logs say of our message that was sent after `since`; None if they don't hold it.

    They can't be searched by our id, so every message since then is asked for its custom_args, the newest first,
    because doubts are young. `owners` keeps SendGrid's id → ours between calls, for that never changes. Raises
    `MailError`.
    """
    entries = _search_logs(calls, since)
    for entry in sorted(entries, key=lambda entry: str(entry.get("sg_message_id_created_at")), reverse=True):
        number = str(entry.get("sg_message_id", ""))
        if number and _find_owner(calls, number, owners) == message_id:
            known = _OUTCOMES.get(str(entry.get("status")))
            # Another status than those that are documented says no less that SendGrid has it.
            outcome = known or Delivery("accepted")
            return Delivery(outcome.outcome, provider_id=number, problem=outcome.problem)
    return None


def _search_logs(calls: SendGridCalls, start: datetime, end: datetime | None = None) -> list[dict[str, Any]]:
    """Entries from `start` to `end`. An answer has no second page: where it is full, its time is asked for in parts."""
    body = {"query": _write_query(start, end), "limit": _LOG_LIMIT}
    answer = _ask(
        calls, lambda account: account.client.logs.post(request_body=body), "Email Activity", "logs"
    )
    content = answer.read_json()
    entries = content.get("messages") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise MailError("SendGrid's logs came in a form that can't be read; the next run asks again.")
    entries = [entry for entry in entries if isinstance(entry, dict)]
    times = sorted(filter(None, map(_read_time, entries)))
    if len(entries) < _LOG_LIMIT or not times:
        return entries
    middle = times[len(times) // 2]
    if middle <= start or (end and middle >= end):
        return entries
    return _search_logs(calls, start, middle) + _search_logs(calls, middle, end)


def _write_query(start: datetime, end: datetime | None = None) -> str:
    limits = [f'sg_message_id_created_at {sign} TIMESTAMP "{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"'
              for sign, moment in ((">=", start), ("<=", end)) if moment]  # fmt: skip
    return " AND ".join([*limits, f"categories IN ('{CATEGORY}')"])


def _read_time(entry: dict[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(entry.get("sg_message_id_created_at")))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _find_owner(calls: SendGridCalls, number: str, owners: dict[str, str]) -> str | None:
    if number not in owners:
        path = f"logs/{quote(number, safe='')}"
        answer = _ask(
            calls,
            lambda account: account.client._(path).get(),
            "Email Activity",
            "logs",
            missing_is_fine=True,
        )
        content = answer.read_json()
        arguments = content.get("custom_args") if isinstance(content, dict) else None
        owner = arguments.get(MESSAGE_ARGUMENT) if isinstance(arguments, dict) else None
        if not isinstance(owner, str):
            return None
        owners[number] = owner
    return owners[number]


def list_suppressed_addresses(calls: SendGridCalls) -> dict[str, str]:
    """Addresses in small letters on the account's suppression lists, with the reason in words. Raises `MailError`."""
    return {
        address: reason
        for name, reason in SUPPRESSION_LISTS.items()
        for address in _list_addresses(calls, name)
    }


def _list_addresses(calls: SendGridCalls, name: str) -> Iterator[str]:
    offset = 0
    while True:
        page = read_suppressions(calls, name, _PAGE, offset)
        yield from (str(entry["email"]).strip().lower() for entry in page if "email" in entry)
        if len(page) < _PAGE:
            return
        offset += _PAGE


def read_suppressions(calls: SendGridCalls, name: str, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """One page of a suppression list. Raises `MailError`."""
    query = {"limit": limit, "offset": offset}
    answer = _ask(
        calls,
        lambda account: account.client.suppression._(name).get(query_params=query),
        "Suppressions",
        "suppression lists",
    )
    page = answer.read_json()
    if not isinstance(page, list) or not all(isinstance(entry, dict) for entry in page):
        raise MailError(
            "SendGrid's suppression lists came in a form that can't be read; nothing is sent without them."
        )
    return page


def erase_recipients(calls: SendGridCalls, addresses: Sequence[str]) -> None:
    """Have SendGrid erase what it keeps of recipients (Recipients' Data Erasure API). Raises `MailError`.

    SendGrid does it within some days; its suppression lists stay.
    """
    for start in range(0, len(addresses), _MOST_ERASED):
        _erase_some(calls, list(addresses[start : start + _MOST_ERASED]))


def _erase_some(calls: SendGridCalls, addresses: list[str]) -> None:
    body = {"email_addresses": addresses}
    _ask(
        calls,
        lambda account: account.client.recipients.erasejob.post(request_body=body),
        "recipients.erasejob.create",
        "an erasure",
    )


def check_access(calls: SendGridCalls, sandbox: dict[str, Any], unsubscribe_group: int | None) -> str:
    """Send `sandbox`, a message in sandbox mode, and read all that a run reads; say what was found.

    Raises `MailError` with the first thing to mend.
    """
    answer = _ask(calls, lambda account: account.send(sandbox), "Mail Send", "mail")
    if answer.status != 200:
        raise MailError(
            f"SendGrid answered {answer.status} to a message in sandbox mode, where 200 was due; look there."
        )
    for name in SUPPRESSION_LISTS:
        read_suppressions(calls, name, 1)
    body = {"query": _write_query(datetime.now(UTC) - timedelta(minutes=1)), "limit": 1}
    _ask(calls, lambda account: account.client.logs.post(request_body=body), "Email Activity", "logs")
    found = "SendGrid takes the key and a message (sandbox, nobody gets it), logs and suppression lists can be read"
    if unsubscribe_group is None:
        return found
    path = f"groups/{unsubscribe_group}"
    if (
        _ask(
            calls,
            lambda account: account.client.asm._(path).get(),
            "Unsubscribe Groups",
            "unsubscribe groups",
            missing_is_fine=True,
        ).status
        == 404
    ):
        raise MailError(
            f"SendGrid has no unsubscribe group {unsubscribe_group}; correct it in program.yaml, under “delivery”."
        )
    return f"{found}, the unsubscribe group {unsubscribe_group} is there"


def _ask(
    calls: SendGridCalls,
    request: Callable[[Any], Any],
    permission: str,
    subject: str,
    missing_is_fine: bool = False,
) -> Answer:
    try:
        answer = calls.ask(request)
    except (NotConnectedError, UnclearCallError) as error:
        raise MailError(
            f"SendGrid could not be asked for {subject} ({error}); look at the connection, then try again."
        ) from None
    if answer.status == 404 and missing_is_fine:
        return answer
    trouble = answer.describe_key_trouble(permission)
    if trouble:
        raise MailError(trouble)
    if not 200 <= answer.status < 300:
        name = answer.name_field()
        about = f", because of “{name}”" if name else ""
        raise MailError(
            f"SendGrid answered {answer.status} when asked for {subject}{about}; try again in some minutes."
        )
    return answer
