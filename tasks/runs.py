"""One run of a flow: for which program and cohort, at which moment, and whether it only shows what it would do.

Belongs here: opening a run, and what it leaves behind for the operator. Does not belong here: any step of the program.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from mentoring.calendar import local_day
from mentoring.changes import Plan
from mentoring.cohort import Draft
from mentoring.errors import PlainError
from mentoring.message_markdown import clean_line
from mentoring.program import CohortSettings
from tasks.database import Database, Transaction
from tasks.settings import Settings, load_settings
from tasks.sheets import Sheets, open_sheets
from tasks.stage import find_stage


class WrongUseError(PlainError):
    """A parameter of the run is wrong; the text is one sentence with the mend."""


@dataclass(frozen=True)
class Run:
    """What every step of one flow run needs to know. `now` is aware, in UTC, to the second."""

    flow: str
    settings: Settings
    cohort_id: str
    now: datetime
    dry_run: bool

    @property
    def database(self) -> Database:
        """The program's database."""
        return Database(self.settings.database_url)

    @property
    def sheets(self) -> Sheets:
        """The program's two spreadsheets."""
        return open_sheets(self.settings)


@dataclass(frozen=True)
class RunReport:
    """What a run did or would do: figures, what waits for whom, and the plans that it applied or would apply.

    Figures and sentences hold references and counts, never a name, an address or an answer.
    """

    flow: str
    cohort_id: str
    as_of: datetime
    dry_run: bool
    counts: Mapping[str, int]
    waiting: Sequence[str] = ()
    plans: Sequence[Plan] = field(default=(), repr=False)

    @property
    def drafts(self) -> list[Draft]:
        """The messages that were queued or would be."""
        return [draft for plan in self.plans for draft in plan.messages]

    @property
    def needs_person(self) -> bool:
        """Whether something waits for a person."""
        return bool(self.waiting)

    def describe_counts(self) -> str:
        """The figures that are not zero, in one line."""
        return (
            ", ".join(f"{name}: {count}" for name, count in self.counts.items() if count) or "nothing to do"
        )

    def write_markdown(self) -> str:
        """The run's page in the Prefect UI."""
        title = f"# {self.flow}, cohort {self.cohort_id}{' (dry run: nothing was changed)' if self.dry_run else ''}"
        figures = ["| | |", "|---|---|", *(f"| {name} | {count} |" for name, count in self.counts.items())]
        waiting = [f"- {_escape_marks(line)}" for line in self.waiting] or ["Nothing waits for a person."]
        return "\n".join([title, "", *figures, "", "## Waits for a person", "", *waiting])


def _escape_marks(line: str) -> str:
    # A sentence may name a heading or setting as somebody wrote it into a sheet, and the UI renders Markdown.
    return re.sub(r"([\\`*_\[\]<>&])", r"\\\1", clean_line(line))


def open_run(
    flow: str, cohort: str | None, as_of: datetime | None, dry_run: bool, folder: Path | None = None
) -> Run:
    """Read the settings, bring the database up to date and make sure that the cohort exists in it.

    A naive `as_of` is taken in the committee's time zone. Raises `SettingsError`, `DatabaseError` or `WrongUseError`.
    """
    settings = _read_settings(folder)
    moment = as_of or datetime.now(UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=settings.program.zone)
    now = moment.astimezone(UTC).replace(microsecond=0)
    with Database(settings.database_url).transaction(flow, now) as transaction:
        settings = _add_opened(settings, transaction)
        try:
            cohort_id = settings.program.require_cohort(cohort, local_day(now, settings.program.zone))
        except KeyError as error:
            raise WrongUseError(error.args[0]) from None
        transaction.execute(
            "add_cohort", cohort_id=cohort_id, at=transaction.at, token_key=secrets.token_hex(16)
        )
    return Run(flow, settings, cohort_id, now, dry_run)


def open_program(folder: Path | None = None) -> Settings:
    """Read the settings and bring the database up to date, for whoever asks about every cohort of the program.

    Its cohorts are those of program.yaml and those that the committee opened. Raises `SettingsError` or
    `DatabaseError`.
    """
    settings = _read_settings(folder)
    with Database(settings.database_url).transaction("open the program", datetime.now(UTC)) as transaction:
        return _add_opened(settings, transaction)


def _read_settings(folder: Path | None) -> Settings:
    stage = find_stage()
    settings = stage.settings if stage else load_settings(folder)
    Database(settings.database_url).migrate()
    return settings


def _add_opened(settings: Settings, transaction: Transaction) -> Settings:
    """The settings with the cohorts that the committee opened; program.yaml wins over one of the same id."""
    known = settings.program.cohorts
    rows = [row for row in transaction.fetch_all("list_opened_cohorts") if row["cohort_id"] not in known]
    opened = {row["cohort_id"]: CohortSettings.model_validate_json(row["cohort_settings"]) for row in rows}
    program = settings.program.model_copy(update={"cohorts": known | opened})
    return replace(settings, program=program, opened={row["cohort_id"]: row["follows"] for row in rows})
