"""`mentoring status`: where each cohort stands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from deployments.pauses import find_paused_flows
from mentoring.calendar import list_calendar, local_day, name_day
from mentoring.cohort import Cohort
from mentoring.handover import list_waiting
from mentoring.pair_standing import Contact, count_contact
from tasks.desk import Desk, gather_desk
from tasks.handover_pages import find_handover
from tasks.restored import find_block
from tasks.review_pages import find_review
from tasks.runs import Run, open_program, open_run

_CONTACT: Mapping[Contact, str] = {
    "told": "told of contact",
    "none": "never in touch, says the mentee",
    "unknown": "not known",
}


@dataclass(frozen=True)
class Standing:
    """Where a cohort stands: counts by entity and state, (day, what) that is next, sentences on what waits.

    `paused` are the flows that the operator paused; None if no Prefect server answers that knows them. `handover` is
    the page for the next committee, where it is there.
    """

    cohort: str
    as_of: str
    counts: Mapping[str, Mapping[str, int]]
    next: Sequence[tuple[str, str]]
    waiting: Sequence[str]
    paused: Sequence[str] | None
    handover: str | None


def read_standing(folder: Path | None, as_of: datetime | None) -> list[Standing]:
    """The standing of every cohort of the program. Raises what opening a run raises."""
    settings = open_program(folder)
    paused = find_paused_flows(settings.folder)
    standings = []
    for cohort_id in sorted(settings.program.cohorts):
        run = open_run("status", cohort_id, as_of, True, folder)
        desk = gather_desk(run)
        today = local_day(run.now, desk.cohort.program.zone)
        waiting = (
            *desk.problems,
            *find_block(run),
            *(what for _, what in list_waiting(desk.cohort, today)),
            *_point_to_review(run, desk),
        )
        counts = count_states(desk.cohort)
        page = find_handover(run.settings.folder, cohort_id)
        standings.append(
            Standing(
                cohort_id,
                run.now.isoformat(),
                counts,
                list(_list_next(desk.cohort, today)),
                waiting,
                paused,
                str(page) if page.exists() else None,
            )
        )
    return standings


def _point_to_review(run: Run, desk: Desk) -> list[str]:
    page = find_review(run.settings.folder, run.cohort_id)
    is_useful = page.exists() and desk.cohort.list_matches("proposed")
    return [f"The proposals side by side, for the committee: {page}."] if is_useful else []


def count_states(cohort: Cohort) -> dict[str, dict[str, int]]:
    """How many applications, matches and so on are in which state, and what is known of contact."""
    groups = {
        "mentor applications": Counter(
            item.state for item in cohort.applications.values() if item.role == "mentor"
        ),
        "mentee applications": Counter(
            item.state for item in cohort.applications.values() if item.role == "mentee"
        ),
        "matches": Counter(match.state for match in cohort.matches.values()),
        "pauses": Counter(pause.state for pause in cohort.pauses),
        "requests": Counter(request.state for request in cohort.requests.values()),
        "messages": Counter(message.state for message in cohort.messages),
    }
    answers = {"check-ins": len(cohort.check_ins), "evaluations": len(cohort.evaluations)}
    counts = {name: dict(sorted(found.items())) for name, found in groups.items()}
    over = {_CONTACT[known]: number for known, number in count_contact(cohort).items()}
    return counts | {"pairs that are over": over, "answers": answers}


def _list_next(cohort: Cohort, today: date) -> Iterator[tuple[str, str]]:
    upcoming = [(day, what) for day, what in list_calendar(cohort.settings) if day >= today]
    horizon = today + timedelta(days=45)
    return (
        (day.isoformat(), what)
        for number, (day, what) in enumerate(upcoming)
        if number == 0 or day <= horizon
    )


def write_words(standings: Sequence[Standing]) -> str:
    """Standings for people."""
    return "\n\n".join("\n".join(_write_one(standing)) for standing in standings)


def _write_one(standing: Standing) -> Iterator[str]:
    yield f"Cohort {standing.cohort}, {name_day(datetime.fromisoformat(standing.as_of).date())}"
    for name, states in standing.counts.items():
        words = ", ".join(f"{count} {_name_state(state, count)}" for state, count in states.items() if count)
        yield f"  {name:<20} {words or 'none'}"
    yield "  Next"
    for day, what in standing.next:
        yield f"    {name_day(date.fromisoformat(day))}: {what}"
    if standing.paused is None:
        yield "  Nothing runs by itself: no Prefect server has the flows; “mentoring serve” starts one."
    for name in standing.paused or ():
        yield f"  Paused in Prefect: {name}. It does not run by itself until somebody resumes it there."
    yield "  Waits for a person" if standing.waiting else "  Nothing waits for a person."
    for line in standing.waiting:
        yield f"    → {line}"
    if standing.handover:
        yield f"  For the next committee: {standing.handover}"


def _name_state(state: str, count: int) -> str:
    one_and_many = {
        "needs_attention": ("needs attention", "need attention"),
        "duplicate": ("duplicate", "duplicates"),
        "check-ins": ("check-in", "check-ins"),
        "evaluations": ("evaluation", "evaluations"),
    }
    return one_and_many.get(state, (state, state))[count != 1]


def write_json(standings: Sequence[Standing]) -> str:
    """Standings for other programs."""
    return json.dumps([asdict(standing) for standing in standings], indent=2)
