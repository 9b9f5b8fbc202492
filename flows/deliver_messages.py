"""Delivery: what is due goes out in the recipient's daytime; what needs a person is shown to the committee."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from tasks import steps
from tasks.runs import RunReport


@flow(name="deliver-messages", **HABITS)
def deliver_messages(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Carry out the committee's decisions about messages, write its digest if it is time, and send what is due."""
    run = steps.open_run("deliver-messages", cohort, as_of, dry_run)
    desk = steps.gather_desk(run)
    decided = steps.plan_message_decisions(desk.cohort, desk.read_rows("Messages"), run.now)
    plan = steps.add_digest(decided, desk.cohort, desk.read_rows("Topics"), run.now)
    sent: dict[str, int] = {}
    if not run.dry_run:
        steps.apply_plan(run, desk.cohort, plan)
        sent = steps.deliver_due_messages(run)
        steps.write_desk(run, desk)
    return steps.report_run(run, [plan], sent, desk.problems)
