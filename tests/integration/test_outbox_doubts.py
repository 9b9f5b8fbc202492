"""When sending stops, what is held back, and how a doubt ends: on both databases, with a scripted provider."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from program_databases import NOW
from scripted_provider import Provider, with_delivery
from small_cohort import DAY, SmallCohort

from mentoring.changes import AddPerson
from mentoring.cohort import Draft
from mentoring.desk_rows import list_message_rows
from mentoring.messages import Attachment, RenderedMessage
from mentoring.outbox import list_doubtful, plan_message_decisions
from tasks import ledger
from tasks.doubts import record_event
from tasks.erasure import erase_people
from tasks.frozen_messages import hash_message
from tasks.mail import Delivery, MailError, OutgoingMessage
from tasks.mail_webhook import ProviderEvent
from tasks.outbox import DeliveryError, deliver_due_messages, list_due
from tasks.runs import Run

HOUR = timedelta(hours=1)
NOTHING = {"unknown": 0, "expired": 0, "failed": 0}


@pytest.fixture
def cohort(run: Run) -> SmallCohort:
    """With one sender, so that messages go out one after the other."""
    return SmallCohort(with_delivery(run, senders=1))


def find_row(cohort: SmallCohort, message_id: str) -> dict[str, object]:
    [row] = cohort.rows("messages", message_id=message_id)
    return row


def in_order(cohort: SmallCohort) -> list[str]:
    return [row["message_id"] for row in list_due(cohort.run)]


def doubt(cohort: SmallCohort) -> str:
    """A message that went out or not."""
    [message_id] = cohort.queue()
    deliver_due_messages(
        cohort.run, Provider({message_id: Delivery("unknown", problem="No answer in time.")})
    )
    assert cohort.states() == {message_id: "unknown"}
    return message_id


# Several at once


def test_several_are_on_their_way_at_once_and_each_goes_once(cohort: SmallCohort) -> None:
    cohort.run = with_delivery(cohort.run, senders=3)
    ids = cohort.queue(12)
    meeting = threading.Barrier(3, timeout=20)
    seen: list[int] = []

    def meet(message: OutgoingMessage) -> None:
        meeting.wait()
        states = cohort.states()
        assert states[message.message_id] == "sending"
        seen.append(sum(state == "sending" for state in states.values()))

    provider = Provider(before=meet)
    assert deliver_due_messages(cohort.run, provider)["sent"] == 12
    assert sorted(provider.ids) == sorted(ids)
    assert max(seen) == 3, "nothing is claimed before a sender is free for it"


def test_a_slow_message_holds_nobody_up(cohort: SmallCohort) -> None:
    cohort.run = with_delivery(cohort.run, senders=2)
    cohort.queue(6)
    slow = in_order(cohort)[0]
    others = threading.Event()

    def wait_for_the_others(message: OutgoingMessage) -> None:
        if message.message_id == slow:
            assert others.wait(20)
        elif len(provider.sent) == 4:
            others.set()

    provider = Provider(before=wait_for_the_others)
    assert deliver_due_messages(cohort.run, provider)["sent"] == 6
    assert provider.ids[-1] == slow


def test_the_lock_is_asked_for_again_before_every_message(cohort: SmallCohort) -> None:
    """Whoever has lost it hands nothing over any more; what it knows is in the journal for the next run."""
    from tasks.sending import LostLockError

    ids = cohort.queue(4)
    place = cohort.run.database.path.with_name(f".{cohort.run.database.path.name}.sending")

    def lose(message: OutgoingMessage) -> None:
        if len(provider.sent) == 1:
            if cohort.run.database.is_sqlite:
                place.unlink()
            else:
                cohort.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7221908"
                )

    provider = Provider(before=lose)
    with pytest.raises(
        LostLockError, match=r"was lost, so it stopped; what was on its way is settled by the next run"
    ):
        deliver_due_messages(cohort.run, provider)
    assert len(provider.sent) == 2
    again = Provider()
    assert deliver_due_messages(cohort.run, again) == {**NOTHING, "sent": 2, "left for the next run": 1}
    assert sorted(provider.ids + again.ids) == sorted(ids)
    assert set(cohort.states().values()) == {"sent"}


def test_what_the_database_could_not_note_is_in_the_journal(
    cohort: SmallCohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between the provider's answer and the commit: the next run needs nobody to find out."""
    from tasks import sending

    ids = cohort.queue(3)
    order = in_order(cohort)
    outcomes = {
        order[0]: Delivery("refused", problem="No."),
        order[1]: Delivery("not_arrived", problem="Busy."),
    }
    cohort.run = with_delivery(cohort.run, senders=3)
    monkeypatch.setattr(sending, "mark_delivery", lambda *facts: (_ for _ in ()).throw(KeyboardInterrupt))
    everybody = threading.Barrier(3)

    def wait_for_all(message: OutgoingMessage) -> None:
        # On a busy machine the last might not have been handed over when the first is answered.
        everybody.wait(30)

    with pytest.raises(KeyboardInterrupt):
        deliver_due_messages(cohort.run, Provider(outcomes, before=wait_for_all))
    monkeypatch.undo()
    assert set(cohort.states().values()) == {"sending"}
    provider = Provider()
    counts = deliver_due_messages(cohort.run, provider)
    assert counts == {**NOTHING, "failed": 1, "returned": 1, "sent": 1}
    assert provider.sent == []
    assert cohort.states() == {order[0]: "failed", order[1]: "pending", order[2]: "sent"}
    assert set(ids) == set(order)


# When to stop


def test_failures_in_a_row_stop_the_run_and_leave_the_rest(cohort: SmallCohort) -> None:
    cohort.run = with_delivery(cohort.run, pause_after_refusals=3)
    cohort.queue(7)
    order = in_order(cohort)
    refused = Delivery("refused", problem="The sender is not verified.")
    provider = Provider(dict.fromkeys([order[0], *order[2:]], refused))
    counts = deliver_due_messages(cohort.run, provider)
    assert counts == {**NOTHING, "sent": 1, "failed": 4, "left for the next run": 2}
    assert provider.ids == order[:5]
    assert counts.waiting == (
        "Sending stopped after 3 messages in a row that did not go out; the rest waits for the next run, so first see "
        "on the Messages tab what happened to them.",
        "Messages that did not get through and wait for a decision on the Messages tab: 4 "
        f"({', '.join(cohort.name_messages(order[0], *order[2:5]))}).",
    )
    for message_id in order[5:]:
        row = find_row(cohort, message_id)
        assert (row["state"], row["attempts"]) == ("pending", 0)


def test_a_key_that_is_not_accepted_stops_the_run_and_counts_no_attempt(cohort: SmallCohort) -> None:
    cohort.queue(4)
    order = in_order(cohort)
    sentence = "SendGrid does not accept the key; set MENTORING_SENDGRID_API_KEY."
    with pytest.raises(MailError, match=sentence):
        deliver_due_messages(cohort.run, Provider({order[1]: MailError(sentence)}))
    assert [find_row(cohort, key)["state"] for key in order] == ["sent", "pending", "pending", "pending"]
    assert [find_row(cohort, key)["attempts"] for key in order] == [1, 0, 0, 0]
    provider = Provider()
    assert deliver_due_messages(cohort.run, provider) == {**NOTHING, "sent": 3}
    assert provider.ids == order[1:]


def test_the_provider_decides_how_long_to_wait(cohort: SmallCohort) -> None:
    ids = cohort.queue(3)
    pauses = (timedelta(minutes=40), timedelta(days=9), None)
    provider = Provider(
        {
            key: Delivery("not_arrived", problem="Busy.", retry_after=pause)
            for key, pause in zip(ids, pauses, strict=True)
        }
    )
    assert deliver_due_messages(cohort.run, provider)["returned"] == 3
    assert [find_row(cohort, key)["not_before"] for key in ids] == [
        "2027-03-01T15:40:00Z",
        "2027-03-02T15:00:00Z",
        "2027-03-01T15:15:00Z",
    ]


def test_a_day_has_its_cap_whatever_cohort_or_run(cohort: SmallCohort) -> None:
    cohort.run = with_delivery(cohort.run, daily_cap=5)
    cohort.queue(3)
    unclear = in_order(cohort)[0]
    deliver_due_messages(cohort.run, Provider({unclear: Delivery("unknown", problem="No answer.")}))
    cohort.queue(4)
    provider = Provider()
    for moment in (NOW, NOW + HOUR, NOW - HOUR, NOW + 23 * HOUR):
        counts = deliver_due_messages(cohort.at(moment).run, provider)
        assert counts.get("over the day's cap", 0) == (2 if moment >= NOW else 0), moment
    assert len(provider.sent) == 2
    assert deliver_due_messages(cohort.at(NOW + DAY).run, provider)["sent"] == 2


def test_refusals_do_not_use_up_the_day(cohort: SmallCohort) -> None:
    cohort.run = with_delivery(cohort.run, daily_cap=2)
    ids = cohort.queue(2)
    deliver_due_messages(cohort.run, Provider(dict.fromkeys(ids, Delivery("refused", problem="No."))))
    cohort.queue(2)
    assert deliver_due_messages(cohort.run, Provider())["sent"] == 2


def test_nobody_is_mailed_at_night_wherever_they_live(cohort: SmallCohort) -> None:
    """A message that was due by day, and that no run or no provider took then, waits for the recipient's morning."""
    people = [
        cohort.add_application("mentee", time_zone=zone) for zone in ("Asia/Tokyo", "", "Pacific/Honolulu")
    ]
    cohort.apply(messages=tuple(cohort.thank(key) for key in people))
    provider = Provider()
    went: list[tuple[int, str]] = []
    for hour in range(24):
        before = len(provider.sent)
        deliver_due_messages(cohort.at(NOW + hour * HOUR).run, provider)
        went += [(hour, message.to_address) for message in provider.sent[before:]]
    # 15:00 UTC is midnight in Tokyo, 10:00 in the committee's New York and 5:00 in Honolulu.
    assert went == [(0, "person2@example.org"), (3, "person3@example.org"), (8, "person1@example.org")]


# Suppressed people


def test_whom_the_provider_would_drop_is_shown_and_not_mailed(cohort: SmallCohort) -> None:
    ids = cohort.queue(2)
    cohort.execute("UPDATE people SET email = 'Person1@Example.org' WHERE person_id = 'person-1'")
    reason = "it bounced: 550 <person1@example.org> unknown"
    provider = Provider(suppressed={"person1@example.org": reason, "somebody@example.org": "spam"})
    counts = deliver_due_messages(cohort.run, provider)
    assert counts == {**NOTHING, "suppressed": 1, "sent": 1}
    reference = f"mentee-1-{ids[0][:8]}"
    assert counts.waiting[-1].endswith(f"1 ({reference}).")
    assert [message.to_address for message in provider.sent] == ["person2@example.org"]
    row = find_row(cohort, ids[0])
    assert (row["state"], row["attempts"]) == ("suppressed", 0)
    assert row["problem"] == "The mail provider does not deliver to this address: it bounced: 550 … unknown."
    [shown] = list_message_rows(cohort.read(), [])
    assert (shown["Reference"], shown["Status"], shown["What happened"]) == (
        reference,
        "Held back",
        row["problem"],
    )
    assert deliver_due_messages(cohort.run, provider) == NOTHING


def test_an_international_address_is_found_in_either_spelling(cohort: SmallCohort) -> None:
    cohort.queue(1)
    cohort.execute("UPDATE people SET email = 'zoe@bücher.example' WHERE person_id = 'person-1'")
    provider = Provider(suppressed={"zoe@xn--bcher-kva.example": "blocked"})
    assert deliver_due_messages(cohort.run, provider)["suppressed"] == 1


def test_lists_that_can_not_be_read_stop_the_run_before_anything_is_sent(cohort: SmallCohort) -> None:
    class Closed(Provider):
        def list_suppressed(self) -> dict[str, str]:
            raise MailError("The key may not read suppressions; allow it.")

    provider = Closed()
    assert deliver_due_messages(cohort.run, provider) == NOTHING, "nobody asks when nothing is due"
    [message_id] = cohort.queue()
    with pytest.raises(MailError, match=r"may not read suppressions"):
        deliver_due_messages(cohort.run, provider)
    assert (provider.sent, cohort.states()) == ([], {message_id: "pending"})


# How a doubt ends


@pytest.mark.parametrize(
    ("found", "state", "problem"),
    [
        (Delivery("accepted", "x-1"), "sent", ""),
        (Delivery("refused", problem="It was dropped."), "failed", "It was dropped."),
        (Delivery("not_arrived"), "failed", "The provider's records show that it never arrived there."),
        (Delivery("unknown"), "unknown", "No answer in time."),
        (None, "unknown", "No answer in time."),
    ],
)
def test_the_records_are_asked_after_the_grace_and_believed(
    cohort: SmallCohort, found: Delivery | None, state: str, problem: str
) -> None:
    message_id = doubt(cohort)
    provider = Provider(records={message_id: found} if found else {})
    deliver_due_messages(cohort.at(NOW + 59 * HOUR / 60).run, provider)
    assert provider.asked == []
    deliver_due_messages(cohort.at(NOW + HOUR).run, provider)
    [(asked, since)] = provider.asked
    assert (asked, since < NOW) == (message_id, True)
    row = find_row(cohort, message_id)
    assert (row["state"], row["problem"]) == (state, problem)
    assert (row["provider_id"] or "") == ("x-1" if state == "sent" else "")
    assert provider.sent == []
    deliver_due_messages(cohort.at(NOW + 1.5 * HOUR).run, provider)
    assert len(provider.asked) == 1, "records that say nothing are not asked at every run"
    deliver_due_messages(cohort.at(NOW + 2 * HOUR).run, provider)
    assert len(provider.asked) == (2 if state == "unknown" else 1)
    assert provider.sent == []


def test_records_that_can_not_be_asked_stop_nothing(cohort: SmallCohort) -> None:
    message_id = doubt(cohort)
    later = cohort.at(NOW + HOUR)
    later.queue()
    provider = Provider(records={message_id: MailError("The key may not read the logs; allow it.")})
    counts = deliver_due_messages(later.run, provider)
    assert counts["sent"] == 1
    assert counts.waiting == (
        "Messages in doubt could not be looked up: The key may not read the logs; allow it.",
    )
    provider.records[message_id] = RuntimeError("ana@example.org")
    with pytest.raises(DeliveryError, match=r"RuntimeError in scripted_provider.py"):
        deliver_due_messages(cohort.at(NOW + 3 * HOUR).run, provider)
    assert cohort.states()[message_id] == "unknown"


def test_nobody_asks_about_what_a_person_decided(cohort: SmallCohort) -> None:
    message_id = doubt(cohort)
    cohort.execute(f"UPDATE messages SET resolution = 'left' WHERE message_id = '{message_id}'")
    provider = Provider()
    deliver_due_messages(cohort.at(NOW + DAY).run, provider)
    assert provider.asked == []


# What the provider reports by itself


def report(cohort: SmallCohort, message_id: str, event: str, event_id: str = "e-1") -> None:
    record_event(cohort.run.database, ProviderEvent(event_id, message_id, event, NOW, "sg-1"))


@pytest.mark.parametrize("event", ["processed", "delivered", "deferred", "open"])
def test_a_report_settles_a_doubt(cohort: SmallCohort, event: str) -> None:
    message_id = doubt(cohort)
    report(cohort, message_id, event)
    row = find_row(cohort, message_id)
    assert (row["state"], row["provider_id"], row["problem"]) == ("sent", "sg-1", "")
    rows = cohort.rows("messages"), cohort.rows("provider_events")
    report(cohort, message_id, event)
    report(cohort, message_id, event, "e-2")
    assert cohort.rows("messages") == rows[0]
    assert len(cohort.rows("provider_events")) == len(rows[1]) + 1 == 2


@pytest.mark.parametrize("event", ["dropped", "bounce", "blocked"])
def test_a_report_of_failure_settles_a_doubt_the_other_way(cohort: SmallCohort, event: str) -> None:
    message_id = doubt(cohort)
    report(cohort, message_id, event)
    assert cohort.states() == {message_id: "failed"}
    assert str(find_row(cohort, message_id)["problem"]).startswith("The provider reports that")
    report(cohort, message_id, "delivered", "e-2")
    assert cohort.states() == {message_id: "failed"}


def test_a_report_may_come_before_the_answer_was_noted(cohort: SmallCohort) -> None:
    [message_id] = cohort.queue()
    provider = Provider(
        {message_id: Delivery("unknown", problem="No answer.")},
        before=lambda message: report(cohort, message.message_id, "processed"),
    )
    assert deliver_due_messages(cohort.run, provider)["unknown"] == 1
    assert deliver_due_messages(cohort.run, provider)["found out: sent"] == 1
    assert cohort.states() == {message_id: "sent"}
    assert len(provider.sent) == 1


def test_a_mail_that_comes_back_stays_sent_and_is_shown_to_the_committee(cohort: SmallCohort) -> None:
    [message_id] = cohort.queue()
    deliver_due_messages(cohort.run, Provider())
    report(cohort, message_id, "delivered", "e-0")
    assert list_doubtful(cohort.read()) == []
    for event_id in ("e-1", "e-1", "e-2"):
        report(cohort, message_id, "bounce", event_id)
    row = find_row(cohort, message_id)
    assert (row["state"], row["provider_id"]) == ("sent", f"p-{message_id}")
    [shown] = list_message_rows(cohort.read(), [])
    assert (shown["Status"], shown["What happened"]) == (
        "Came back",
        "The provider reports that the recipient's mail server sent it back.",
    )
    assert shown["To do"] == "Check the address or write yourself, then choose Resend or Leave."
    assert [item["message_id"] for item in cohort.rows("waiting_messages")] == [message_id]
    assert [item["happening"] for item in cohort.rows("audit_log", actor="webhook")] == ["sent back"]
    assert deliver_due_messages(cohort.run, Provider()) == NOTHING


def test_a_report_about_a_message_that_nobody_knows_is_kept_and_harmless(cohort: SmallCohort) -> None:
    report(cohort, "not-ours", "bounce")
    assert len(cohort.rows("provider_events")) == 1
    assert deliver_due_messages(cohort.run, Provider()) == NOTHING


# Files, and the committee itself

FILES = (
    Attachment("deadline.ics", "text/calendar", b"BEGIN:VCALENDAR"),
    Attachment("a.pdf", "application/pdf", b"\0\xff"),
)


@pytest.fixture
def with_files(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ledger.render_draft
    monkeypatch.setattr(ledger, "render_draft", lambda *facts: replace(real(*facts), attachments=FILES))


@pytest.mark.usefixtures("with_files")
def test_files_are_frozen_with_the_message_and_sent(cohort: SmallCohort) -> None:
    cohort.queue(2)
    provider = Provider()
    assert deliver_due_messages(cohort.run, provider)["sent"] == 2
    assert [message.attachments for message in provider.sent] == [FILES, FILES]


@pytest.mark.usefixtures("with_files")
def test_what_is_sent_once_more_has_its_files_again(cohort: SmallCohort) -> None:
    [message_id] = cohort.queue()
    deliver_due_messages(cohort.run, Provider({message_id: Delivery("refused", problem="No.")}))
    [reference] = cohort.name_messages(message_id)
    rows = [{"Reference": reference, "Decision": "Resend"}]
    cohort.apply(*plan_message_decisions(cohort.read(), rows, NOW).changes)
    provider = Provider()
    assert deliver_due_messages(cohort.run, provider)["sent"] == 1
    [mail] = provider.sent
    assert (mail.attachments, mail.message_id != message_id) == (FILES, True)


@pytest.mark.usefixtures("with_files")
@pytest.mark.parametrize("column", ["file_name", "media_type", "content"])
def test_a_file_that_was_tampered_with_is_not_sent(cohort: SmallCohort, column: str) -> None:
    cohort.queue()
    value = "QUJD" if column == "content" else "other"
    cohort.execute(f"UPDATE message_attachments SET {column} = '{value}' WHERE place = 1")
    provider = Provider()
    assert deliver_due_messages(cohort.run, provider)["failed"] == 1
    assert provider.sent == []


@pytest.mark.usefixtures("with_files")
def test_a_file_that_went_missing_stops_its_message(cohort: SmallCohort) -> None:
    cohort.queue()
    cohort.execute("DELETE FROM message_attachments WHERE place = 1")
    assert deliver_due_messages(cohort.run, Provider())["failed"] == 1


@pytest.mark.usefixtures("with_files")
def test_files_are_forgotten_with_the_text(cohort: SmallCohort) -> None:
    cohort.queue(2)
    deliver_due_messages(cohort.run, Provider())
    erase_people(cohort.run, ["person-1"])
    [other] = {row["message_id"] for row in cohort.rows("message_attachments")}
    assert find_row(cohort, other)["recipient_id"] == "person-2"


def test_without_files_the_digest_of_a_text_is_what_it_was() -> None:
    from mentoring.messages import hash_body

    bare = RenderedMessage("Subject", "text", "<p>html</p>")
    assert hash_message(bare) == hash_body(bare)
    hashes = {hash_message(replace(bare, attachments=FILES[:count])) for count in range(3)}
    assert len(hashes | {hash_message(replace(bare, attachments=FILES[::-1]))}) == 4


def test_mail_to_the_committee_goes_to_the_address_in_force(cohort: SmallCohort) -> None:
    cohort.apply(AddPerson("committee", "committee:", "old@example.org", "mentoring committee"))
    key = cohort.add_application("mentee")
    draft = replace(cohort.thank(key), recipient_id="committee", period="2027-03-01")
    assert isinstance(draft, Draft)
    cohort.apply(messages=(draft,))
    provider = Provider()
    assert deliver_due_messages(cohort.run, provider)["sent"] == 1
    [mail] = provider.sent
    assert mail.to_address == cohort.run.settings.program.committee_address != "old@example.org"
    suppressed = Provider(suppressed={mail.to_address.lower(): "spam report"})
    cohort.apply(messages=(replace(draft, period="2027-03-08"),))
    assert deliver_due_messages(cohort.run, suppressed)["suppressed"] == 1
    [shown] = list_message_rows(cohort.read(), [])
    assert shown["To"] == "mentoring committee"
