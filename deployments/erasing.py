"""`mentoring erase`: one person's data is removed everywhere this software keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mentoring.desk import TabUpdate
from mentoring.erasure import plan_departure
from tasks.desk import Desk, gather_desk, reload_desk, write_desk
from tasks.erasure import (
    ask_provider,
    begin_erasure,
    erase_people,
    find_person,
    finish_erasure,
    list_unfinished_erasures,
    remove_mail_files,
)
from tasks.ledger import apply_plan
from tasks.reports import compile_report
from tasks.review_pages import remove_review
from tasks.runs import WrongUseError, open_run
from tasks.settings import load_settings


def erase_person(address: str, folder: Path | None) -> Iterator[str]:
    """Erase the person with this address, and yield sentences: what was removed, what this software can't reach.

    Live matches end first, so that no partner waits for somebody who is gone. Whoever is gone from the database
    already, because the command was stopped, is erased everywhere else. Raises `WrongUseError` for an address that
    nobody has.
    """
    cohorts = sorted(load_settings(folder).program.cohorts)
    runs = [open_run("erase", cohort, None, False, folder) for cohort in cohorts]
    person_id = find_person(runs[0], address)
    begun = list_unfinished_erasures(runs[0])
    going = [key for key, erasure in begun.items() if erasure.is_gone]
    if person_id is None and not going:
        raise WrongUseError("Nobody has this address; check its spelling, or look on the Applications tab.")
    desks = [(run, gather_desk(run)) for run in runs]
    known_address, partners = address, {partner for key in going for partner in begun[key].partners}
    if person_id is None:
        yield "Nobody has this address any more. An erasure that was stopped on its way is finished now."
        runs[0].database.rewrite()
    else:
        known_address = desks[0][1].cohort.people[person_id].email
        going.append(person_id)
        partners |= begun[person_id].partners if person_id in begun else set()
        departures = [(run, desk, *plan_departure(desk.cohort, person_id)) for run, desk in desks]
        partners |= {partner for *_, left in departures for partner in left}
        begin_erasure(runs[0], person_id, sorted(partners))
        for run, desk, plan, _ in departures:
            apply_plan(run, desk.cohort, plan)
        erase_people(runs[0], [person_id])
    for key in sorted(partners):
        yield f"→ {key} had a live match with this person; please write to {key} that it has ended."
    removed = remove_mail_files(runs[0])
    for run, desk in desks:
        remove_review(run)
        current = reload_desk(run, desk)
        write_desk(run, current, [*compile_report(run, current), *_clear_unmatched(current)])
    gone = ", ".join(going)
    yield f"Erased {gone} from the database and the committee's sheet; {removed} rendered mails removed."
    yield f"→ {ask_provider(runs[0], [known_address])}"
    finish_erasure(runs[0], going)
    yield "→ Not within reach: the row in the forms sheet, the committee's own notes, backups, mail already delivered."


def _clear_unmatched(desk: Desk) -> list[TabUpdate]:
    """The `Unmatched` tab without people who are gone; `propose-matches` writes it anew anyway."""
    gone = {key for key, item in desk.cohort.applications.items() if not item.email}
    kept = [
        {heading: text for heading, text in row.items() if heading}
        for row in desk.read_rows("Unmatched")
        if row["Reference"] not in gone
    ]
    return [TabUpdate("Unmatched", kept, remove_missing=True)] if "Unmatched" in desk.tabs else []
