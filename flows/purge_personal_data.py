"""Retention: a closed cohort is anonymised when its time is over, the statistics stay."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from mentoring.erasure import is_purge_due
from tasks import steps
from tasks.runs import RunReport


@flow(name="purge-personal-data", **HABITS)
def purge_personal_data(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Remove the personal data of a cohort whose retention period is over. Before that day nothing happens."""
    run = steps.open_run("purge-personal-data", cohort, as_of, dry_run)
    desk = steps.gather_desk(run)
    plan = steps.plan_purge(desk.cohort, run.now)
    told: tuple[str, ...] = ()
    if is_purge_due(desk.cohort, run.now) and not run.dry_run:
        told = steps.anonymise_cohort(run)
        steps.remove_mail_files(run)
        steps.remove_review(run)
        current = steps.reload_desk(run, desk)
        steps.write_desk(run, desk, steps.compile_report(run, current))
        steps.write_handover(run, current)
    return steps.report_run(run, [plan], {}, (*desk.problems, *told))
