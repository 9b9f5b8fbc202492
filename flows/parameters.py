"""The parameters that every flow has, as the run form shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

CohortId = Annotated[
    str | None,
    Field(
        title="Cohort",
        description="Id of the cohort as in program.yaml, for example 2027. Empty: the latest cohort.",
    ),
]
AsOf = Annotated[
    datetime | None,
    Field(
        title="As of",
        description="Work as if it were this moment (the committee's time zone if none is given). Empty: now.",
    ),
]
DryRun = Annotated[
    bool,
    Field(title="Dry run", description="Only show what would be done: nothing is changed, nothing is sent."),
]


def name_run() -> str:
    """The run's name in the UI, by its flow and cohort."""
    from prefect.runtime import flow_run

    cohort = flow_run.parameters.get("cohort") or "latest cohort"
    return f"{flow_run.flow_name}, {cohort}" + (", dry run" if flow_run.parameters.get("dry_run") else "")
