"""`mentoring doctor`: one line for each thing that must be right before the program can run."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mentoring.desk import TABS, SheetTab
from mentoring.form_fields import FormName
from mentoring.form_headings import find_heading_problems
from tasks.database import Database, DatabaseError
from tasks.mail import MailError, open_mail
from tasks.runs import open_program
from tasks.settings import Settings, SettingsError, load_settings
from tasks.sheets import SheetError, open_sheets
from tasks.tab_updates import place_columns


@dataclass(frozen=True)
class Finding:
    """One line of the check-up: what was looked at, whether it is fine, and what to do if not."""

    subject: str
    is_fine: bool
    words: str


def check_program(folder: Path | None) -> list[Finding]:
    """Look at everything that a run needs. Raises nothing that a person can mend: that becomes a finding."""
    try:
        settings = load_settings(folder)
    except SettingsError as error:
        return [Finding("program.yaml", False, str(error))]
    program = settings.program
    cohorts = ", ".join(sorted(program.cohorts))
    words = f"{program.name}; cohorts: {cohorts}; time zone: {program.time_zone}"
    return [
        Finding("program.yaml", True, words),
        _list_sources(settings),
        *_check_secret_files(settings),
        *_check_google(settings),
        *_check_forms(settings),
        *_check_committee(settings),
        _check_database(settings),
        _check_mail(settings),
        _check_schedule(settings),
    ]


def _list_sources(settings: Settings) -> Finding:
    """Where each setting came from; never what it is."""
    words = "; ".join(f"{name} from {source}" for name, source in sorted(settings.sources.items()))
    return Finding("settings", True, words or "all from program.yaml")


def _check_secret_files(settings: Settings) -> Iterator[Finding]:
    """Files with secrets that other users of this machine may read; nothing if there is none."""
    key = settings.google_service_account.get_secret_value() if settings.google_service_account else ""
    names = [".env", *([key] if key and not key.lstrip().startswith("{") else [])]
    for path in (settings.folder / name for name in names):
        # Windows knows other rights.
        if os.name == "posix" and path.is_file() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            words = f"others on this machine may read the secrets in it; run “chmod 600 {path}”."
            yield Finding(path.name, False, words)


def _check_google(settings: Settings) -> Iterator[Finding]:
    """Whether both spreadsheets are shared as they must be, and keep the program's time."""
    if settings.sheets != "google":
        return
    from tasks.google_errors import SpreadsheetName
    from tasks.google_setup import check_access

    program = settings.program
    places: list[tuple[SpreadsheetName, str, str]] = [
        ("forms", "forms at Google", "readable"),
        ("committee", "committee's sheet at Google", "writable"),
    ]
    for name, subject, shared in places:
        try:
            access = check_access(settings, name)
        except SheetError as error:
            yield Finding(subject, False, str(error))
            continue
        fine = f"{shared} for {access.address}"
        change = "choose File → Settings there and set the time zone of the program"
        if access.zone is None:
            words = f"{fine}, but its time zone “{access.time_zone}” has no name that the software knows; {change}."
            yield Finding(subject, False, words)
        elif name == "committee" and access.time_zone != program.time_zone:
            words = f"{fine}, but its time zone is {access.time_zone}, the program's {program.time_zone}; {change}."
            yield Finding(subject, False, words)
        else:
            yield Finding(subject, True, f"{fine}; time zone: {access.time_zone}")


def _check_forms(settings: Settings) -> Iterator[Finding]:
    program = settings.program
    try:
        tabs = open_sheets(settings).read_forms([form.tab for form in program.forms.values()])
    except SheetError as error:
        yield Finding("forms", False, str(error))
        return
    names: list[FormName] = list(program.forms)
    for name in names:
        wanted = program.forms[name].tab
        tab = tabs.get(wanted)
        subject = f"form “{wanted}”"
        if tab is None:
            words = f"the forms sheet has no tab of this name; add it, or correct forms → {name} → tab in program.yaml."
            yield Finding(subject, False, words)
            continue
        problems = find_heading_problems(program, name, tab)
        yield Finding(subject, not problems, problems[0] if problems else f"responses: {len(tab.rows)}")


def _check_committee(settings: Settings) -> Iterator[Finding]:
    try:
        tabs = open_sheets(settings).read_committee(list(TABS))
    except SheetError as error:
        yield Finding("committee's sheet", False, str(error))
        return
    missing = [name for name in TABS if name not in tabs]
    lost = [
        f"“{heading}” on {name}"
        for name, tab in tabs.items()
        for heading in TABS[name].list_headings("people")
        if heading not in tab.headings
    ]
    in_the_way = list(_find_headings_in_the_way(tabs))
    if in_the_way:
        yield Finding("committee's sheet", False, in_the_way[0])
    elif missing:
        yield Finding(
            "committee's sheet",
            False,
            f"these tabs are missing: {', '.join(missing)}; {_name_mend(settings)}.",
        )
    elif lost:
        yield Finding(
            "committee's sheet",
            False,
            f"these columns are missing: {', '.join(lost)}; write the heading back into row 1"
            f"{', or run “mentoring init” again' if settings.sheets == 'google' else ''}.",
        )
    else:
        yield Finding("committee's sheet", True, f"{len(tabs)} tabs")


def _find_headings_in_the_way(tabs: Mapping[str, SheetTab]) -> Iterator[str]:
    """Headings without which no run can write a tab: one sentence each, the same as the run's."""
    for name, tab in tabs.items():
        # A blank tab is laid out by the next run.
        if any(tab.headings):
            try:
                place_columns(f"the tab “{name}” of the committee's spreadsheet", TABS[name], tab.headings, 0)
            except SheetError as error:
                yield str(error)


def _name_mend(settings: Settings) -> str:
    if settings.sheets == "google":
        return f"run “mentoring init {settings.folder}” again, it adds them"
    return "add them, they fill by themselves"


def _check_database(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"

    try:
        database.migrate()
        broken = {name: len(rows) for name, rows in database.run_checks().items() if rows}
    except DatabaseError as error:
        return Finding("database", False, str(error))
    if broken:
        rules = ", ".join(f"{name.replace('_', ' ')} ({count})" for name, count in broken.items())
        words = f"{kind}, but it holds what must never be: {rules}; go back to the latest backup without it."
        return Finding("database", False, words)
    opened = ", ".join(open_program(settings.folder).opened)
    words = f"; cohorts that the committee opened: {opened}" if opened else ""
    return Finding("database", True, f"{kind}, up to date{words}")


def _check_mail(settings: Settings) -> Finding:
    try:
        return Finding("mail", True, open_mail(settings).check())
    except MailError as error:
        return Finding("mail", False, str(error))


def _check_schedule(settings: Settings) -> Finding:
    from deployments.serving import read_deployments

    names = [deployment["name"] for deployment in read_deployments()]
    return Finding(
        "schedule", True, f"{len(names)} flows in {settings.program.time_zone}; “mentoring serve” runs them"
    )
