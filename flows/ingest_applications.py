"""Intake: form responses become applications, and every applicant hears what became of it."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from tasks import steps
from tasks.runs import RunReport


@flow(name="ingest-applications", **HABITS)
def ingest_applications(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Take in new, changed and withdrawn applications from the form sheet, check them, and write to the applicants."""
    run = steps.open_run("ingest-applications", cohort, as_of, dry_run)
    desk = steps.gather_desk(run)
    forms = steps.read_answers(run, *steps.list_intake_forms(desk.cohort.program))
    plan = steps.plan_intake(desk.cohort, forms, run.now)
    sent: dict[str, int] = {}
    if not run.dry_run:
        steps.apply_plan(run, desk.cohort, plan)
        sent = steps.deliver_due_messages(run)
        steps.write_desk(run, desk)
    return steps.report_run(run, [plan], sent, desk.problems)
