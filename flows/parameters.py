"""What every flow has: its parameters, as the run form shows them, and its habits."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from tasks import steps


def _show(title: str, description: str) -> Any:
    # Prefect overwrites a field's own title and description with the parameter's bare name.
    return Field(json_schema_extra={"title": title, "description": description})


CohortId = Annotated[
    str | None,
    _show("Cohort", "Id of the cohort, for example 2027. Empty: the one under way."),
]
AsOf = Annotated[
    datetime | None,
    _show(
        "As of", "Work as if it were this moment (the committee's time zone if none is given). Empty: now."
    ),
]
DryRun = Annotated[
    bool, _show("Dry run", "Only show what would be done: nothing is changed, nothing is sent.")
]


def name_run() -> str:
    """The run's name in the UI, by its flow and cohort."""
    from prefect.runtime import flow_run

    cohort = flow_run.parameters.get("cohort") or "cohort under way"
    return f"{flow_run.flow_name}, {cohort}" + (", dry run" if flow_run.parameters.get("dry_run") else "")


#: Besides its name. Results are never kept: they would hold personal data.
HABITS: dict[str, Any] = {
    "flow_run_name": name_run,
    "persist_result": False,
    "on_failure": [steps.tell_operator],
    "on_crashed": [steps.tell_operator],
}
