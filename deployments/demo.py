"""The demo: a whole program year on the bundled sample, in one process, through the real flows, database and files.

The sample's people act on the workbooks and answer their mail; the flows run on the days on which their schedules would
do something, each `as_of` its day. Belongs here: the calendar of that year. Does not belong here: what the people do
(`deployments.sample_people`), the closing words (`deployments.demo_summary`), any shortcut around the flows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from deployments.program_folders import make_program_folder, require_free
from deployments.sample_people import SamplePeople
from flows import load_flow
from mentoring.calendar import list_topic_days
from mentoring.completion import REMINDERS
from tasks.collector import collector_seldom_at_work
from tasks.local_workbooks import COMMITTEE, FORMS
from tasks.mail import MAIL_FOLDER
from tasks.mail_index import write_index
from tasks.settings import load_settings, use_program_folder

if TYPE_CHECKING:
    from rich.console import Console

    from mentoring.cohort import Cohort
    from tasks.runs import RunReport

#: In the committee's time zone; it is daytime then from Honolulu to Berlin, so that every mail goes out the same day.
RUNS_AT = time(14)


#: How many days a question about a later month waits for others.
_SHARED = timedelta(days=8)


@dataclass
class DemoYear:
    """A sample year in `folder`; `tell` gets one line for every run that did something."""

    folder: Path
    tell: Callable[[str], None] = print
    reports: list[RunReport] = field(default_factory=list)
    #: Each of these days brings check-ins of its own.
    introduced_on: set[date] = field(default_factory=set)

    def __post_init__(self) -> None:
        make_program_folder(self.folder)
        use_program_folder(self.folder)
        self.program = load_settings(self.folder).program
        self.people = SamplePeople(self.folder, self.program)
        self.settings = self.program.cohorts[self.people.timeline["cohort"]]

    @collector_seldom_at_work()
    def live(self) -> None:
        """Run the year from the opening of the forms to the board's report."""
        self.people.set_up_desk()
        for day in self._list_days():
            self._live_day(day)

    def _list_days(self) -> Iterator[date]:
        """Every day on which somebody does something or something is due, which days before may have brought about."""
        day = self.settings.applications_open
        while day <= self.settings.evaluation_due + timedelta(days=1):
            if self._plan_day(day):
                yield day
            day += timedelta(days=1)

    def _plan_day(self, day: date) -> list[str]:
        """The flows whose schedules do something on this day, in their order."""
        return [name for name, days in self._calendar.items() if day in days]

    @property
    def _calendar(self) -> dict[str, set[date]]:
        timeline, decisions, s = self.people.timeline, self.people.timeline["decisions"], self.settings
        later = timedelta(days=decisions["approve_later_after_days"])
        edits = {item["date"] for item in (*timeline["edits"], *timeline["deleted_rows"])}
        requests = {
            date.fromisoformat(item["submitted_at"][:10]) + timedelta(days=1) for item in timeline["requests"]
        }
        confirmed = {day + timedelta(days=decisions["confirm_requests_after_days"]) for day in requests}
        latecomers = self._list_latecomers()
        late_edits = {day for day in edits if day > s.starts}
        propose = {decisions["first_look_on"]} | latecomers | late_edits
        return {
            "ingest-applications": {s.applications_open + timedelta(days=n) for n in (14, 28)}
            | {s.applications_close + timedelta(days=1)}
            | latecomers
            | late_edits,
            "propose-matches": propose,
            "process-requests": requests | confirmed,
            "introduce-matches": {s.starts, decisions["hold"]["approve_on"]}
            | {day + later for day in latecomers | confirmed | late_edits if day > s.starts},
            "send-monthly-topics": self._list_topic_runs(),
            "collect-check-ins": self._list_check_in_runs(),
            "compile-evaluations": {
                s.evaluation_opens,
                *(s.evaluation_due - timedelta(days=days) for days in REMINDERS),
                s.ends + timedelta(days=1),
                s.evaluation_due + timedelta(days=1),
            },
            # Where the committee's digest comes from: once, after the introductions.
            "deliver-messages": {s.starts + timedelta(days=1)},
            "purge-personal-data": {s.evaluation_due + timedelta(days=1)},
        }

    def _list_latecomers(self) -> set[date]:
        from deployments.program_folders import read_sample_responses

        stamps = (
            row["Timestamp"][:10]
            for rows in read_sample_responses().values()
            for row in rows
            if row["Timestamp"]
        )
        days = {date.fromisoformat(stamp) for stamp in stamps}
        return {day + timedelta(days=1) for day in days if day > self.settings.applications_close}

    def _list_topic_runs(self) -> set[date]:
        """The topics' days, one of them moved: the server was down on it."""
        timeline, s = self.people.timeline, self.settings
        days = set(list_topic_days(s.starts, s.ends, s.topics_day))
        missed = {day for day in days if f"{day:%Y-%m}" == timeline["missed_day"]}
        return (days - missed) | {timeline["back_on"]}

    def _list_check_in_runs(self) -> set[date]:
        """When pairs are asked, for the first time on the very day, and when their answers are read.

        Later questions of pairs that were introduced late share a run, and are still worth asking then; a real year has
        a run every hour. Answers are read when the next pair is asked, unless it would be taken for silent until then.
        """
        from mentoring.calendar import add_months
        from mentoring.pair_standing import PATIENCE

        s = self.settings
        firsts = {day + timedelta(days=s.check_in_after_days) for day in {s.starts} | self.introduced_on}
        due = {month for day in firsts for n in range(12) if (month := add_months(day, n)) < s.ends}
        runs = due & (firsts | {add_months(min(firsts), n) for n in range(12)})
        for day in sorted(due, reverse=True):
            # The later a run, the more questions of the days before it can wait for it.
            if not any(day <= run <= day + _SHARED for run in runs):
                runs.add(day)
        read_after = timedelta(days=self.people.timeline["answer_after_days"] + 1)
        lonely = {day for day in runs if not any(day < other <= day + PATIENCE for other in runs)}
        return runs | {day + read_after for day in lonely}

    def _live_day(self, day: date) -> None:
        moment = datetime.combine(day, RUNS_AT, self.program.zone)
        self.people.send_applications(moment)
        self.people.send_requests(moment)
        self.people.answer_check_ins(moment)
        self.people.answer_evaluations(moment)
        for name in self._plan_day(day):
            self._decide_before(name, day, moment)
            report = self._run(name, moment)
            if report.counts.get("introduced"):
                self.introduced_on.add(day)
            if name == "propose-matches" and day == self.people.timeline["decisions"]["first_look_on"]:
                self.people.reject_one_pair()
                self._run(name, moment + timedelta(hours=1))

    def _decide_before(self, name: str, day: date, moment: datetime) -> None:
        """What the committee writes on its desk before the run of that day."""
        decisions = self.people.timeline["decisions"]
        if name == "introduce-matches" and day >= decisions["approve_on"]:
            self.people.decide_on_proposals(moment)
        if name == "process-requests":
            self.people.confirm_requests()

    def _run(self, name: str, moment: datetime) -> RunReport:
        report: RunReport = load_flow(name)(as_of=moment)
        self.reports.append(report)
        self.tell(f"{moment:%d %b %Y}  {name:<22} {report.describe_counts()}")
        return report

    def list_places(self, mails: Path) -> Iterator[tuple[str, Path]]:
        """What there is to look at, and where."""
        yield "The committee's desk", self.folder / COMMITTEE
        yield "The forms", self.folder / FORMS
        yield "Every mail", mails
        for report in sorted((self.folder / "reports").glob("evaluation-*")):
            yield "Report for the board", report
        for page in sorted((self.folder / "reports").glob("handover-*.html")):
            yield "For next year", page

    def read_cohort(self) -> Cohort:
        """The cohort as it stands at the end."""
        from tasks.desk import gather_desk
        from tasks.runs import open_run

        after = datetime.combine(self.settings.evaluation_due + timedelta(days=2), RUNS_AT, self.program.zone)
        return gather_desk(open_run("demo", None, after, True, self.folder)).cohort


def run_demo(folder: Path) -> None:
    """Live through the sample year in `folder` and print what happened and where to look.

    Raises `SettingsError` if the folder holds a program already.
    """
    from rich.console import Console

    from deployments.private_server import start_private_server

    console = Console(highlight=False)
    started = perf_counter()
    require_free(folder)
    with start_private_server() as server:
        # Two cores: the server boots while this process makes the folder and loads its libraries.
        year = DemoYear(folder, tell=lambda line: console.print(f"  {line}", style="dim", soft_wrap=True))
        console.print(f"A program year of the {year.program.name}, in {folder}.")
        _load_libraries()
        server.wait()
        with server.use_quickly():
            year.live()
        mails = write_index(folder / MAIL_FOLDER, year.program.name)
    print_summary(console, year, mails)
    console.print(f"\nThe year took {perf_counter() - started:.0f} seconds.")


def print_summary(console: Console, year: DemoYear, mails: Path) -> None:
    """Print what happened in the year and where to look; `mails` is the mail's index."""
    from rich.table import Table

    from deployments.demo_summary import summarise_year

    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for what, words in summarise_year(year.read_cohort(), year.people.timeline):
        table.add_row(what, words)
    console.print()
    console.print(table)
    console.print()
    for what, path in year.list_places(mails):
        # A path stays in one piece, so that it can be copied.
        console.print(f"[bold]{what:<20}[/]  {path}", soft_wrap=True)


def _load_libraries() -> None:
    import great_expectations  # noqa: F401
    import openpyxl  # noqa: F401

    import mentoring.matching  # noqa: F401
    import tasks.steps  # noqa: F401
