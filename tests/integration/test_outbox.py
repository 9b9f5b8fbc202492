"""Delivery on both databases: nothing is sent twice, no doubt is hidden, and one bad message stops no other."""

from __future__ import annotations

import re
import signal
import subprocess
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from program_databases import NOW, run_python
from scripted_provider import Provider, with_delivery
from small_cohort import DAY, SmallCohort

from mentoring.changes import CancelMessage
from tasks.database import Session
from tasks.erasure import erase_people
from tasks.mail import Delivery, OutgoingMessage
from tasks.mail_files import FileMail, list_messages, read_head
from tasks.outbox import ATTEMPT_LIMIT, DeliveryError, deliver_due_messages, list_due
from tasks.runs import Run

MINUTE = timedelta(minutes=1)


@pytest.fixture
def cohort(run: Run) -> SmallCohort:
    """With one sender, so that messages go out one after the other."""
    return SmallCohort(with_delivery(run, senders=1))


def find_row(cohort: SmallCohort, message_id: str) -> dict[str, object]:
    [row] = cohort.rows("messages", message_id=message_id)
    return row


# What becomes of a message


def test_what_is_due_goes_out_once(cohort: SmallCohort) -> None:
    ids = cohort.queue(3)
    assert deliver_due_messages(cohort.run) == {"unknown": 0, "expired": 0, "failed": 0, "sent": 3}
    folder = cohort.run.settings.folder / "mail"
    names = list_messages(folder)
    assert sorted(name[-36:-4] for name in names) == sorted(ids)
    for message_id in ids:
        row = find_row(cohort, message_id)
        assert (row["state"], row["attempts"], row["problem"]) == ("sent", 1, "")
        assert row["settled_at"] == row["claimed_at"] == "2027-03-01T15:00:00Z"
        assert f"{row['provider_id']}.eml" in names
    assert deliver_due_messages(cohort.run) == {"unknown": 0, "expired": 0, "failed": 0}
    assert list_messages(folder) == names
    happened = [(row["entity_id"], row["happening"]) for row in cohort.rows("audit_log", entity="message")]
    assert sorted(happened) == sorted(
        (key, what) for key in ids for what in ("queue_message", "delivery accepted")
    )


def test_a_mail_is_what_was_queued(cohort: SmallCohort) -> None:
    key = cohort.add_application("mentee", cohort.add_person("Zoë Ünal", "zoe@example.org"))
    cohort.apply(messages=(cohort.thank(key, ("Bo Li",)),))
    provider = Provider()
    deliver_due_messages(cohort.run, provider)
    deliver_due_messages(cohort.run, FileMail(cohort.run.settings.folder / "mail"))
    [mail] = provider.sent
    [row] = cohort.rows("messages")
    program = cohort.run.settings.program
    assert (mail.to_name, mail.to_address) == ("Zoë Ünal", "zoe@example.org")
    assert (mail.from_name, mail.from_address) == (program.sender.name, program.sender.address)
    assert mail.reply_to == program.committee_address
    assert (mail.subject, mail.text, mail.html) == (row["subject_line"], row["body_text"], row["body_html"])
    assert "Bo Li" in mail.text
    assert mail.date == NOW


def test_mail_goes_to_the_address_as_it_is_now(cohort: SmallCohort) -> None:
    cohort.queue()
    cohort.execute("UPDATE people SET email = 'new@example.org', full_name = 'New Name'")
    deliver_due_messages(cohort.run)
    [name] = list_messages(cohort.run.settings.folder / "mail")
    head = read_head(cohort.run.settings.folder / "mail" / name)
    assert head["To"] == '"New Name" <new@example.org>'
    assert parsedate_to_datetime(head["Date"]).astimezone(UTC) == NOW


@pytest.mark.parametrize(
    ("delivery", "state", "count"),
    [
        (Delivery("refused", problem="The mailbox is closed."), "failed", "failed"),
        (Delivery("unknown", problem="No answer in time."), "unknown", "unknown"),
        (Delivery("not_arrived", problem="The provider asks for patience."), "pending", "returned"),
    ],
)
def test_each_outcome_has_its_state_and_the_others_still_go(
    cohort: SmallCohort, delivery: Delivery, state: str, count: str
) -> None:
    ids = cohort.queue(3)
    provider = Provider({ids[1]: delivery})
    counts = deliver_due_messages(cohort.run, provider)
    assert {name: number for name, number in counts.items() if number} == {"sent": 2, count: 1}
    assert cohort.states() == {ids[0]: "sent", ids[1]: state, ids[2]: "sent"}
    assert find_row(cohort, ids[1])["problem"] == delivery.problem
    deliver_due_messages(cohort.run, provider)
    assert sorted(provider.ids) == sorted(ids)


def test_only_acceptance_with_an_id_is_sent(cohort: SmallCohort) -> None:
    """A backend that forgets the id breaks its promise; that message is in doubt, and the others are sent."""
    ids = cohort.queue(3)
    provider = Provider({ids[1]: Delivery("accepted", provider_id=" ")})
    assert deliver_due_messages(cohort.run, provider)["unknown"] == 1
    assert cohort.states() == {ids[0]: "sent", ids[1]: "unknown", ids[2]: "sent"}


def test_a_definite_non_arrival_is_tried_again_later_and_parked_in_the_end(cohort: SmallCohort) -> None:
    [message_id] = cohort.queue()
    provider = Provider({message_id: Delivery("not_arrived", problem="Refused connection.")})
    moment, waits = NOW, []
    for attempt in range(1, ATTEMPT_LIMIT + 1):
        assert deliver_due_messages(cohort.at(moment).run, provider)["returned"] == 1
        row = find_row(cohort, message_id)
        assert (row["state"], row["attempts"]) == ("pending", attempt)
        if attempt < ATTEMPT_LIMIT:
            assert "returned" not in deliver_due_messages(cohort.at(moment).run, provider)
        for minutes in (15, 30, 60, 120, 240):
            if row["not_before"] == (moment + minutes * MINUTE).strftime("%Y-%m-%dT%H:%M:%SZ"):
                waits.append(minutes)
                moment += minutes * MINUTE
                break
    assert waits == [15, 30, 60, 120, 240]
    assert deliver_due_messages(cohort.at(moment).run, provider) == {"unknown": 0, "expired": 0, "failed": 1}
    row = find_row(cohort, message_id)
    assert (row["state"], row["problem"]) == ("failed", "It did not get through after several attempts.")
    assert len(provider.sent) == ATTEMPT_LIMIT


def test_a_return_shortly_before_the_end_is_a_last_try_and_then_expires(cohort: SmallCohort) -> None:
    """15 minutes of patience reach beyond what the message is worth; that must not stop the queue."""
    ids = cohort.queue(1, expires_at=NOW + 10 * MINUTE) + cohort.queue()
    provider = Provider({ids[0]: Delivery("not_arrived", problem="Busy.")})
    counts = deliver_due_messages(cohort.run, provider)
    assert (counts["returned"], counts["sent"]) == (1, 1)
    assert deliver_due_messages(cohort.at(NOW + 5 * MINUTE).run, provider)["returned"] == 1
    assert deliver_due_messages(cohort.at(NOW + 10 * MINUTE).run, provider)["expired"] == 1
    row = find_row(cohort, ids[0])
    assert (row["state"], row["problem"]) == (
        "expired",
        "It could not go out before it had become pointless.",
    )
    assert provider.ids.count(ids[0]) == 2


def test_nothing_goes_out_too_early_or_too_late(cohort: SmallCohort) -> None:
    early = cohort.queue(not_before=NOW + MINUTE)
    due = cohort.queue(not_before=NOW, expires_at=NOW + timedelta(seconds=1))
    late = cohort.queue(not_before=NOW - DAY, expires_at=NOW)
    provider = Provider()
    assert [row["message_id"] for row in list_due(cohort.run)] == due
    assert deliver_due_messages(cohort.run, provider)["expired"] == 1
    assert provider.ids == due
    assert cohort.states() == {early[0]: "pending", due[0]: "sent", late[0]: "expired"}


def test_other_cohorts_wait_for_their_own_run(cohort: SmallCohort) -> None:
    [message_id] = cohort.queue()
    run = replace(cohort.run, cohort_id="2026")
    with run.database.transaction("test", NOW) as transaction:
        transaction.execute("add_cohort", cohort_id="2026", at=transaction.at, token_key="1" * 32)
    assert deliver_due_messages(run, Provider()) == {"unknown": 0, "expired": 0, "failed": 0}
    assert cohort.states() == {message_id: "pending"}


def test_a_text_that_was_tampered_with_is_not_sent(cohort: SmallCohort) -> None:
    ids = cohort.queue(3)
    for message_id, column in zip(ids, ("subject_line", "body_text", "body_html"), strict=True):
        cohort.execute(f"UPDATE messages SET {column} = {column} || '!' WHERE message_id = '{message_id}'")
    provider = Provider()
    assert deliver_due_messages(cohort.run, provider)["failed"] == 3
    assert provider.sent == []
    assert {row["problem"] for row in cohort.rows("messages")} == {
        "Its text is no longer the one that was queued."
    }


# Backends that break


@pytest.mark.parametrize(
    "error", [TimeoutError("ana@example.org"), ValueError("Ana"), RuntimeError(), OSError(5, "x")]
)
def test_an_exception_leaves_that_message_in_doubt_and_the_others_go(
    cohort: SmallCohort, error: Exception
) -> None:
    ids = cohort.queue(4)
    provider = Provider({ids[0]: error, ids[2]: error})
    with pytest.raises(DeliveryError) as trouble:
        deliver_due_messages(cohort.run, provider)
    name = type(error).__name__
    assert re.fullmatch(
        rf"The mail backend failed on 2 messages \({name} in scripted_provider.py, line \d+\); they may have gone out or "
        r"not, are marked unknown, and the next run shows them on the Messages tab\.",
        str(trouble.value),
    )
    shown = "".join(traceback.format_exception(trouble.value))
    assert "ana@" not in shown
    assert name in shown
    assert cohort.states() == {ids[0]: "unknown", ids[1]: "sent", ids[2]: "unknown", ids[3]: "sent"}
    assert find_row(cohort, ids[0])["problem"] == f"The mail backend failed while sending it ({name})."
    assert deliver_due_messages(cohort.run, Provider()) == {"unknown": 0, "expired": 0, "failed": 0}


def test_an_address_that_cannot_be_written_fails_alone(cohort: SmallCohort) -> None:
    ids = cohort.queue(2)
    cohort.execute("UPDATE people SET email = 'two@@example.org' WHERE person_id = 'person-1'")
    counts = deliver_due_messages(cohort.run)
    assert (counts["sent"], counts["failed"]) == (1, 1)
    [failed] = cohort.rows("messages", state="failed")
    assert failed["problem"] == "An address of this message is not an e-mail address; please correct it."
    assert set(cohort.states()) == set(ids)


def test_an_interrupted_run_leaves_doubt_not_a_second_mail(cohort: SmallCohort) -> None:
    ids = cohort.queue(3)
    provider = Provider({list_due(cohort.run)[1]["message_id"]: KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        deliver_due_messages(cohort.run, provider)
    assert sorted(cohort.states().values()) == ["pending", "sending", "sent"]
    again = Provider()
    counts = deliver_due_messages(cohort.run, again)
    assert (counts["unknown"], counts["sent"]) == (1, 1)
    assert sorted(provider.ids + again.ids) == sorted(ids)


# The order of commits


def test_sending_is_committed_before_the_call_and_sent_before_the_next(cohort: SmallCohort) -> None:
    """Looked at through a connection of its own while the provider is called."""
    ids = cohort.queue(3)
    seen: list[dict[str, str]] = []
    provider = Provider(before=lambda message: seen.append(cohort.states()))
    deliver_due_messages(cohort.run, provider)
    order = provider.ids
    assert sorted(order) == sorted(ids)
    assert [[states[key] for key in order] for states in seen] == [
        ["sending", "pending", "pending"],
        ["sent", "sending", "pending"],
        ["sent", "sent", "sending"],
    ]


def test_no_transaction_is_open_while_the_provider_is_called(cohort: SmallCohort) -> None:
    """Another writer need not wait for a slow provider."""
    cohort.queue(2)

    def write(message: OutgoingMessage) -> None:
        with cohort.run.database.transaction("other", NOW) as transaction:
            transaction.note("cohort", "2027", "written meanwhile")

    assert deliver_due_messages(cohort.run, Provider(before=write))["sent"] == 2
    assert len(cohort.rows("audit_log", actor="other")) == 2


def test_one_connection_and_one_commit_a_message(
    cohort: SmallCohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What makes delivery fast: comparing, settling, choosing (twice), the first claim, one each, and the doubts."""
    cohort.queue(10)
    sessions, commits = [], []
    write = Session.write

    def count_write(session: Session) -> object:
        sessions.append(id(session.connection))
        commits.append(1)
        return write(session)

    monkeypatch.setattr(Session, "write", count_write)
    assert deliver_due_messages(cohort.run, Provider())["sent"] == 10
    assert (len(set(sessions)), len(commits)) == (1, 5 + 10 + 1)


# People who are gone


def test_erased_people_are_never_mailed(cohort: SmallCohort) -> None:
    ids = cohort.queue(2)
    erase_people(cohort.run, ["person-1"])
    provider = Provider()
    assert deliver_due_messages(cohort.run, provider)["sent"] == 1
    assert [message.to_address for message in provider.sent] == ["person2@example.org"]
    assert sorted(cohort.states().values()) == ["cancelled", "sent"]
    assert set(cohort.states()) == set(ids)


def test_whoever_is_erased_during_a_delivery_is_not_mailed(cohort: SmallCohort) -> None:
    cohort.queue(3)
    order = [row["message_id"] for row in list_due(cohort.run)]
    [second] = cohort.rows("messages", message_id=order[1])

    def erase(message: OutgoingMessage) -> None:
        if message.message_id == order[0]:
            erase_people(cohort.run, [second["recipient_id"]])

    provider = Provider(before=erase)
    assert deliver_due_messages(cohort.run, provider)["sent"] == 2
    assert provider.ids == [order[0], order[2]]
    assert cohort.states()[order[1]] == "cancelled"


def test_a_claim_alone_refuses_the_erased(cohort: SmallCohort) -> None:
    """Also if somebody erased a person by hand, past the code that cancels the messages."""
    cohort.queue(2)
    order = [row["message_id"] for row in list_due(cohort.run)]
    [second] = cohort.rows("messages", message_id=order[1])
    blank = "email = NULL, email_key = NULL, full_name = NULL, erased_at = '2027-03-01T00:00:00Z'"
    statement = f"UPDATE people SET {blank} WHERE person_id = '{second['recipient_id']}'"
    provider = Provider(before=lambda message: cohort.execute(statement))
    assert deliver_due_messages(cohort.run, provider)["sent"] == 1
    assert cohort.states()[order[1]] == "pending"


def test_what_is_cancelled_during_a_delivery_is_not_sent(cohort: SmallCohort) -> None:
    cohort.queue(3)
    order = [row["message_id"] for row in list_due(cohort.run)]

    def cancel(message: OutgoingMessage) -> None:
        if message.message_id == order[0]:
            cohort.apply(CancelMessage(order[1], "The match ended before it went out."))

    provider = Provider(before=cancel)
    assert deliver_due_messages(cohort.run, provider)["sent"] == 2
    assert provider.ids == [order[0], order[2]]
    assert find_row(cohort, order[1])["attempts"] == 0


# Other processes

#: Sends into the mail folder, and leaves a line for every call in `calls`.
WITNESS = """
from scripted_provider import Provider, with_delivery
from tasks.mail_files import FileMail
from tasks.outbox import deliver_due_messages

run = with_delivery(run, senders=1)

class Witness(Provider):
    mail = FileMail(run.settings.folder / "mail")
    def __init__(self):
        super().__init__()
        vars(self).pop("before")
    def send(self, message):
        with open(run.settings.folder / "calls", "a") as lines:
            lines.write(message.message_id + "\\n")
        self.before(message)
        return self.mail.send(message)
    def before(self, message):
        pass
"""


def read_calls(run: Run) -> list[str]:
    return (run.settings.folder / "calls").read_text().split()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def blocked(cohort: SmallCohort) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of its first message; a file `go` lets it go on."""
    cohort.queue(3)
    code = """
class Slow(Witness):
    def before(self, message):
        (run.settings.folder / "inside").touch()
        while not (run.settings.folder / "go").exists():
            time.sleep(0.01)
print(deliver_due_messages(run, Slow())["sent"])
"""
    process = run_python(WITNESS + code, cohort.run)
    wait_for(cohort.run.settings.folder / "inside")
    yield process
    process.kill()
    process.communicate()


@pytest.mark.threat("races without loss or double", 1)
def test_two_at_once_send_nothing_twice(cohort: SmallCohort, blocked: subprocess.Popen[str]) -> None:
    provider = Provider()
    assert deliver_due_messages(cohort.run, provider) == {"busy": 1}
    (cohort.run.settings.folder / "go").touch()
    output, errors = blocked.communicate(timeout=60)
    assert output.strip() == "3", errors
    assert "sent" not in deliver_due_messages(cohort.run, provider)
    assert provider.sent == []
    assert sorted(read_calls(cohort.run)) == sorted(cohort.states())


def test_a_kill_in_the_middle_frees_the_lock_and_leaves_visible_doubt(
    cohort: SmallCohort, blocked: subprocess.Popen[str]
) -> None:
    blocked.send_signal(signal.SIGKILL)
    blocked.wait()
    provider = Provider()
    deadline = time.monotonic() + 30
    # PostgreSQL needs a moment to notice that nobody is there any more.
    while (counts := deliver_due_messages(cohort.run, provider)) == {"busy": 1}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert counts == {"unknown": 1, "expired": 0, "failed": 0, "sent": 2}
    [called] = read_calls(cohort.run)
    assert called not in provider.ids
    row = find_row(cohort, called)
    assert (row["state"], row["problem"]) == (
        "unknown",
        "The software stopped while this message was being sent.",
    )
    later = cohort.at(NOW + DAY).run
    assert "sent" not in deliver_due_messages(later, provider)
    assert called not in provider.ids


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_kill_around_the_call_never_sends_twice(cohort: SmallCohort, place: str) -> None:
    """The process dies inside `send`, before or after the mail is in the folder; the next run must not guess."""
    cohort.queue(3)
    code = f"""
import signal
class Dying(Witness):
    def send(self, message):
        if {place == "before"}:
            os.kill(os.getpid(), signal.SIGKILL)
        super().send(message)
        os.kill(os.getpid(), signal.SIGKILL)
deliver_due_messages(run, Dying())
"""
    process = run_python(WITNESS + code, cohort.run)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    folder = cohort.run.settings.folder / "mail"
    in_doubt = [key for key, state in cohort.states().items() if state == "sending"]
    assert len(in_doubt) == 1
    assert len(list_messages(folder) if folder.exists() else []) == (place == "after")
    deadline = time.monotonic() + 30
    while (counts := deliver_due_messages(cohort.run)) == {"busy": 1} and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (counts["unknown"], counts["sent"]) == (1, 2)
    assert len(list_messages(folder)) == 2 + (place == "after")
    assert cohort.states()[in_doubt[0]] == "unknown"


def test_a_kill_between_the_answer_and_the_commit_needs_nobody_to_find_out(cohort: SmallCohort) -> None:
    """The outcome is in the journal before it is in the database."""
    cohort.queue(3)
    code = """
import signal
from tasks import sending
sending.mark_delivery = lambda *facts: os.kill(os.getpid(), signal.SIGKILL)
deliver_due_messages(run, Witness())
"""
    process = run_python(WITNESS + code, cohort.run)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    [called] = read_calls(cohort.run)
    assert cohort.states()[called] == "sending"
    provider = Provider()
    deadline = time.monotonic() + 30
    while (counts := deliver_due_messages(cohort.run, provider)) == {
        "busy": 1
    } and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (counts["unknown"], counts["sent"]) == (0, 3)
    assert called not in provider.ids
    assert set(cohort.states().values()) == {"sent"}


@pytest.mark.threat("races without loss or double", 1)
def test_three_processes_in_a_race_send_each_message_once(cohort: SmallCohort) -> None:
    ids = cohort.queue(24)
    code = """
import random
class Hasty(Witness):
    def before(self, message):
        time.sleep(random.random() / 100)
run = with_delivery(run, senders=3)
while not (run.settings.folder / "go").exists():
    time.sleep(0.005)
sent = 0
for _ in range(15):
    sent += deliver_due_messages(run, Hasty()).get("sent", 0)
    time.sleep(0.005)
print(sent)
"""
    processes = [run_python(WITNESS + code, cohort.run) for _ in range(3)]
    (cohort.run.settings.folder / "go").touch()
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, outputs
    assert sum(int(output) for output, _ in outputs) == len(ids)
    assert sorted(read_calls(cohort.run)) == sorted(ids)
    assert set(cohort.states().values()) == {"sent"}
