"""What stands on the committee's desk: the machine's cells of every tab.

A pure function of both, so that any run can write the whole desk anew and a cell that is right stays
untouched. The `Unmatched` and `Evaluation` tabs are written by the flows that compute them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from mentoring.calendar import local_day, name_day
from mentoring.cohort import Cohort, Match
from mentoring.confirmations import describe_wait
from mentoring.decisions import (
    Rows,
    read_message_decisions,
    read_pair_rules,
    read_request_decisions,
    read_topics,
)
from mentoring.desk import Cell, SheetTab, TabUpdate
from mentoring.lookalikes import find_lookalikes
from mentoring.message_markdown import join_words
from mentoring.messages import KINDS
from mentoring.outbox import came_back, came_too_late, comes_too_early, has_text, list_doubtful
from mentoring.pair_standing import describe_standing
from mentoring.pauses import describe_carried, describe_outcome
from mentoring.proposals import plan_match_decisions
from mentoring.requests import find_obstacle
from mentoring.steering import Steering

Row = Mapping[str, Cell]

_APPLICATION_WORDS = {
    "received": "Received",
    "accepted": "Accepted",
    "needs_attention": "Needs attention",
    "duplicate": "Duplicate",
    "withdrawn": "Withdrawn",
}
_END_WORDS = {
    "completed": "Completed",
    "withdrawn": "Ended: withdrawal",
    "not_working_out": "Ended: not working out",
}
_REJECT_WORDS = {
    "committee": "Rejected",
    "superseded": "Replaced by a better proposal",
    "applicant_withdrew": "Withdrawn application",
}
_REQUEST_WORDS = {
    "received": "Waits for you",
    "unclear": "Waits for you",
    "confirmed": "Confirmed",
    "declined": "Declined",
    "done": "Done",
}
_REQUEST_KINDS = {
    "withdrawn": "Can't go on",
    "not_working_out": "Match not working out",
    "paused": "Pause",
    "resumed": "Go on after the pause",
}
_MESSAGE_WORDS = {
    "unknown": "Unclear",
    "failed": "Not delivered",
    "suppressed": "Held back",
    "expired": "Too late",
    "sent": "Sent",
    "pending": "Will be sent",
    "sending": "Being sent",
    "cancelled": "Cancelled",
}
_MESSAGE_STEPS = {
    "unknown": "Ask the recipient whether it came, then choose Resend or Leave.",
    "failed": "Check the address, then choose Resend or Leave.",
    "suppressed": "The mail provider does not deliver to this address; write yourself, then choose Leave.",
    "expired": "Choose Resend if it is still worth reading, else Leave.",
}
_TELL_PARTNER = (
    "The mail provider does not deliver to this address; write yourself, tell the other side of the match, then "
    "choose Leave."
)
_CAME_BACK = ("Came back", "Check the address or write yourself, then choose Resend or Leave.")
_NO_TEXT = "Its text was removed with somebody's data; choose Leave."
_TOO_EARLY = "The pair pauses: Resend waits until the two go on. Or choose Leave."
_TOO_LATE = "The match has ended since, so it is not sent any more; choose Leave."


def describe_desk(
    cohort: Cohort, steering: Steering, desk: Mapping[str, SheetTab], now: datetime
) -> list[TabUpdate]:
    """Every tab's machine cells. `desk` are the tabs as just read; a tab missing there is not written."""
    rows = {name: tab.read_rows() for name, tab in desk.items()}
    updates = [
        TabUpdate("Program", steering.rows),
        TabUpdate("Applications", list_application_rows(cohort)),
        TabUpdate("Rules", _remark_rows(rows.get("Rules", []), ("Rule", "Mentor", "Mentee"), cohort)),
        TabUpdate("Matches", list_match_rows(cohort, rows.get("Matches", []))),
        TabUpdate("Topics", _remark_topics(rows.get("Topics", []))),
        TabUpdate("Requests", list_request_rows(cohort, rows.get("Requests", []), now)),
        TabUpdate("Check-ins", list_check_in_rows(cohort, now)),
        TabUpdate("Messages", list_message_rows(cohort, rows.get("Messages", []))),
    ]
    return [update for update in updates if update.tab in desk]


def _day(cohort: Cohort, moment: datetime | None) -> str:
    return local_day(moment, cohort.program.zone).isoformat() if moment else ""


def list_application_rows(cohort: Cohort) -> list[Row]:
    """The `Applications` tab: every application with its status in words."""
    rows: list[Row] = []
    alike = find_lookalikes(cohort)
    for key, item in sorted(cohort.applications.items()):
        faults = (
            " ".join(fault["sentence"] for fault in item.faults)
            if item.state == "needs_attention"
            else item.reason
        )
        waits = cohort.waits_for_confirmation(item)
        if waits:
            faults = f"{describe_wait(cohort, item)} {faults}".strip()
        if key in alike:
            others = join_words(alike[key])
            doubt = f"The address looks like that of {others}; ask both whether they are one person, before you match."
            faults = f"{faults} {doubt}".strip()
        rows.append(
            {
                "Reference": key,
                "Role": item.role,
                "Name": item.name or item.answers.get("name", ""),
                "E-mail": item.email or item.answers.get("email", ""),
                "Institution": item.answers.get("institution", ""),
                "Applied on": _day(cohort, item.received_at),
                "Status": "Not confirmed" if waits else _APPLICATION_WORDS[item.state],
                "What to fix": faults,
            }
        )
    return rows


def _remark_rows(rows: Rows, key: Sequence[str], cohort: Cohort) -> list[Row]:
    remarks = read_pair_rules(cohort, rows).remarks
    return [
        {**dict(zip(key, values, strict=True)), "Problem": remarks.get((values[0], values[1], values[2]), "")}
        for row in rows
        if any(values := [row.get(heading, "") for heading in key])
    ]


def _remark_topics(rows: Rows) -> list[Row]:
    _, remarks = read_topics(rows)
    return [
        {"Month": row["Month"], "Problem": remarks.get(row["Month"], "")} for row in rows if row.get("Month")
    ]


def describe_match_status(cohort: Cohort, match: Match) -> str:
    """The state of a match in the committee's words."""
    if match.state == "proposed":
        return "On hold" if match.is_held else ("Proposed (rematch)" if match.is_rematch else "Proposed")
    if match.state == "approved":
        return "Approved"
    if match.state == "active":
        return f"Introduced on {_day(cohort, match.introduced_at)}"
    return (_END_WORDS if match.state == "ended" else _REJECT_WORDS)[match.reason or ""]


def list_match_rows(cohort: Cohort, written: Rows) -> list[Row]:
    """The `Matches` tab: what waits for a person first, best pairs on top."""
    from mentoring.matching.result import name_people

    _, remarks = plan_match_decisions(cohort, written)
    order = {"proposed": 0, "approved": 1, "active": 2, "ended": 3, "rejected": 4}
    names = {key: cohort.name_of(key) for key in cohort.applications}
    rows: list[Row] = []
    to_do = {key: remarks.get(key, _ask_for_decision(match)) for key, match in cohort.matches.items()}
    for match in sorted(
        cohort.matches.values(),
        key=lambda m: (not to_do[m.match_id], order[m.state], -m.points, m.match_id),
    ):
        why, watch, others = (match.explanation.get(name, "") for name in ("why", "watch_outs", "runner_ups"))
        rows.append(
            {
                "Reference": match.match_id,
                "Mentor": names[match.mentor_application_id],
                "Mentee": names[match.mentee_application_id],
                "Points": match.points,
                "Why": name_people(why, names),
                "Watch out": name_people(watch, names),
                "Runner-ups": name_people("; ".join(others), names),
                "Status": describe_match_status(cohort, match),
                "To do": to_do[match.match_id],
            }
        )
    return rows


def _ask_for_decision(match: Match) -> str:
    return "Choose Approve, Reject or Hold." if match.state == "proposed" and not match.is_held else ""


def list_request_rows(cohort: Cohort, written: Rows, now: datetime) -> list[Row]:
    """The `Requests` tab."""
    decisions = read_request_decisions(written)
    today = local_day(now, cohort.program.zone)
    rows: list[Row] = []
    for key, request in sorted(cohort.requests.items()):
        waits = request.state in ("received", "unclear")
        partner = cohort.matches[request.match_id] if request.match_id else None
        own = request.application_id
        rows.append(
            {
                "Reference": key,
                "Received": _day(cohort, request.received_at),
                "From": cohort.name_of(own) if own else "unknown",
                "Role": cohort.applications[own].role if own else "",
                "Partner": cohort.name_of(partner.find_partner(own)) if partner and own else "",
                "Request": _REQUEST_KINDS[request.kind],
                "In their words": request.words,
                "Status": (request.state == "done" and describe_carried(cohort, request))
                or _REQUEST_WORDS[request.state],
                "To do": (
                    decisions.remarks.get(key)
                    or find_obstacle(cohort, request, today)
                    or f"Choose Confirm or Decline. {describe_outcome(cohort, request, today)}".strip()
                    if waits
                    else ""
                ),
            }
        )
    return rows


def list_check_in_rows(cohort: Cohort, now: datetime) -> list[Row]:
    """The `Check-ins` tab: every pair that was introduced; pairs that ended keep their last line."""
    rows: list[Row] = []
    for match in cohort.list_matches("active", "ended"):
        standing = describe_standing(cohort, match, now)
        ended = match.state == "ended"
        rows.append(
            {
                "Reference": match.match_id,
                "Mentor": cohort.name_of(match.mentor_application_id),
                "Mentee": cohort.name_of(match.mentee_application_id),
                "Introduced": _day(cohort, match.introduced_at),
                "Last contact": standing.last_contact.isoformat() if standing.last_contact else "",
                "Signal": describe_match_status(cohort, match) if ended else standing.signal,
                "Next step": "" if ended else standing.next_step,
            }
        )
    return rows


def list_message_rows(cohort: Cohort, written: Rows) -> list[Row]:
    """The `Messages` tab: messages that need a person, and those on it already that were settled since."""
    remarks = read_message_decisions(written).remarks
    on_tab = {row.get("Reference", "") for row in written}
    doubtful = {message.message_id for message in list_doubtful(cohort)}
    rows: list[Row] = []
    for message in cohort.messages:
        waits = message.message_id in doubtful
        if not (waits or message.reference in on_tab):
            continue
        recipient = cohort.people[message.recipient_id]
        queued_on = name_day(local_day(message.queued_at, cohort.program.zone))
        status, step = _MESSAGE_WORDS[message.state], _MESSAGE_STEPS.get(message.state, "")
        if message.state == "suppressed" and message.subject_id in cohort.matches:
            step = _TELL_PARTNER
        if came_back(message):
            status, step = _CAME_BACK
        if came_too_late(cohort, message):
            step = _TOO_LATE
        if comes_too_early(cohort, message):
            step = _TOO_EARLY
        if not has_text(cohort, message):
            step = _NO_TEXT
        settled = {"resent": "Sent once more, as a new message.", "left": "Left as it is."}.get(
            message.resolution or "", ""
        )
        rows.append(
            {
                "Reference": message.reference,
                "To": recipient.name or recipient.email or "erased",
                "Message": f"{KINDS[message.kind].label}, queued {queued_on}",
                "Status": status,
                "What happened": message.problem,
                "To do": remarks.get(message.reference, step) if waits else settled,
            }
        )
    return rows
