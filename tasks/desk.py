"""The committee's desk and the forms, between the spreadsheets and the cohort.

Belongs here: reading the desk, putting its settings in force, reading and checking forms, writing the desk anew. Does
not belong here: what stands in a cell (`mentoring.desk_rows`), how it gets there (`tasks.local_workbooks`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mentoring.answers import FormAnswers
from mentoring.calendar import local_day
from mentoring.cohort import Cohort
from mentoring.desk import TABS, SheetTab, TabUpdate, is_shown, name_advice
from mentoring.desk_rows import describe_desk
from mentoring.form_fields import FormName
from mentoring.next_opening import open_next_cohort
from mentoring.steering import Steering, steer_cohort
from tasks.collector import collector_at_rest
from tasks.ledger import apply_changes, read_cohort
from tasks.runs import Run

#: Tabs whose rows name no cohort: what stands beside them is about the one under way.
_OF_ONE_COHORT = ("Program", "Rules")
#: Under “Why”, from an erasure until the next proposals.
_LATER = "Somebody has left the program for good; the next proposals tell why."


@dataclass(frozen=True)
class Desk:
    """What a run starts from: the committee's tabs as just read, the settings in force, and the cohort."""

    tabs: Mapping[str, SheetTab]
    steering: Steering
    cohort: Cohort

    def read_rows(self, tab: str) -> list[dict[str, str]]:
        """Rows of a tab by heading; none if the tab is missing."""
        return self.tabs[tab].read_rows() if tab in self.tabs else []

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about tabs that are missing and settings that were not taken."""
        missing = [
            f"The committee's spreadsheet has no tab “{name}”; add it, and run again."
            for name in TABS
            if name not in self.tabs
        ]
        refused = [
            f"Program tab, “{row['Setting']}”: see the problem beside it."
            for row in self.steering.rows
            if row["Problem"]
        ]
        return (*missing, *refused)


def gather_desk(run: Run) -> Desk:
    """Read every tab in one go, put good settings of the `Program` tab in force, and read the cohort."""
    tabs = run.sheets.read_committee(list(TABS))
    with run.database.transaction(run.flow, run.now) as transaction:
        stored = {
            row["setting"]: row["setting_value"]
            for row in transaction.fetch_all("list_settings", cohort_id=run.cohort_id)
        }
        elsewhere = {
            (row["setting"], row["setting_value"])
            for row in transaction.fetch_all("list_settings_elsewhere", cohort_id=run.cohort_id)
        }
        is_under_way, today = _is_under_way(run), local_day(run.now, run.settings.program.zone)
        rows = tabs["Program"].read_rows() if "Program" in tabs and is_under_way else []
        steering = steer_cohort(run.settings.program, run.cohort_id, stored, rows, elsewhere, today)
        if is_under_way:
            steering = open_next_cohort(steering, run.cohort_id, run.settings.opened)
        if not run.dry_run:
            apply_changes(transaction, run.cohort_id, steering.changes)
        return Desk(tabs, steering, read_cohort(run, transaction, steering))


def reload_desk(run: Run, desk: Desk) -> Desk:
    """The same desk with the cohort as it stands now."""
    with run.database.transaction(run.flow, run.now) as transaction:
        return Desk(desk.tabs, desk.steering, read_cohort(run, transaction, desk.steering))


def write_desk(run: Run, desk: Desk, updates: Sequence[TabUpdate] = ()) -> None:
    """Write the machine's cells of every tab from the cohort as it stands now, and `updates` of other tabs."""
    current = reload_desk(run, desk)
    described = describe_desk(current.cohort, current.steering, current.tabs, run.now)
    wanted = [*described, *(update for update in updates if update.tab in current.tabs)]
    if not _is_under_way(run):
        wanted = [update for update in wanted if update.tab not in _OF_ONE_COHORT]
    missing = [update for update in wanted if not is_shown(current.tabs[update.tab], update)]
    if missing:
        run.sheets.write_committee(missing)


def drop_unmatched(desk: Desk, references: Collection[str]) -> TabUpdate:
    """The `Unmatched` tab without these applications of the desk's cohort, for whoever is erased.

    The cohort's advice goes, too, and what the other rows say: they may name anybody who was there when they were
    written, and the next proposals write them anew. Rows of another cohort stay as they are.
    """
    mine, advice = desk.cohort.applications, name_advice(desk.cohort.cohort_id)
    kept = [
        {heading: text for heading, text in row.items() if heading}
        | ({"Why": _LATER, "Smallest change": ""} if row["Reference"] in mine else {})
        for row in desk.read_rows("Unmatched")
        if row["Reference"] not in references and not row["Reference"].startswith(advice)
    ]
    return TabUpdate("Unmatched", kept, remove_missing=True)


def _is_under_way(run: Run) -> bool:
    """Whether the `Program` tab is about this cohort; for another one what was in force last stays so."""
    program = run.settings.program
    return run.cohort_id == program.require_cohort(None, local_day(run.now, program.zone))


@collector_at_rest()
def read_answers(run: Run, *forms: FormName) -> list[FormAnswers]:
    """Read the tabs of several forms in one go, and check them with Great Expectations."""
    from tasks.validation import validate_tab

    program = run.settings.program
    names = [program.forms[form].tab for form in forms]
    tabs = run.sheets.read_forms(names)
    checks = [validate_tab(program, form, tabs.get(name)) for form, name in zip(forms, names, strict=True)]
    answers = []
    for form, check in zip(forms, checks, strict=True):
        faults = {
            row: [
                {
                    "field": fault.field,
                    "question": fault.question,
                    "mend": fault.mend,
                    "sentence": fault.for_committee(),
                }
                for fault in found
            ]
            for row, found in check.faults.items()
        }
        answers.append(FormAnswers(form, check.responses, faults, check.problems))
    return answers
