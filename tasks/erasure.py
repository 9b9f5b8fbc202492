"""Removing personal data wherever this software keeps it: database, mail folder, committee workbook.

The statistics stay: states, points, scales and choices, without a word that a person wrote.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

from mentoring.addresses import normalise_address
from mentoring.erasure import keep_points, keep_statistics
from mentoring.program import Question
from tasks.database import Transaction
from tasks.mail import MAIL_FOLDER, AddressError, MailError
from tasks.runs import Run

_FORGET = (
    "forget_responses",
    "forget_confirming_responses",
    "remove_confirmations",
    "forget_request_words",
    "forget_check_in_words",
    "forget_message_attachments",
    "forget_message_bodies",
    "forget_application_answers",
)
_NOT_ERASED = "SendGrid did not erase its own records:"
#: Responses of a cohort that belong to no person: nobody could ask for them to be erased.
_FORGET_PLACELESS = (
    "forget_unreachable_responses",
    "forget_unreachable_applications",
    "forget_unplaced_responses",
    "remove_unplaced_responses",
)


def erase_people(run: Run, person_ids: Sequence[str]) -> None:
    """Remove these people's data from the database, and from its files what was deleted.

    What partners wrote about a match with them goes, too. Raises `ChangedMeanwhileError` if somebody was erased by
    another run, and `DatabaseError`.
    """
    if not person_ids:
        return
    with run.database.transaction(run.flow, run.now) as transaction:
        for person_id in person_ids:
            transaction.execute("cancel_messages_about", person_id=person_id, at=transaction.at)
            _keep_countable_answers(transaction, person_id, run.settings.program.evaluation)
            _keep_points(transaction, person_id)
            for query in _FORGET:
                transaction.execute(query, person_id=person_id)
            transaction.change_one("erase_person", person_id=person_id, at=transaction.at)
            transaction.note("person", person_id, "erase_person")
    run.database.rewrite()


def _keep_countable_answers(transaction: Transaction, person_id: str, questions: Sequence[Question]) -> None:
    for row in transaction.fetch_all("list_evaluations_about", person_id=person_id):
        kept = json.dumps(keep_statistics(json.loads(row["answers"]), questions), sort_keys=True)
        transaction.execute(
            "keep_evaluation_answers",
            match_id=row["match_id"],
            application_id=row["application_id"],
            answers=kept,
        )


def _keep_points(transaction: Transaction, person_id: str) -> None:
    for row in transaction.fetch_all("list_explanations_about", person_id=person_id):
        kept = json.dumps(keep_points(json.loads(row["explanation"])), sort_keys=True)
        transaction.execute("keep_match_points", match_id=row["match_id"], explanation=kept)


def list_cohorts_to_purge(run: Run) -> tuple[list[Run], list[str]]:
    """The same run for each cohort of the database, the run's own last; and a sentence for each that can't be purged.

    A year's personal data has to go while a later year is under way, and nobody asks for it by name.
    """
    with run.database.transaction(run.flow, run.now) as transaction:
        rows = transaction.fetch_all("list_cohorts")
    known = run.settings.program.cohorts
    others = [row["cohort_id"] for row in rows if row["cohort_id"] != run.cohort_id]
    lost = [
        row["cohort_id"]
        for row in rows
        if row["cohort_id"] not in known and row["has_responses"] and not row["anonymised_at"]
    ]
    told = [
        f"Cohort {name} still has personal data and is no more in program.yaml; put it back there, and it is purged "
        "when its time is over."
        for name in lost
    ]
    return [*(replace(run, cohort_id=name) for name in others if name in known), run], told


def list_leavers(run: Run, gone: Collection[str] = ()) -> list[str]:
    """Who goes with this cohort: everybody of it who takes part in no other that still keeps personal data.

    `gone` are cohorts that go before it, and in a dry run are still there.
    """
    with run.database.transaction(run.flow, run.now) as transaction:
        rows = transaction.fetch_all("list_cohorts_of_people", cohort_id=run.cohort_id)
    staying = {row["person_id"] for row in rows if row["cohort_id"] and row["cohort_id"] not in gone}
    return sorted({row["person_id"] for row in rows} - staying)


def anonymise_cohort(run: Run) -> tuple[str, ...]:
    """Erase everybody who takes part in no other cohort that still keeps its data; once done, does nothing.

    Returns a sentence if the mail provider could have erased them, too, and did not.
    """
    going = list_leavers(run)
    with run.database.transaction(run.flow, run.now) as transaction:
        addresses = [
            row["email"] for row in transaction.fetch_all("list_people") if row["person_id"] in going
        ]
    # First: an interrupted run asks again, but knows no address of those who are gone.
    answer = ask_provider(run, addresses) if addresses and run.settings.mail == "sendgrid" else ""
    erase_people(run, going)
    with run.database.transaction(run.flow, run.now) as transaction:
        removed = [transaction.execute(query, cohort_id=run.cohort_id) for query in _FORGET_PLACELESS]
        cohort = transaction.fetch_one("find_cohort", cohort_id=run.cohort_id)
    # Also where nobody is left to erase: a purge before may have been stopped ahead of the rewriting.
    if any(removed) or (cohort and not cohort["anonymised_at"]):
        run.database.rewrite()
    with run.database.transaction(run.flow, run.now) as transaction:
        if transaction.execute("anonymise_cohort", cohort_id=run.cohort_id, at=transaction.at):
            transaction.note("cohort", run.cohort_id, "anonymise_cohort")
    return (answer,) if answer.startswith(_NOT_ERASED) else ()


def remove_mail_files(run: Run) -> int:
    """Remove rendered mail whose text is gone from the database; returns how many messages were removed.

    What is left to remove is read from the database each time, so that an interrupted erasure is finished by the next.
    """
    from tasks.mail_files import remove_messages
    from tasks.mail_index import write_index

    folder = run.settings.folder / MAIL_FOLDER
    if not folder.exists():
        return 0
    with run.database.transaction(run.flow, run.now) as transaction:
        message_ids = [row["message_id"] for row in transaction.fetch_all("list_messages_without_text")]
    removed = remove_messages(folder, message_ids)
    if removed:
        write_index(folder, run.settings.program.name)
    return removed


def ask_provider(run: Run, addresses: Sequence[str]) -> str:
    """Have the mail provider erase people where its API allows that; a sentence on what came of it."""
    if run.settings.mail == "files":
        return "No mail provider knows this person, for mail goes to files."
    if run.settings.mail == "smtp":
        return "A mail server can't be asked to erase anything; its own logs of what was delivered stay."
    from tasks.mail_sendgrid import open_sendgrid

    try:
        open_sendgrid(run.settings).erase_recipients(addresses)
    except (AddressError, MailError) as error:
        return f"{_NOT_ERASED} {error} Or ask its support."
    return "SendGrid was asked to erase its own records, which takes some days; its suppression lists stay."


def begin_erasure(run: Run, person_id: str, partners: Sequence[str]) -> None:
    """Note that a person is being erased, and the applications of those who have to be told.

    A command that is stopped on the way can be finished later, when no match tells any more who the partners were.
    """
    with run.database.transaction(run.flow, run.now) as transaction:
        transaction.note("person", person_id, "begin_erasure", json.dumps(sorted(partners)))


def finish_erasure(run: Run, person_ids: Sequence[str]) -> None:
    """Note that nothing is left to remove of these people."""
    with run.database.transaction(run.flow, run.now) as transaction:
        for person_id in person_ids:
            transaction.note("person", person_id, "finish_erasure")


def list_unfinished_erasures(run: Run) -> dict[str, set[str]]:
    """People who are gone from the database, and whose erasure has not come to its end, with those to be told."""
    with run.database.transaction(run.flow, run.now) as transaction:
        rows = transaction.fetch_all("list_unfinished_erasures")
    partners: dict[str, set[str]] = {}
    for row in rows:
        # An erasure that was stopped is begun more than once, and only the first time a match tells who they are.
        partners.setdefault(row["person_id"], set()).update(json.loads(row["detail"] or "[]"))
    return partners


def find_person(run: Run, address: str) -> str | None:
    """The id of the person with this address, or None."""
    key = normalise_address(address)
    with run.database.transaction(run.flow, run.now) as transaction:
        row = transaction.fetch_one("find_person_by_key", email_key=key) if key else None
    return row["person_id"] if row else None
