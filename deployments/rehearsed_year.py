"""One rehearsed year: which flow runs on which day, and what must hold after each.

The flows' own bodies run on a stage, as often as their schedules would find something to do. Belongs here: the calendar
of a rehearsal, and watching. Does not belong here: what people do (`deployments.rehearsed_acts`), the promises
themselves (`deployments.rehearsal_promises`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random

from deployments.rehearsal_promises import list_broken_promises, list_unheard_calls
from deployments.rehearsed_acts import Acts
from flows import load_flow
from mentoring.calendar import list_topic_days
from mentoring.cohort import Cohort
from mentoring.completion import REMINDERS
from mentoring.errors import PlainError
from mentoring.outbox import DOUBTFUL
from mentoring.steering import steer_cohort
from tasks.ledger import read_cohort
from tasks.runs import Run, RunReport, open_run
from tasks.stage import Stage, play_on

#: In the committee's time zone: daytime from Honolulu to Berlin.
RUNS_AT = time(14)
_TRIES = 6


@dataclass
class RehearsedYear:
    """One cohort's year on a stage; `broken` are sentences on promises that did not hold, empty if all is well.

    `before_day` is called on the stage before each day.
    """

    stage: Stage
    cohort_id: str
    acts: Acts
    draw: Random
    runs: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    waited: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    broken: list[str] = field(default_factory=list)
    before_day: Callable[[datetime], None] | None = None
    _pending: set[str] = field(default_factory=set)

    def live(self) -> None:
        """From the opening of the forms until the evaluation is over."""
        self.acts.write_topics()
        with play_on(self.stage):
            day = self.acts.settings.applications_open
            while day <= self.acts.settings.evaluation_due + timedelta(days=2):
                moment = datetime.combine(day, RUNS_AT, self.stage.settings.program.zone)
                if self.before_day:
                    self.before_day(moment)
                self._live_day(moment)
                day += timedelta(days=1)
            self._check(moment=datetime.combine(day, RUNS_AT, self.stage.settings.program.zone))

    def _live_day(self, moment: datetime) -> None:
        self.acts.live_day(moment)
        flows = {*self._list_due(moment.date()), *self._pending}
        self._pending = set()
        if not flows:
            return
        if self.draw.random() < self.acts.trouble.server_down:
            self.failed["days without a server"] += 1
            self._pending = flows
            return
        for name in sorted(flows, key=_ORDER.index):
            moment = self._run(name, moment)
        if "collect-check-ins" in flows and "collect-check-ins" not in self._pending:
            calls = [key for day, key in self.acts.calls if day == moment.date()]
            unheard = list_unheard_calls(self.read_cohort(moment), calls, moment)
            if "deliver-messages" not in self._pending:
                self.broken += unheard
        if moment.day == 1:
            self._check(moment)

    def _list_due(self, today: date) -> Iterator[str]:
        settings, written, monday = self.acts.settings, self.acts.written, today.weekday() == 0
        running = settings.starts <= today
        called = any(day == today for day, _ in self.acts.calls)
        if monday and written & {"mentor", "mentee", "confirmation"}:
            yield "ingest-applications"
        if today > settings.applications_close and monday:
            yield "propose-matches"
        # Somebody's pause may be over, about which nobody writes anything.
        paused = self.acts.tally["asked to pause"] > 0
        if monday and (self.acts.decide("Requests") or "request" in written or paused):
            yield "process-requests"
        if running and self.acts.decide("Matches"):
            yield "introduce-matches"
        if today in list_topic_days(settings.starts, settings.ends, settings.topics_day):
            yield "send-monthly-topics"
        if running and today <= settings.ends and (monday or called):
            yield "collect-check-ins"
        if today in self._list_evaluation_days():
            yield "compile-evaluations"
        if monday or called:
            self.acts.decide("Messages")
            yield "deliver-messages"

    def _list_evaluation_days(self) -> set[date]:
        settings = self.acts.settings
        reminders = {settings.evaluation_due - timedelta(days=days) for days in REMINDERS}
        after = {settings.ends + timedelta(days=1), settings.evaluation_due + timedelta(days=1)}
        return {settings.evaluation_opens, *reminders, *after}

    def _run(self, name: str, moment: datetime) -> datetime:
        """Run a flow, again after a while if a sheet was away; returns the moment at which it was done."""
        for _ in range(_TRIES):
            moment += timedelta(minutes=1)
            try:
                report = self._run_once(name, moment)
            except PlainError:
                self.failed[f"{name} was tried again"] += 1
                continue
            if self.draw.random() < 0.05:
                self._repeat(name, moment, report)
            self.runs[name] += 1
            self.acts.written -= _READS.get(name, frozenset())
            self.sent += report.counts.get("messages sent", 0)
            self.waited.update(_forget_figures(line) for line in report.waiting)
            return moment
        self.failed[f"{name} had to wait for the next day"] += 1
        self._pending.add(name)
        return moment

    def _run_once(self, name: str, moment: datetime) -> RunReport:
        report: RunReport = load_flow(name).fn(cohort=self.cohort_id, as_of=moment)
        return report

    def _repeat(self, name: str, moment: datetime, first: RunReport) -> None:
        """The same run at the same moment: it may find nothing to write to anybody.

        But the committee hears of mail that the first run could not deliver: nobody knew of it before.
        """
        try:
            again = self._run_once(name, moment)
        except PlainError:
            return
        is_news = any(first.counts.get(f"messages {state}") for state in DOUBTFUL)
        drafts = [draft for draft in again.drafts if not (is_news and draft.kind == "committee_digest")]
        if drafts:
            self.broken.append(f"A second run of {name} on {moment:%Y-%m-%d} queued {len(drafts)} messages.")

    def read_cohort(self, moment: datetime) -> Cohort:
        """The cohort as it stands."""
        run: Run = open_run("rehearse", self.cohort_id, moment, True)
        with run.database.transaction(run.flow, run.now) as transaction:
            return read_cohort(run, transaction, steer_cohort(run.settings.program, self.cohort_id, {}, []))

    def _check(self, moment: datetime) -> None:
        run = open_run("rehearse", self.cohort_id, moment, True)
        self.broken += [
            f"The invariant {name} does not hold on {moment:%Y-%m-%d}: {rows[0]}."
            for name, rows in run.database.run_checks().items()
            if rows
        ]
        self.broken += list_broken_promises(
            self.read_cohort(moment), self.acts.mail.accepted, self.acts.approved, self.acts.people
        )


#: Forms that a flow reads: their new rows need no further run.
_READS = {
    "ingest-applications": frozenset({"mentor", "mentee", "confirmation"}),
    "process-requests": frozenset({"request"}),
}
_ORDER = (
    "ingest-applications",
    "process-requests",
    "propose-matches",
    "introduce-matches",
    "send-monthly-topics",
    "collect-check-ins",
    "compile-evaluations",
    "deliver-messages",
)


def _forget_figures(line: str) -> str:
    """The sentence without figures, references and rows, so that alike ones are counted together."""
    return re.sub(r" ?\(.*\)|: \d+|, row \d+|\b\d+ ?", "", line)
