"""`mentoring doctor`: one line for each thing that must be right before the program can run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mentoring.desk import TABS
from mentoring.responses import FormName, find_heading_problems
from tasks.database import Database
from tasks.mail import MAIL_FOLDER
from tasks.settings import Settings, SettingsError, load_settings
from tasks.sheets import SheetError, open_sheets


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
    words = f"{program.name}, {len(program.cohorts)} cohort(s), {program.time_zone}"
    return [
        Finding("program.yaml", True, words),
        *_check_forms(settings),
        *_check_committee(settings),
        _check_database(settings),
        _check_mail(settings),
        _check_schedule(settings),
    ]


def _check_forms(settings: Settings) -> Iterator[Finding]:
    program = settings.program
    try:
        tabs = open_sheets(settings).read_forms([form.tab for form in program.forms.values()])
    except SheetError as error:
        yield Finding("forms", False, str(error))
        return
    names: list[FormName] = list(program.forms)
    for name in names:
        tab = tabs.get(program.forms[name].tab)
        if tab is None:
            tab_name = program.forms[name].tab
            words = f"there is no tab “{tab_name}”; add it, or correct forms → {name} → tab in program.yaml."
            yield Finding(f"form {name}", False, words)
            continue
        problems = find_heading_problems(program, name, tab)
        yield Finding(f"form {name}", not problems, problems[0] if problems else f"{len(tab.rows)} responses")


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
    if missing:
        yield Finding(
            "committee's sheet",
            False,
            f"these tabs are missing: {', '.join(missing)}; add them, they fill by themselves.",
        )
    elif lost:
        yield Finding(
            "committee's sheet",
            False,
            f"these columns are missing: {', '.join(lost)}; write the heading back into row 1.",
        )
    else:
        yield Finding("committee's sheet", True, f"{len(tabs)} tabs")


def _check_database(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    return _try("database", lambda: f"{kind}, {database.migrate() or 'no'} schema files to apply, in order")


def _check_mail(settings: Settings) -> Finding:
    folder = settings.folder / MAIL_FOLDER

    def look() -> str:
        folder.mkdir(mode=0o700, exist_ok=True)
        probe = folder / ".doctor"
        probe.touch(mode=0o600)
        probe.unlink()
        return f"written to files in {MAIL_FOLDER}/, nothing leaves this machine"

    return _try("mail", look)


def _check_schedule(settings: Settings) -> Finding:
    from deployments.serving import read_deployments

    names = [deployment["name"] for deployment in read_deployments()]
    return Finding(
        "schedule", True, f"{len(names)} flows in {settings.program.time_zone}; “mentoring serve” runs them"
    )


def _try(subject: str, look: Callable[[], str]) -> Finding:
    from tasks.database import DatabaseError

    try:
        return Finding(subject, True, look())
    except (DatabaseError, OSError) as error:
        return Finding(subject, False, str(error))
