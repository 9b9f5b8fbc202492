"""A program year on a Prefect server and a worker, its schedules sped up: people who act, and mail to a stand-in.

What is sped up, and how: the flows' clock (interference/sitecustomize.py) stands still at a day of the year until each of
the nine flows has completed a run that began on that day, and then goes on to the next one. Every schedule is set through
the API, as the UI does it, so that it makes a run at once, and the next one when a run has failed or was killed: Prefect
makes the runs, and no more than the machine can do. Belongs here: time, people, and waiting for runs. Does not belong
here: kills and what must hold (`test_soak.py`).
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path

from canaries import MARKED_PEOPLE, Canaries
from many_machines import ManyMachines
from served_program import ENDED, wait_until
from stand_ins.sendgrid import SendGridStandIn

from deployments.program_folders import make_program_folder
from deployments.sample_people import ASKING_KINDS, Question, SamplePeople, find_reference
from flows import FLOW_NAMES
from tasks.settings import load_settings

#: Seconds between the runs of a schedule: so many that a day of the year is over before the second.
EVERY = 3600
#: Types of states from which a run has still to come to its end.
UNFINISHED = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING")
#: Twice a month, among them the days on which the committee decides and the evaluation ends.
_OTHERS = {2: (15, 23), 5: (1, 21), 12: (1, 11)}
DAYS = [date(2027, month, day) for month in range(2, 13) for day in _OTHERS.get(month, (1, 15))]
#: Of each form, besides those whose answers are marked: their number costs time and shows nothing.
_APPLICANTS = 8
#: Daytime from Honolulu to Berlin.
RUNS_AT = time(14)
#: Killed workers are found after three minutes of silence; everything else is sooner.
_PATIENCE = 600
#: Runs at a time: each loads pandas and Prefect.
_RUN_LIMIT = 3


@dataclass
class MailedPeople(SamplePeople):
    """The sample's people, who read the mail that SendGrid took for them."""

    sendgrid: SendGridStandIn = field(kw_only=True)
    mails_seen: int = 0

    def keep_a_few(self, marked: Sequence[str]) -> None:
        """Leave everybody out but the marked and some more of each form."""
        for form, rows in self._responses.items():
            few = [row for row in rows if row["Email Address"] not in marked][:_APPLICANTS]
            self._responses[form] = [row for row in rows if row["Email Address"] in marked or row in few]
        kept = {row["Email Address"] for rows in self._responses.values() for row in rows}
        for kind in ("edits", "deleted_rows", "requests"):
            self.timeline[kind][:] = [item for item in self.timeline[kind] if item["email"] in kept]

    def _list_new_questions(self) -> Iterator[Question]:
        new = self.sendgrid.accepted[self.mails_seen :]
        self.mails_seen += len(new)
        for mail in new:
            kind = mail.categories[-1]
            if kind in ASKING_KINDS:
                [text] = [part["value"] for part in mail.body["content"] if part["type"] == "text/plain"]
                asked_at = datetime.fromisoformat(mail.at).astimezone(self.program.zone)
                yield Question(kind, mail.to.casefold(), asked_at, mail.subject, find_reference(text))

    def act(self, moment: datetime) -> None:
        """What applicants, mentors, mentees and the committee do until `moment`."""
        self.send_applications(moment)
        self.send_requests(moment)
        self.answer_check_ins(moment)
        self.answer_evaluations(moment)
        if moment.date() >= self.timeline["decisions"]["approve_on"]:
            self.decide_on_proposals(moment)
        self.confirm_requests()
        self.send_again()

    def send_again(self) -> None:
        """The committee lets everything be sent once more that did not go out."""
        failed = [row["Reference"] for row in self._read_tab("Messages") if row["Status"] == "Not delivered"]
        if failed:
            self.hands.edit_committee_rows("Messages", {(key,): {"Decision": "Resend"} for key in failed})


@dataclass
class ServedYear:
    """The year in `place`; `on_its_way` are messages that a killed process was handing over."""

    place: Path
    sendgrid: SendGridStandIn
    canaries: Canaries
    on_its_way: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.clock = self.place / "clock"
        variables = {
            "CLOCK_FILE": str(self.clock),
            "MENTORING_MAIL": "sendgrid",
            "MENTORING_SENDGRID_URL": self.sendgrid.url,
            "MENTORING_SENDGRID_API_KEY": self.sendgrid.key,
        }
        # Prefect would mark every run as late on a machine that can't keep up, all at once; and make a day's runs ahead.
        of_server = {
            "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "PT30M",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "10",
            "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "1",
            "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT30S",
        }
        self.machines = ManyMachines(self.place, variables, of_server)
        self.folder = self.machines.folder
        make_program_folder(self.folder)
        self.people = MailedPeople(self.folder, load_settings(self.folder).program, sendgrid=self.sendgrid)
        self.canaries.plant(self.people)
        self.people.keep_a_few(MARKED_PEOPLE)
        self.people.set_up_desk()
        self.set_clock(self.moment(DAYS[0]))

    def start(self) -> None:
        self.machines.deploy()
        self.names = {item["id"]: name for name, item in self.machines.list_deployments().items()}
        self.start_worker()

    def start_worker(self) -> None:
        self.machines.start_worker("worker", "--limit", str(_RUN_LIMIT))

    def moment(self, day: date) -> datetime:
        """When the runs of a day run, in the committee's time zone."""
        return datetime.combine(day, RUNS_AT, self.people.program.zone)

    def set_clock(self, moment: datetime) -> None:
        """Let it be `moment` for every run that begins from now on, and for the provider."""
        beside = self.clock.with_suffix(".new")
        beside.write_text(moment.isoformat())
        os.replace(beside, self.clock)
        self.sendgrid.set_time(moment)

    def set_schedules_off(self, flows: Collection[str] = FLOW_NAMES) -> None:
        """Let the schedules of these flows make a run now."""
        now = datetime.now(UTC)
        rhythm = {"interval": EVERY, "anchor_date": now.isoformat(), "timezone": "UTC"}
        for name, item in self.machines.list_deployments().items():
            if name not in flows:
                continue
            path = f"deployments/{item['id']}"
            [schedule] = item["schedules"]
            change = {"schedule": rhythm, "active": True}
            self.machines.send("PATCH", f"{path}/schedules/{schedule['id']}", change)
            # What the server's scheduler does now and then: the runs of the schedule, from that moment on.
            self.machines.ask(f"{path}/schedule", start_time=now.isoformat(), min_runs=1, max_runs=1)

    def live_round(self, moment: datetime, trouble: Callable[[], None] | None = None) -> None:
        """People act, it is `moment`, trouble comes, and every flow completes a run that began after all that.

        In the end the schedules are paused, and no run is left.
        """
        self.people.act(moment)
        self.set_clock(moment)
        since = datetime.now(UTC)
        self.set_schedules_off()
        if trouble:
            trouble()
            since = datetime.now(UTC)
            self.set_schedules_off()
        missing = f"completed runs of every flow on {moment:%Y-%m-%d}"
        self._wait_until(missing, lambda: self._has_lived(since))
        self.machines.pause_schedules(FLOW_NAMES)
        self._wait_until("an end of every run", lambda: not self._list_unfinished() & set(FLOW_NAMES))

    def end_schedules(self) -> None:
        """Pause all that is left, `sweep-runs` with it, and wait until every run has come to its end."""
        self.machines.pause_schedules()
        self._wait_until("an end of every run", lambda: not self.machines.list_runs(*UNFINISHED))

    def _has_lived(self, since: datetime) -> bool:
        """Whether every flow has completed a run that began later; one whose run failed or was killed gets the next."""
        unfinished = self._list_unfinished()
        missing = set(FLOW_NAMES) - self._list_flows_run(since)
        if stopped := missing - unfinished:
            self.set_schedules_off(stopped)
        return not missing

    def _list_unfinished(self) -> set[str]:
        """Deployments with a run whose time has come and that is not at its end."""
        now = datetime.now(UTC).isoformat()
        runs = self.machines.list_runs(*UNFINISHED)
        return {self.names[run["deployment_id"]] for run in runs if run["expected_start_time"] <= now}

    def _wait_until(self, what: str, check: Callable[[], object], every: float = 2) -> None:
        # Asking the server costs it as much as a step of a run.
        try:
            wait_until(what, check, seconds=_PATIENCE, every=every)
        except AssertionError as late:
            raise AssertionError(f"{late}; {'; '.join(self._describe_unfinished())}") from None

    def _describe_unfinished(self) -> list[str]:
        """Every run that did not complete: which flow's, in which state since when, and what it says."""
        runs = self.machines.list_runs(*UNFINISHED, "FAILED", "CRASHED")
        return [
            f"{self.names[run['deployment_id']]} {run['state']['name']} {run['state']['timestamp']} {run['state']['message']}"
            for run in runs
        ]

    def _list_flows_run(self, since: datetime) -> set[str]:
        wanted = {"state": {"type": {"any_": ["COMPLETED"]}}, "start_time": {"after_": since.isoformat()}}
        runs = self.machines.ask("flow_runs/filter", flow_runs=wanted, limit=200)
        return {self.names[run["deployment_id"]] for run in runs}

    def count_runs(self) -> Counter[str]:
        """Runs of the program's flows that have come to an end, by the state in which they ended."""
        runs = self.machines.list_runs(*ENDED)
        return Counter(run["state"]["name"] for run in runs if self.names[run["deployment_id"]] in FLOW_NAMES)

    def wait_for_mail(self, more: int) -> None:
        """Until so many more messages have been handed over."""
        before = len(self.sendgrid.accepted)
        self._wait_until("mail", lambda: len(self.sendgrid.accepted) >= before + more, every=0.05)

    def list_sending(self) -> set[str]:
        """The messages that are being handed over."""
        with closing(sqlite3.connect(self.folder / "mentoring.sqlite")) as connection:
            rows = connection.execute("SELECT message_id FROM messages WHERE state = 'sending'")
            return {message for (message,) in rows}
