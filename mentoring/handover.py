"""The handover: what a new committee has to know of a year, also after personal data is gone.

Belongs here: what happened to each match and request and why, from the audit log and by references alone; the settings
that the committee changed; next year's calendar; what waits for whom. Does not belong here: figures of the evaluation
(`mentoring.evaluation`) and how the page looks (`tasks.handover_pages`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mentoring.calendar import list_calendar
from mentoring.cohort import Cohort, Match
from mentoring.completion import list_silent
from mentoring.confirmations import count_waiting
from mentoring.next_year import shift_cohort
from mentoring.outbox import came_back, list_doubtful
from mentoring.steering import list_settings, spell_value

#: In the order of a life: what one run did has one moment in the log.
_MATCH_STEPS = {
    ("hold_match", "held"): "put on hold by the committee",
    ("hold_match", "let go"): "no longer on hold",
    ("approve_match", ""): "approved by the committee",
    ("reject_match", "committee"): "rejected by the committee",
    ("reject_match", "superseded"): "replaced by a better proposal",
    ("reject_match", "applicant_withdrew"): "an application was withdrawn",
    ("activate_match", ""): "introduced",
    ("pause_match", ""): "paused, as somebody asked",
    ("lengthen_pause", ""): "paused for longer",
    ("resume_match", "elapsed"): "went on: the pause was over",
    ("resume_match", "resumed"): "went on earlier, as somebody asked",
    ("end_pause", ""): "the pause ended with the match",
    ("end_match", "completed"): "completed the year",
    ("end_match", "withdrawn"): "ended: somebody could not go on",
    ("end_match", "not_working_out"): "ended: it did not work out",
}
_REQUEST_STEPS = {
    ("add_request", ""): "came in",
    ("decide_request", "confirmed"): "confirmed by the committee",
    ("decide_request", "declined"): "declined by the committee",
    ("decide_request", "unclear"): "unclear, the committee was asked",
    ("finish_request", ""): "done",
}
_REQUEST_KINDS = {
    "withdrawn": "Can't go on",
    "not_working_out": "The match does not work out",
    "paused": "Has to pause",
    "resumed": "Go on after a pause",
}


@dataclass(frozen=True)
class Happening:
    """A row of the audit log about a match or a request."""

    day: date
    entity: str
    entity_id: str
    happening: str
    detail: str


@dataclass(frozen=True)
class Decided:
    """A match or a request by its reference: what it was about, why, and its steps as (day, words)."""

    reference: str
    about: str
    why: str
    steps: Sequence[tuple[date, str]]


@dataclass(frozen=True)
class Handover:
    """Everything on the page; `changed` are (setting, at the beginning, in force), `open_ends` (who, what)."""

    matches: Sequence[Decided]
    requests: Sequence[Decided]
    changed: Sequence[tuple[str, str, str]]
    calendar: Sequence[tuple[date, str]]
    open_ends: Sequence[tuple[str, str]]


def write_handover(cohort: Cohort, happenings: Sequence[Happening], today: date) -> Handover:
    """What is handed over of this cohort on the day `today`."""
    by_id: dict[str, list[Happening]] = {}
    for item in happenings:
        by_id.setdefault(item.entity_id, []).append(item)
    matches = [
        _tell_match(match, by_id.get(match.match_id, []))
        for _, match in sorted(cohort.matches.items())
        if match.state != "rejected" or match.reason == "committee"
    ]
    requests = [
        Decided(
            key,
            _REQUEST_KINDS[request.kind],
            request.match_id or "",
            _list_steps(by_id.get(key, []), _REQUEST_STEPS),
        )
        for key, request in sorted(cohort.requests.items())
    ]
    return Handover(
        matches,
        requests,
        list(_list_changed(cohort)),
        list_calendar(shift_cohort(cohort.settings)),
        list(_list_open_ends(cohort, today)),
    )


def _tell_match(match: Match, happenings: Sequence[Happening]) -> Decided:
    points = [item.detail for item in happenings if item.happening in ("propose_match", "explain_match")]
    kind = "rematch" if match.is_rematch else "match"
    why = f"{match.points} points" + (f": {points[-1]}" if points and points[-1] else "")
    return Decided(match.match_id, kind, why, _list_steps(happenings, _MATCH_STEPS))


def _list_steps(
    happenings: Sequence[Happening], words: Mapping[tuple[str, str], str]
) -> list[tuple[date, str]]:
    order = list(words)
    steps = [(item.day, (item.happening, item.detail)) for item in happenings]
    known = sorted((day, order.index(step)) for day, step in steps if step in words)
    return [(day, words[order[place]]) for day, place in known]


def _list_changed(cohort: Cohort) -> Iterator[tuple[str, str, str]]:
    before = {
        "settings": cohort.program.cohorts[cohort.cohort_id].model_dump(),
        "policy": cohort.program.policy.model_dump(),
    }
    after = {"settings": cohort.settings.model_dump(), "policy": cohort.policy.model_dump()}
    for setting in list_settings():
        old, new = (_find(data, setting.path) for data in (before, after))
        if old != new:
            yield setting.words, old, new


def _find(data: object, path: Sequence[str]) -> str:
    for step in path:
        assert isinstance(data, Mapping), "every setting lies in a mapping"
        data = data[step]
    return spell_value(data)


def _list_open_ends(cohort: Cohort, today: date) -> Iterator[tuple[str, str]]:
    yield from list_waiting(cohort, today)
    met = {match.mentee_application_id for match in cohort.matches.values() if match.introduced_at}
    waiting = [
        key
        for key, item in sorted(cohort.applications.items())
        if item.role == "mentee" and item.state == "accepted" and key not in met
    ]
    if waiting:
        yield (
            "Next year's matching",
            f"Mentees who were accepted and never had a mentor: {len(waiting)} ({', '.join(waiting)}). "
            "Who applies again goes first.",
        )
    active = len(cohort.list_matches("active"))
    if active:
        yield "The pairs", f"Pairs that are under way: {active}."
    if cohort.running_pauses:
        yield (
            "The pairs",
            f"Pairs that pause: {len(cohort.running_pauses)} ({', '.join(cohort.running_pauses)}).",
        )
    silent = len(list_silent(cohort))
    if silent and cohort.settings.evaluation_opens <= today <= cohort.settings.evaluation_due:
        yield "Those who were asked", f"Evaluations that have not come back: {silent}."


def list_waiting(cohort: Cohort, today: date) -> Iterator[tuple[str, str]]:
    """What waits for a person: (for whom, one sentence with its count)."""
    doubtful = list_doubtful(cohort)
    committee = {
        "Proposals that wait for a decision on the Matches tab": sum(
            match.state == "proposed" and not match.is_held for match in cohort.matches.values()
        ),
        "Pairs on hold": sum(match.is_held for match in cohort.list_matches("proposed")),
        "Requests that wait for a decision on the Requests tab": sum(
            request.state in ("received", "unclear") for request in cohort.requests.values()
        ),
        "Messages that wait for a decision on the Messages tab": len(doubtful),
        "Messages held back, because the mail provider does not deliver to the address": sum(
            message.state == "suppressed" for message in doubtful
        ),
        "Messages that came back after they were sent": sum(map(came_back, doubtful)),
        "Answers that could not be placed": len(cohort.unplaced),
    }
    if today <= cohort.settings.ends:
        faulty = [item for item in cohort.applications.values() if item.state == "needs_attention"]
        unreachable = sum(item.person_id is None for item in faulty)
        if len(faulty) > unreachable:
            correct = len(faulty) - unreachable
            yield "The applicants", f"Applications that wait for the applicant's correction: {correct}."
        if unconfirmed := count_waiting(cohort):
            what = "Accepted applications that wait for the applicant's confirmation"
            yield "The applicants", f"{what}: {unconfirmed}."
        committee = {"Applications with an address that can't be used": unreachable} | committee
    for what, count in committee.items():
        if count:
            yield "The committee", f"{what}: {count}."
