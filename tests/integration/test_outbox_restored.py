"""A database restored from an old backup: no mail goes out twice, whatever it has forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from program_databases import DatabaseMaker
from scripted_provider import Provider, with_delivery
from small_cohort import DAY, SmallCohort

from tasks.database import Database
from tasks.delivery_journal import DeliveryJournal, Entry
from tasks.mail import Delivery
from tasks.outbox import deliver_due_messages
from tasks.restored import RestoredDatabaseError, find_block, open_journal, reconcile
from tasks.runs import Run, WrongUseError

NOTHING = {"unknown": 0, "expired": 0, "failed": 0}


@pytest.fixture
def cohort(run: Run) -> SmallCohort:
    return SmallCohort(with_delivery(run, senders=1))


@pytest.fixture
def go_back(
    databases: DatabaseMaker, cohort: SmallCohort
) -> Iterator[Callable[[], Callable[[], SmallCohort]]]:
    """Call it for a backup; call what it returns for the cohort as it is after the backup was restored."""

    def back_up() -> Callable[[], SmallCohort]:
        copy = databases.copy(cohort.run.database)
        return lambda: use(cohort, copy)

    return back_up  # type: ignore[return-value]


def use(cohort: SmallCohort, database: Database) -> SmallCohort:
    settings = replace(cohort.run.settings, database_url=database.url)
    return SmallCohort(replace(cohort.run, settings=settings), dict(cohort.made))


Restore = Callable[[], Callable[[], SmallCohort]]


def test_mail_that_waits_in_the_backup_is_not_sent_again(cohort: SmallCohort, go_back: Restore) -> None:
    ids = cohort.queue(3)
    restore = go_back()
    provider = Provider()
    deliver_due_messages(cohort.run, provider)
    restored = restore()
    with pytest.raises(RestoredDatabaseError) as block:
        deliver_due_messages(restored.run, provider)
    assert str(block.value) == (
        f"The database does not know of mail that has gone out already (3: {', '.join(sorted(ids))}), so it was "
        "probably restored from a backup, and nothing is sent until you have run “mentoring reconcile”."
    )
    assert find_block(restored.run) == (str(block.value),)
    assert set(restored.states().values()) == {"pending"}
    assert reconcile(restored.run) == {"sent": 3, "not known yet": 0}
    assert find_block(restored.run) == ()
    assert deliver_due_messages(restored.run, provider) == NOTHING
    assert sorted(provider.ids) == sorted(ids)
    for row in restored.rows("messages"):
        assert (row["state"], row["provider_id"]) == ("sent", f"p-{row['message_id']}")
    assert not any(restored.run.database.run_checks().values())


def test_mail_that_the_backup_does_not_know_yet_is_settled_when_it_is_planned_again(
    cohort: SmallCohort, go_back: Restore
) -> None:
    key = cohort.add_application("mentee")
    restore = go_back()
    cohort.apply(messages=(cohort.thank(key),))
    [message_id] = cohort.states()
    provider = Provider()
    deliver_due_messages(cohort.run, provider)
    restored = restore()
    other = restored.queue()
    with pytest.raises(RestoredDatabaseError):
        deliver_due_messages(restored.run, provider)
    assert reconcile(restored.run) == {"not known yet": 1}
    assert deliver_due_messages(restored.run, provider)["sent"] == 1
    restored.apply(messages=(restored.thank(key),))
    assert restored.states()[message_id] == "pending"
    assert deliver_due_messages(restored.run, provider)["sent"] == 1
    assert provider.ids == [message_id, *other]
    assert restored.states() == {message_id: "sent", other[0]: "sent"}


def test_what_the_journal_knows_of_each_message_is_believed(cohort: SmallCohort, go_back: Restore) -> None:
    ids = cohort.queue(4)
    restore = go_back()
    outcomes = {
        ids[0]: Delivery("refused", problem="The mailbox is closed."),
        ids[1]: Delivery("unknown", problem="No answer."),
        ids[2]: Delivery("not_arrived", problem="Busy."),
    }
    deliver_due_messages(cohort.run, Provider(outcomes))
    restored = restore()
    assert reconcile(restored.run) == {"failed": 1, "unknown": 1, "sent": 1, "not known yet": 0}
    provider = Provider()
    assert deliver_due_messages(restored.run, provider)["sent"] == 1
    # It certainly did not arrive: that one may go out again, and does.
    assert provider.ids == [ids[2]]
    assert restored.states() == {ids[0]: "failed", ids[1]: "unknown", ids[2]: "sent", ids[3]: "sent"}
    problems = {row["message_id"]: row["problem"] for row in restored.rows("messages")}
    assert problems[ids[0]] == "The provider refused it before the database was restored from a backup."
    assert "nobody knows whether it came" in problems[ids[1]]


def test_a_message_begun_and_never_settled_becomes_doubt(cohort: SmallCohort, go_back: Restore) -> None:
    [message_id] = cohort.queue()
    restore = go_back()
    with pytest.raises(KeyboardInterrupt):
        deliver_due_messages(cohort.run, Provider({message_id: KeyboardInterrupt()}))
    restored = restore()
    assert reconcile(restored.run) == {"unknown": 1, "not known yet": 0}
    provider = Provider()
    assert deliver_due_messages(restored.at(restored.run.now + DAY).run, provider) == NOTHING
    assert (provider.sent, restored.states()) == ([], {message_id: "unknown"})


def test_a_claim_alone_refuses_what_a_witness_saw(cohort: SmallCohort) -> None:
    [message_id] = cohort.queue()
    cohort.execute(f"INSERT INTO witnessed_messages VALUES ('{message_id}', 'unknown', '', 'x')")
    with cohort.run.database.transaction("test", cohort.run.now) as transaction:
        values = {"message_id": message_id, "at": transaction.at, "attempt_limit": 5}
        assert transaction.execute("claim_message", **values) == 0


def test_reconciling_twice_or_for_nothing_changes_nothing(cohort: SmallCohort, go_back: Restore) -> None:
    cohort.queue(2)
    assert reconcile(cohort.run) == {"not known yet": 0}
    restore = go_back()
    deliver_due_messages(cohort.run, Provider())
    assert reconcile(cohort.run) == {"not known yet": 0}
    restored = restore()
    reconcile(restored.run)
    rows = restored.rows("messages"), restored.rows("witnessed_messages")
    assert reconcile(restored.run) == {"not known yet": 0}
    assert (restored.rows("messages"), restored.rows("witnessed_messages")) == rows


def test_a_second_restore_is_noticed_like_the_first(cohort: SmallCohort, go_back: Restore) -> None:
    cohort.queue(2)
    restore = go_back()
    provider = Provider()
    deliver_due_messages(cohort.run, provider)
    for _ in range(2):
        restored = restore()
        restored.execute("DELETE FROM witnessed_messages")
        restored.execute("UPDATE messages SET previous_state = 'start', state = 'pending', attempts = 0")
        with pytest.raises(RestoredDatabaseError):
            deliver_due_messages(restored.run, provider)
        reconcile(restored.run)
        deliver_due_messages(restored.run, provider)
    assert len(provider.ids) == 2


def test_a_backup_from_the_middle_of_a_sending_needs_no_person(cohort: SmallCohort) -> None:
    """The claim is in the backup, the outcome in the journal: the two together are the truth."""
    [message_id] = cohort.queue()
    cohort.execute(
        "UPDATE messages SET previous_state = 'pending', state = 'sending', attempts = 1, "
        "claimed_at = '2027-03-01T15:00:00Z'"
    )
    journal = open_journal(cohort.run)
    journal.begin([(message_id, 1)])
    journal.settle({message_id: Entry("accepted", 1, "p-1")})
    journal.close()
    assert deliver_due_messages(cohort.run, Provider())["sent"] == 1
    [row] = cohort.rows("messages")
    assert (row["state"], row["provider_id"]) == ("sent", "p-1")


def test_an_outcome_of_another_attempt_is_not_taken_for_this_one(cohort: SmallCohort) -> None:
    [message_id] = cohort.queue()
    cohort.execute(
        "UPDATE messages SET previous_state = 'pending', state = 'sending', attempts = 2, "
        "claimed_at = '2027-03-01T15:00:00Z'"
    )
    journal = open_journal(cohort.run)
    journal.settle({message_id: Entry("returned", 1)})
    journal.close()
    assert deliver_due_messages(cohort.run, Provider())["unknown"] == 1
    assert cohort.states() == {message_id: "unknown"}


def test_a_database_made_anew_can_not_be_reconciled(cohort: SmallCohort) -> None:
    cohort.queue(1)
    deliver_due_messages(cohort.run, Provider())
    cohort.execute("DELETE FROM messages")
    cohort.execute("UPDATE cohorts SET token_key = 'another'")
    provider = Provider()
    cohort.queue(1)
    for attempt in (deliver_due_messages, reconcile):
        with pytest.raises(RestoredDatabaseError, match=r"made anew after mail of cohort 2027 had gone out"):
            attempt(cohort.run, *([provider] if attempt is deliver_due_messages else []))
    assert provider.sent == []


def test_reconciling_waits_until_nobody_sends(cohort: SmallCohort) -> None:
    with cohort.run.database.open_session() as session, session.hold_sender_lock() as still_ours:
        assert still_ours is not None
        with pytest.raises(WrongUseError, match=r"Another run is sending just now"):
            reconcile(cohort.run)


def test_the_journal_holds_references_only(cohort: SmallCohort) -> None:
    cohort.add_person("Ana Ortiz", "ana@example.org")
    ids = cohort.queue(2)
    deliver_due_messages(cohort.run, Provider())
    path: Path = cohort.run.settings.folder / "delivery.journal"
    words = set(path.read_text().split())
    allowed = {"begun", "accepted", "key", "1", "2027", *ids, *(f"p-{key}" for key in ids)}
    assert len(words - allowed) == 1, "the fingerprint of the cohort's key"
    assert DeliveryJournal(path).read().entries.keys() == set(ids)
