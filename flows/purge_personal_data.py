"""Retention: a closed cohort is anonymised when its time is over, the statistics stay."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from mentoring.changes import Plan
from mentoring.erasure import is_purge_due
from tasks import steps
from tasks.runs import Run, RunReport


@flow(name="purge-personal-data", **HABITS)
def purge_personal_data(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Remove the personal data of every cohort whose retention period is over, or of one. Before, nothing happens."""
    run = steps.open_run("purge-personal-data", cohort, as_of, dry_run)
    runs, told = ([run], []) if cohort else steps.list_cohorts_to_purge(run)
    people = 0
    gone: list[str] = []
    for one in runs:
        desk = steps.gather_desk(one)
        told += desk.problems
        if is_purge_due(desk.cohort, one.now):
            leavers = len(steps.list_leavers(one, gone))
            told += _erase_people(one, leavers)
            people += leavers
            gone.append(one.cohort_id)
    # Only now: somebody who took part in several years has gone from the rows and pages of each.
    for one in runs:
        _tidy_up(one)
    return steps.report_run(run, [Plan(counts={"people to erase": people})], {}, told)


def _erase_people(run: Run, leavers: int) -> tuple[str, ...]:
    """Remove what one cohort keeps of people; returns what else there is to tell. In a dry run it stays."""
    if run.dry_run:
        return ()
    told = steps.anonymise_cohort(run, leavers)
    steps.remove_mail_files(run)
    steps.remove_review(run)
    return told


def _tidy_up(run: Run) -> None:
    """Write the desk and the pages of a cohort whose time is over anew."""
    if run.dry_run:
        return
    desk = steps.gather_desk(run)
    if is_purge_due(desk.cohort, run.now):
        steps.write_desk(run, desk, steps.compile_report(run, desk))
        steps.write_handover(run, desk)
