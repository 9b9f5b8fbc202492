"""`mentoring next-year`: the next cohort in `program.yaml`, from the settings that are in force for this one.

Belongs here: reading what is in force, and putting the new lines into the file. Does not belong here: which days and
which lines (`mentoring.next_year`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import yaml
from pydantic import ValidationError

from mentoring.calendar import list_calendar, name_day
from mentoring.next_year import find_later_cohort, name_next_cohort, shift_cohort, write_next_cohort
from mentoring.program import CohortSettings, Program
from tasks.desk import gather_desk
from tasks.reports import replace_file
from tasks.runs import WrongUseError, open_run
from tasks.settings import PROGRAM_FILE, SettingsError, read_program

_ON_TAB = "the committee opened it on its Program tab, where its day is moved or emptied until it has come"


def open_next_year(folder: Path | None, cohort: str | None, as_of: datetime | None) -> Iterator[str]:
    """Add the cohort after `cohort` (default: the one under way) to program.yaml, and yield what was done, in words.

    Raises `WrongUseError` if a later cohort is there already, `SettingsError` if the file can't be extended, and what
    reading the desk raises.
    """
    run = open_run("next-year", cohort, as_of, True, folder)
    program = run.settings.program
    desk = gather_desk(run)
    later = find_later_cohort(desk.cohort.program, run.cohort_id)
    if later:
        opens = name_day(desk.cohort.program.cohorts[later].applications_open)
        in_file = later in program.cohorts and later not in run.settings.opened
        where = f"change its days in {PROGRAM_FILE}" if in_file else _ON_TAB
        raise WrongUseError(f"The cohort {later} follows {run.cohort_id} already, from {opens} on; {where}.")
    settings = desk.cohort.settings
    name, following = name_next_cohort(program, run.cohort_id), shift_cohort(settings)
    path = run.settings.folder / PROGRAM_FILE
    _add_cohort(path, name, following)
    yield f"Opened the cohort {name} in {path}, with the days of {run.cohort_id} a year later:"
    for day, what in list_calendar(following):
        yield f"  {day:%a} {name_day(day)}: {what}"
    yield "Next: look these over, write the new months' topics on the Topics tab, and mend days that the forms name."
    yield f"Until applications for {name} open, everything goes on for {run.cohort_id}."
    if following.applications_open <= settings.evaluation_due:
        yield (
            f"→ {name} opens before the evaluation of {run.cohort_id} is due: from then on, run the flows of "
            f"{run.cohort_id} with --cohort {run.cohort_id}, or let {name} open later."
        )


def _add_cohort(path: Path, name: str, settings: CohortSettings) -> None:
    text = path.read_bytes().decode("utf-8")
    # The cohort under way may have been opened on the tab: the file's latest then is the pattern for the new lines.
    program = read_program(path)
    extended = write_next_cohort(text, program.require_cohort(None), name, settings)
    wanted = program.model_copy(update={"cohorts": {**program.cohorts, name: settings}})
    if extended is None or _read(extended) != wanted:
        days = ", ".join(f"{field}: {value}" for field, value in settings.model_dump().items())
        raise SettingsError(
            f"{path.name} does not write its cohorts one value a line, so nothing was added; write the cohort {name} "
            f"yourself: {days}."
        )
    _replace_file(path, extended)


def _read(text: str) -> Program | None:
    try:
        return Program.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError, ValueError):
        return None


def _replace_file(path: Path, text: str) -> None:
    """In one step, with the file's own permissions: a run that reads it meanwhile sees the old or the new one."""
    try:
        replace_file(path, text.encode("utf-8"), path.stat().st_mode & 0o777)
    except OSError as error:
        raise SettingsError(
            f"{path} can't be written ({error.strerror}); give yourself permission for the file and its folder."
        ) from None
