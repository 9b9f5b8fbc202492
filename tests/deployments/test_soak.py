"""The soak: a simulated year on a real Prefect server that makes hundreds of runs by itself, and three kills in it.

A server, a worker, all nine deployments, mail to a stand-in of SendGrid, and SIGKILL for the processes of flows, for the
server, and for the worker with its runs, each while mail goes out. In the end no run hangs, every message has reached the
provider once, and neither Prefect's database nor any log holds one of 22 marked values of personal data. What is sped
up is told in `served_year.py`. SOAK_DAYS=7 lives only so many days of the year, the three kills among them.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import date, timedelta
from random import Random

import pytest
from canaries import MARKED_PEOPLE, Canaries
from pydantic import SecretStr
from served_year import DAYS, UNFINISHED, ServedYear
from stand_ins.sendgrid import SendGridStandIn

from flows import FLOW_NAMES
from tasks.database import Database
from tests.proof.truth import Accepted, Ending, Standing, list_in_the_end, read_standing

pytestmark = [pytest.mark.long, pytest.mark.night, pytest.mark.timeout(3600)]

SEED = int(os.environ.get("SOAK_SEED", "2027"))
LIVED = DAYS[: int(os.environ.get("SOAK_DAYS", len(DAYS)))]
#: One more round than days: what the last day left to do.
RUNS = len(FLOW_NAMES) * (len(LIVED) + 1)
#: When introductions go out, and topics.
KILLS = {date(2027, 3, 1): "runs", date(2027, 4, 1): "server", date(2027, 5, 1): "worker"}


class Soak(ServedYear):
    """The year with its kills, drawn by `SEED`."""

    def live(self) -> None:
        draw = Random(SEED)
        self.start()
        for day in LIVED:
            victim = KILLS.get(day)
            more = draw.randint(2, 6)
            self.live_round(self.moment(day), (lambda v=victim, n=more: self.kill(v, n)) if victim else None)
        self.live_round(self.moment(LIVED[-1]) + timedelta(days=1))
        self.end_schedules()

    def kill(self, victim: str, more: int) -> None:
        """SIGKILL while mail goes out, after so many messages, and, where a machine ended with it, start it again."""
        self.wait_for_mail(more)
        if victim == "runs":
            doomed = self._list_processes_of_runs()
            assert doomed, "no run is at work"
            for number in doomed:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        else:
            self.machines.kill(victim)
        self.on_its_way |= self.list_sending()
        if victim == "server":
            self.machines.start_server()
        if victim == "worker":
            # What sweep-runs finds a quarter of an hour later: nobody else ends a run that was about to begin.
            self.machines.sweep(timedelta(minutes=15))
            self.start_worker()

    def _list_processes_of_runs(self) -> list[int]:
        command = ["pgrep", "-P", str(self.machines.processes["worker"].pid)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return [int(number) for number in found.stdout.split()]

    def read_standing(self) -> Standing:
        """The program's tables beside what the provider took; mails to the operator are no messages of the program."""
        mails = [mail for mail in self.sendgrid.accepted if "operator_notice" not in mail.categories]
        accepted = [Accepted(mail.message_id, mail.provider_id, mail.to, mail.subject) for mail in mails]
        return read_standing(f"sqlite:///{self.folder / 'mentoring.sqlite'}", accepted)


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soak]:
    began = time.monotonic()
    with SendGridStandIn(latency=0.1) as sendgrid:
        lived = Soak(tmp_path_factory.mktemp("soak"), sendgrid, Canaries())
        try:
            lived.live()
            print(
                f"\nsoak: seed {SEED}, {len(LIVED)} days of a year, runs {dict(lived.count_runs())}, mails "
                f"{len(sendgrid.accepted)}, on their way when killed {len(lived.on_its_way)}, "
                f"{time.monotonic() - began:.0f} seconds"
            )
            yield lived
        finally:
            lived.machines.end()


def test_schedules_made_hundreds_of_runs_and_the_kills_were_felt(soak: Soak) -> None:
    ended = soak.count_runs()
    assert ended["Completed"] >= RUNS
    # Those whose process was killed, and those whose worker was.
    assert ended["Crashed"] >= 2
    assert soak.on_its_way, "no kill came while a message was handed over"
    every_run = soak.machines.list_runs("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
    assert [run["id"] for run in every_run if not run["auto_scheduled"]] == []
    # Two flows at once may plan the same change; who comes second says so, and the next run goes on.
    told = [run["state"]["message"] for run in soak.machines.list_runs("FAILED")]
    assert [words for words in told if "found its row changed by another run; run again" not in words] == []


def test_no_run_is_left_behind(soak: Soak) -> None:
    left = soak.machines.list_runs(*UNFINISHED)
    assert [run["state"]["name"] for run in left] == []


def test_no_message_was_doubled_or_lost(soak: Soak) -> None:
    standing = soak.read_standing()
    assert list_in_the_end(standing, Ending(doubtful=frozenset(soak.on_its_way))) == []
    database = Database(SecretStr(f"sqlite:///{soak.folder / 'mentoring.sqlite'}"))
    assert {name: rows for name, rows in database.run_checks().items() if rows} == {}
    kinds = Counter(row["kind"] for row in standing.tables["messages"])
    assert min(kinds["introduction_mentor"], kinds["monthly_topic"], kinds["heads_up"], kinds["check_in"]) > 0


@pytest.mark.skipif(len(LIVED) < len(DAYS), reason="only the beginning of the year was lived")
def test_the_year_came_to_its_end(soak: Soak) -> None:
    assert RUNS >= 200
    tables = soak.read_standing().tables
    ended = Counter(row["reason"] for row in tables["matches"] if row["state"] == "ended")
    kinds = Counter(row["kind"] for row in tables["messages"])
    assert ended["completed"] >= 6
    assert kinds["introduction_mentor"] == kinds["introduction_mentee"] == ended.total()
    assert min(kinds["monthly_topic"], kinds["heads_up"], kinds["check_in"]) >= 50
    assert kinds["thanks"] >= 6


def test_every_stage_told_the_automations(soak: Soak) -> None:
    """Of each change as often as the database holds it: an event follows its step, whatever is killed afterwards."""
    told = soak.machines.read_events("mentoring.")
    tables = soak.read_standing().tables
    assert told["mentoring.applications.received"] == len(tables["applications"])
    introduced = [row for row in tables["matches"] if row["introduced_at"]]
    assert told["mentoring.matches.introduced"] == len(introduced)
    assert told["mentoring.topics.queued"] > 0
    assert told["mentoring.messages.sent"] > 0


@pytest.mark.threat("canaries × Prefect's database and logs after a year of serving and kills", 22)
def test_prefect_and_the_logs_hold_no_personal_data(soak: Soak) -> None:
    """Prefect's whole folder byte by byte, while its server runs and so with the write-ahead log; then every table."""
    home = soak.place / "prefect"
    files = [*home.rglob("*"), *soak.place.glob("*.log")]
    assert {"prefect.db", "prefect.db-wal", "server.log", "worker.log"} <= {path.name for path in files}
    assert soak.canaries.find_in_files(files) == {}
    with closing(sqlite3.connect(home / "prefect.db")) as connection:
        tables = "\n".join(connection.iterdump())
    for table in ("flow_run", "task_run", "log", "artifact", "events"):
        assert f'INSERT INTO "{table}"' in tables
    assert soak.canaries.find_in(tables.encode()) == set()
    assert [address for address in MARKED_PEOPLE if address in tables] == []


def test_the_marked_values_were_there_to_be_found(soak: Soak) -> None:
    assert len(soak.canaries.marks) == 22
    found = soak.canaries.find_in_files([soak.folder / "forms.xlsx", soak.folder / "mentoring.sqlite"])
    assert len(found["forms.xlsx"]) >= 10
    assert len(found["mentoring.sqlite"]) >= 10
    assert soak.canaries.find_in(repr([mail.body for mail in soak.sendgrid.accepted]).encode())
