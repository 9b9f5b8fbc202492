"""The run forms in the Prefect UI: what they offer to choose from.

Titles, descriptions and defaults come from the flows themselves (`flows.parameters`). Belongs here: what depends on the
program, or on how the UI draws a field. Prefect checks every value against the form before it makes a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows import FLOW_NAMES
from tasks.database import DatabaseError
from tasks.runs import open_program
from tasks.settings import load_settings


def list_cohorts(folder: Path) -> list[str]:
    """The cohorts to choose from; while the database does not answer, which each run tells, those of program.yaml."""
    try:
        program = open_program(folder).program
    except DatabaseError:
        program = load_settings(folder).program
    return sorted(program.cohorts)


def offer_choices(cohorts: Sequence[str]) -> None:
    """Let the run form of every deployed flow offer these cohorts and a calendar; the server refuses anything else."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentUpdate

    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            if deployment.name in FLOW_NAMES and deployment.parameter_openapi_schema:
                form = shape_form(deployment.parameter_openapi_schema, cohorts)
                client.update_deployment(deployment.id, DeploymentUpdate(parameter_openapi_schema=form))


def shape_form(form: dict[str, Any], cohorts: Sequence[str]) -> dict[str, Any]:
    """The form's JSON schema with a list of cohorts, and without a choice between a type and None.

    What may be left out, the operator leaves empty; the UI would ask for the type of nothing.
    """
    fields = {name: _drop_none(field) for name, field in form["properties"].items()}
    fields["cohort"] |= {"enum": list(cohorts)}
    return form | {"properties": fields}


def _drop_none(field: dict[str, Any]) -> dict[str, Any]:
    kind: dict[str, Any]
    [kind] = [option for option in field.get("anyOf", [{}]) if option.get("type") != "null"]
    kept = {key: value for key, value in field.items() if key != "anyOf" and value is not None}
    return kind | kept
