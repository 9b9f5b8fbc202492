"""The earlier cohorts that the database keeps, for figures beside this year's.

Belongs here: which cohorts came before, and reading them. Does not belong here: what is compared
(`mentoring.evaluation.comparison`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from mentoring.calendar import local_day
from mentoring.cohort import Cohort
from mentoring.steering import steer_cohort
from tasks.database import Row, Transaction, parse_time
from tasks.ledger import read_cohort
from tasks.runs import Run


def read_earlier_cohorts(run: Run) -> list[Cohort]:
    """Cohorts that started before the run's and introduced somebody, the earliest first, anonymised ones too."""
    with run.database.transaction(run.flow, run.now) as transaction:
        started = {row["cohort_id"]: _find_start(run, row) for row in transaction.fetch_all("list_cohorts")}
        mine = started.pop(run.cohort_id)
        names = sorted((day, name) for name, day in started.items() if day < mine)
        cohorts = [_read_cohort(run, transaction, name) for _, name in names]
    return [cohort for cohort in cohorts if any(match.introduced_at for match in cohort.matches.values())]


def _find_start(run: Run, row: Row) -> date:
    """A cohort that is no more in program.yaml started, as far as anybody knows, with its first run."""
    settings = run.settings.program.cohorts.get(row["cohort_id"])
    return (
        settings.starts if settings else local_day(parse_time(row["created_at"]), run.settings.program.zone)
    )


def _read_cohort(run: Run, transaction: Transaction, cohort_id: str) -> Cohort:
    program = run.settings.program
    # Its days are lost with its settings, and no figure that is compared asks for them.
    cohorts = {cohort_id: program.cohorts[run.cohort_id], **program.cohorts}
    settings = replace(run.settings, program=program.model_copy(update={"cohorts": cohorts}))
    stored = {
        row["setting"]: row["setting_value"]
        for row in transaction.fetch_all("list_settings", cohort_id=cohort_id)
    }
    steering = steer_cohort(settings.program, cohort_id, stored, [])
    return read_cohort(replace(run, settings=settings, cohort_id=cohort_id), transaction, steering)
