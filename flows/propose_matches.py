"""Proposals: the best matches for everybody who is free, for the committee to decide on."""

from prefect import flow

from flows.parameters import HABITS, AsOf, CohortId, DryRun
from flows.proposing import update_proposals
from tasks import steps
from tasks.runs import RunReport


@flow(name="propose-matches", **HABITS)
def propose_matches(cohort: CohortId = None, as_of: AsOf = None, dry_run: DryRun = False) -> RunReport:
    """Record the committee's decisions and propose the best matches for everybody who is free.

    Nothing is sent to anybody.
    """
    run = steps.open_run("propose-matches", cohort, as_of, dry_run)
    desk = steps.gather_desk(run)
    plan = update_proposals(run, desk)
    return steps.report_run(run, [plan], {}, desk.problems)
