"""Monthly topics: the mentor gets the month's topic, the mentee a heads-up."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from tasks import steps
from tasks.runs import RunReport


@flow(name="send-monthly-topics", **HABITS)
def send_monthly_topics(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Send every topic that is due and was not sent yet. A missed first of the month is caught up."""
    run = steps.open_run("send-monthly-topics", cohort, as_of, dry_run)
    desk = steps.gather_desk(run)
    plan = steps.plan_monthly_topics(desk.cohort, desk.read_rows("Topics"), run.now)
    sent: dict[str, int] = {}
    if not run.dry_run:
        steps.apply_plan(run, desk.cohort, plan)
        sent = steps.deliver_due_messages(run)
        steps.write_desk(run, desk)
    return steps.report_run(run, [plan], sent, desk.problems)
