"""Introductions: approved matches become active, and both sides learn of each other."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from tasks import steps
from tasks.runs import RunReport


@flow(name="introduce-matches", **HABITS)
def introduce_matches(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Introduce every pair that the committee approved, once the cohort has started. Who has to wait is told."""
    run = steps.open_run("introduce-matches", cohort, as_of, dry_run)
    desk = steps.gather_desk(run)
    plan = steps.plan_introductions(desk.cohort, desk.read_rows("Matches"), desk.read_rows("Topics"), run.now)
    sent: dict[str, int] = {}
    if not run.dry_run:
        steps.apply_plan(run, desk.cohort, plan)
        sent = steps.deliver_due_messages(run)
        steps.write_desk(run, desk)
    return steps.report_run(run, [plan], sent, desk.problems)
