"""Requests: whoever can't go on tells the committee, which reaches the other side and makes other arrangements."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from flows.proposing import update_proposals
from tasks import steps
from tasks.runs import RunReport


@flow(name="process-requests", **HABITS)
def process_requests(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Take in withdrawals, rematch requests and pauses, and carry out what the committee confirmed.

    The match ends, both are told, and a rematch is proposed in which the one who stays goes first. A match that pauses
    goes on when its day has come.
    """
    run = steps.open_run("process-requests", cohort, as_of, dry_run)
    desk = steps.gather_desk(run)
    [answers] = steps.read_answers(run, "request")
    plan = steps.plan_requests(desk.cohort, answers, desk.read_rows("Requests"), run.now)
    plans = [plan]
    sent: dict[str, int] = {}
    if not run.dry_run:
        steps.apply_plan(run, desk.cohort, plan)
        sent = steps.deliver_due_messages(run)
        plans.append(update_proposals(run, steps.reload_desk(run, desk)))
    return steps.report_run(run, plans, sent, desk.problems)
