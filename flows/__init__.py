"""Orchestration: the order of the steps of each part of the program, and what the operator sees of it.

A flow reads like its paragraph in the program's guidelines: gather, decide, apply. No rules, SQL, HTTP or files here.
"""

from importlib import import_module
from typing import Any

#: Every flow by the name of its deployment, in the order of a program year.
FLOW_NAMES = (
    "ingest-applications",
    "propose-matches",
    "introduce-matches",
    "send-monthly-topics",
    "collect-check-ins",
    "process-requests",
    "compile-evaluations",
    "deliver-messages",
    "purge-personal-data",
)


def load_flow(name: str) -> Any:
    """Import one flow by its name; Prefect is loaded with the first."""
    function = name.replace("-", "_")
    return getattr(import_module(f"flows.{function}"), function)
