"""`mentoring erase`: one person's data is removed everywhere this software keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mentoring.erasure import plan_departure
from tasks.desk import drop_unmatched, gather_desk, reload_desk, write_desk
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
from tasks.runs import WrongUseError, open_program, open_run


def erase_person(address: str, folder: Path | None) -> Iterator[str]:
    """Erase the person with this address, and yield sentences: what was removed, what this software can't reach.

    Live matches end first, so that no partner waits for somebody who is gone. Whoever is gone from the database
    already, because the command was stopped, is erased everywhere else. Raises `WrongUseError` for an address that
    nobody has.
    """
    cohorts = sorted(open_program(folder).program.cohorts)
    runs = [open_run("erase", cohort, None, False, folder) for cohort in cohorts]
    person_id = find_person(runs[0], address)
    if person_id is None and not list_unfinished_erasures(runs[0]):
        raise WrongUseError("Nobody has this address; check its spelling, or look on the Applications tab.")
    desks = [(run, gather_desk(run)) for run in runs]
    known_address = address
    if person_id is None:
        yield "Nobody has this address any more. An erasure that was stopped on its way is finished now."
        runs[0].database.rewrite()
    else:
        known_address = desks[0][1].cohort.people[person_id].email
        departures = [(run, desk, *plan_departure(desk.cohort, person_id)) for run, desk in desks]
        begin_erasure(runs[0], person_id, [partner for *_, partners in departures for partner in partners])
        for run, desk, plan, _ in departures:
            apply_plan(run, desk.cohort, plan)
        erase_people(runs[0], [person_id])
    going = list_unfinished_erasures(runs[0])
    for key in sorted(set().union(*going.values())):
        yield f"→ {key} had a live match with this person; please write to {key} that it has ended."
    removed = remove_mail_files(runs[0])
    for run, desk in desks:
        remove_review(run)
        current = reload_desk(run, desk)
        gone = {key for key, item in current.cohort.applications.items() if not item.email}
        unmatched = [drop_unmatched(current, gone)] if gone else []
        write_desk(run, current, [*compile_report(run, current), *unmatched])
    yield f"Erased {', '.join(going)} from the database and the committee's sheet; {removed} rendered mails removed."
    yield f"→ {ask_provider(runs[0], [known_address])}"
    finish_erasure(runs[0], list(going))
    yield "→ Not within reach: the row in the forms sheet, the committee's own notes, backups, mail already delivered."
