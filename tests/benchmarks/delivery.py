"""How fast mail goes out, beside the least that anybody would need.

`python -m tests.benchmarks delivery [--messages 20000] [--slow-messages 2000]`. A SendGrid stand-in in a process of its own
answers at once, then 100 ms later. The least is a bare loop over the sendgrid client in the same run: one message after
the other, nothing remembered. The outbox does the same with everything it promises: claims, journal, marks, audit, on
SQLite. Belongs here: what is run, measured and shown.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from pydantic import SecretStr

ROOT = Path(__file__).parents[2]
NOW = datetime(2027, 3, 1, 15, tzinfo=UTC)
#: Growth of memory during the delivery that is allowed, as a part of what there is after the first tenth.
GROWTH = 0.10


def main(arguments: list[str]) -> int:
    """Measure, print the table; the exit status tells whether memory stayed where it was."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks delivery")
    parser.add_argument("--messages", type=int, default=20_000, help="with a stand-in that answers at once")
    parser.add_argument("--slow-messages", type=int, default=2_000, help="with one that takes 100 ms")
    parser.add_argument("--senders", type=int, default=4)
    options = parser.parse_args(arguments)
    print(
        f"{'answers':<9}{'what':<22}{'messages':>9}{'seconds':>9}{'per s':>8}{'cpu ms':>8}{'MiB':>7}{'growth':>8}",
        flush=True,
    )
    growth = 0.0
    for latency, messages in ((0.0, options.messages), (0.1, options.slow_messages)):
        words = f"{latency * 1000:.0f} ms"
        with run_stand_in(latency) as url:
            bare = max(messages // 10, 1)
            show(words, "bare loop", bare, measure_bare_loop(url, bare), None)
            spent, memory = measure_outbox(url, messages, options.senders)
            show(words, f"outbox, {options.senders} senders", messages, spent, memory)
            growth = max(growth, memory.growth)
    return 0 if growth < GROWTH else 1


@contextmanager
def run_stand_in(latency: float) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.stand_ins.sendgrid", "--no-bodies", "--latency", str(latency)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()


@dataclass
class Spent:
    """Seconds by the wall's clock and of this process's own processor time; the latter hold on a busy machine too."""

    seconds: float = 0.0
    processor: float = 0.0

    @contextmanager
    def measure(self) -> Iterator[None]:
        began, used = perf_counter(), process_time()
        yield
        self.seconds, self.processor = perf_counter() - began, process_time() - used


def show(answers: str, what: str, messages: int, spent: Spent, memory: Memory | None) -> None:
    rate, each = messages / spent.seconds, spent.processor / messages * 1000
    figures = f"{memory.last:>7.0f}{memory.growth:>8.1%}" if memory else ""
    print(
        f"{answers:<9}{what:<22}{messages:>9}{spent.seconds:>9.1f}{rate:>8.0f}{each:>8.1f}{figures}",
        flush=True,
    )


def measure_bare_loop(url: str, messages: int) -> Spent:
    """What is spent on as many requests of the sendgrid client, one after the other."""
    from sendgrid import SendGridAPIClient
    from sendgrid.helpers.mail import Mail

    from tests.stand_ins.sendgrid import KEY

    client = SendGridAPIClient(KEY, host=url)
    text, page = write_letter()
    spent = Spent()
    with spent.measure():
        for number in range(messages):
            mail = Mail(
                "mentoring@example.org",
                f"person{number}@example.org",
                "A subject",
                plain_text_content=text,
                html_content=page,
            )
            answer = client.client.mail.send.post(request_body=mail.get())
            assert answer.status_code == 202
    return spent


def write_letter() -> tuple[str, str]:
    """A text and a page of the usual size."""
    line = "A program like this lives from people who take an hour for one another, and you have been one of them."
    text = "\n\n".join([line] * 15)
    body = "".join(f'<p style="margin:0 0 16px;font-size:16px;line-height:1.5">{line}</p>' for _ in range(40))
    return text, f'<!doctype html><html lang="en"><title>A subject</title><body>{body}</body></html>'


@dataclass
class Memory:
    """Resident memory in MiB, looked at ten times a second."""

    readings: list[float] = field(default_factory=list)

    @contextmanager
    def watch(self) -> Iterator[None]:
        done = threading.Event()
        thread = threading.Thread(target=self._look, args=(done,))
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _look(self, done: threading.Event) -> None:
        while not done.wait(0.1):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.readings.append(pages * 4096 / 2**20)

    @property
    def last(self) -> float:
        return self.readings[-1]

    @property
    def growth(self) -> float:
        return max(self.readings) / self.readings[len(self.readings) // 10] - 1


def measure_outbox(url: str, messages: int, senders: int) -> tuple[Spent, Memory]:
    """What is spent on one delivery of that many due messages, and its memory."""
    from tasks.outbox import deliver_due_messages

    with tempfile.TemporaryDirectory() as folder:
        run = make_outbox(Path(folder), url, messages, senders)
        memory, spent = Memory(), Spent()
        with memory.watch(), spent.measure():
            counts = deliver_due_messages(run)
        assert counts["sent"] == messages, counts
    return spent, memory


def make_outbox(folder: Path, url: str, messages: int, senders: int) -> Any:
    """A run of the sample program with that many people, each with a message that is due."""
    from mentoring.messages import RenderedMessage
    from tasks.database import Database, format_time
    from tasks.frozen_messages import hash_message
    from tasks.runs import Run
    from tasks.settings import load_settings
    from tests.stand_ins.sendgrid import KEY

    settings = load_settings(ROOT / "deployments" / "programs" / "sample")
    delivery = settings.program.delivery.model_copy(update={"daily_cap": 10**9, "senders": senders})
    database = Database(SecretStr(f"sqlite:///{folder / 'mentoring.sqlite'}"))
    settings = replace(
        settings,
        folder=folder,
        program=settings.program.model_copy(update={"delivery": delivery}),
        database_url=database.url,
        mail="sendgrid",
        sendgrid_url=url,
        sendgrid_api_key=SecretStr(KEY),
    )
    database.migrate()
    run = Run("benchmark", settings, settings.program.require_cohort(None), NOW, False)
    text, page = write_letter()
    digest = hash_message(RenderedMessage("A subject", text, page))
    with database.transaction("benchmark", NOW) as transaction:
        transaction.execute("add_cohort", cohort_id=run.cohort_id, at=transaction.at, token_key="0" * 32)
        for number in range(messages):
            address = f"person{number}@example.org"
            person = {
                "person_id": f"person-{number}",
                "email_key": address,
                "email": address,
                "full_name": "Ana Ortiz",
            }
            transaction.execute("add_person", **person, at=transaction.at)
            transaction.execute(
                "queue_message",
                message_id=f"{number:032x}",
                cohort_id=run.cohort_id,
                subject_id=f"mentee-{number}",
                kind="thanks",
                period="end",
                recipient_id=f"person-{number}",
                reissue=0,
                subject_line="A subject",
                body_text=text,
                body_html=page,
                body_hash=digest,
                at=transaction.at,
                not_before=format_time(NOW),
                expires_at=format_time(NOW + timedelta(days=9)),
            )
    return run


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
