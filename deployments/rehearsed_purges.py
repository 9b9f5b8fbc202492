"""Years whose time is over, in a rehearsal: the purge runs on its day, and nothing personal may be left of the year.

Belongs here: when the flow runs on the stage, and what has to hold after it. Does not belong here: a year as it is
lived (`deployments.rehearsed_year`), and removing anything (`tasks.erasure`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from deployments.rehearsed_year import RUNS_AT, RehearsedYear
from flows import load_flow
from mentoring.calendar import find_purge_day, name_day
from mentoring.cohort import Cohort
from mentoring.completion import summarise_year
from mentoring.errors import PlainError
from tasks.runs import open_run
from tasks.stage import Stage, play_on
from tasks.stage_sheets import StageSheets

#: Runs that find the spreadsheets away are repeated, for so many days.
_MOST_DAYS = 30


@dataclass
class RehearsedPurges:
    """The years of a rehearsal, and those that were purged; `broken` are sentences on what did not hold."""

    years: list[RehearsedYear] = field(default_factory=list)
    purged: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def live_day(self, moment: datetime) -> None:
        """Purge what is due on this day of a later year; call it on the stage."""
        for year in self.years:
            if year.cohort_id not in self.purged and find_purge_day(year.acts.settings) <= moment.date():
                self._purge(year, moment)

    def finish(self) -> None:
        """Let time pass after the last year until every year is over."""
        stage = self.years[-1].stage
        lived = self.years[-1].acts.settings.evaluation_due + timedelta(days=3)
        with play_on(stage):
            for year in self.years:
                first = max(lived, find_purge_day(year.acts.settings))
                for day in (first + timedelta(days=number) for number in range(_MOST_DAYS)):
                    if year.cohort_id not in self.purged:
                        self.live_day(datetime.combine(day, RUNS_AT, stage.settings.program.zone))
                if year.cohort_id not in self.purged:
                    self.broken.append(f"The year {year.cohort_id} was never purged.")

    def _purge(self, year: RehearsedYear, moment: datetime) -> None:
        others = [other for other in self.years if other is not year and other.cohort_id not in self.purged]
        going = self._list_personal(year, others)
        before, kept = (
            year.read_cohort(moment),
            {other.cohort_id: other.read_cohort(moment) for other in others},
        )
        try:
            load_flow("purge-personal-data").fn(as_of=moment)
        except PlainError:
            year.failed["purge-personal-data was tried again"] += 1
            return
        self.purged[year.cohort_id] = _describe(year.cohort_id, going, before, moment.date())
        self.broken += _list_left_over(year, going, moment)
        self.broken += _list_lost_figures(before, year.read_cohort(moment))
        for other in others:
            if _picture(other.read_cohort(moment)) != _picture(kept[other.cohort_id]):
                self.broken.append(f"The purge of {year.cohort_id} changed the year {other.cohort_id}.")
        self.broken += [
            f"The invariant {name} does not hold after the purge of {year.cohort_id}: {rows[0]}."
            for name, rows in open_run("rehearse", None, moment, True).database.run_checks().items()
            if rows
        ]

    def _list_personal(self, year: RehearsedYear, others: list[RehearsedYear]) -> dict[str, str]:
        """Addresses of those who take part in no other year that is kept, and their names, where nobody else stays
        who has the same one in any year.
        """
        addresses = {person.email for other in others for person in other.acts.people}
        staying = "; ".join(
            person.answers["name"]
            # Whoever stays is still known as in a year that was purged before.
            for each in self.years
            for person in each.acts.people
            if person.email in addresses
        )
        return {
            person.email: "" if person.answers["name"] in staying else person.answers["name"]
            for person in year.acts.people
            if person.email not in addresses
        }


def _describe(cohort_id: str, going: Mapping[str, str], before: Cohort, day: date) -> str:
    ids = {item.person_id for item in before.applications.values() if item.person_id}
    mine = {before.people[person_id].email.casefold() for person_id in ids}
    gone, stayed = len(mine & set(going)), len(mine - set(going))
    return f"  Purged {cohort_id} on {name_day(day)}: {gone} people went, {stayed} of a later year stayed."


def _list_left_over(year: RehearsedYear, going: Mapping[str, str], moment: datetime) -> Iterator[str]:
    """Files of the program's folder, the database among them, and tabs of the desk that still know somebody."""
    for place, text in _read_places(year.stage):
        known = [
            address
            for address, name in going.items()
            if address in text or (name and name.casefold() in text)
        ]
        if known:
            yield f"After the purge of {year.cohort_id} on {moment:%Y-%m-%d}, {place} still knows {known[0]}."


def _read_places(stage: Stage) -> Iterator[tuple[str, str]]:
    for path in sorted(stage.settings.folder.rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes().decode("utf-8", "ignore").casefold()
    assert isinstance(stage.sheets, StageSheets)
    for tab, rows in stage.sheets.desk.items():
        yield f"the tab {tab}", repr(rows).casefold()


def _list_lost_figures(before: Cohort, after: Cohort) -> Iterator[str]:
    if not after.is_anonymised:
        yield f"The year {after.cohort_id} was purged and does not know it."
    old, new = (summarise_year(cohort, {}) for cohort in (before, after))
    if replace(old, quotes=(), texts_not_quoted=0) != replace(new, quotes=(), texts_not_quoted=0):
        yield f"The purge of {after.cohort_id} changed its figures."
    if new.quotes and not any(item.email for item in after.applications.values()):
        yield f"After the purge of {after.cohort_id} its report quotes people, and nobody of it is known any more."


def _picture(cohort: Cohort) -> tuple[Any, ...]:
    """Everything of a year that another one's purge has to leave alone."""
    return (
        cohort.applications,
        cohort.matches,
        cohort.requests,
        cohort.check_ins,
        cohort.evaluations,
        cohort.messages,
    )
