"""What the operator paused in the Prefect UI: kept over a restart, and shown by `mentoring status`.

Belongs here: asking the server that works for a program folder. Does not belong here: serving (`deployments.serving`).
"""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

from flows import FLOW_NAMES
from tasks.settings import find_prefect_address, read_server_password

if TYPE_CHECKING:
    from prefect.client.schemas.responses import DeploymentResponse


@dataclass(frozen=True)
class Pauses:
    """What the operator paused in the UI: whole deployments, and schedules by (deployment, slug)."""

    deployments: frozenset[str] = frozenset()
    schedules: frozenset[tuple[str, str]] = frozenset()

    @property
    def flows(self) -> list[str]:
        """The flows that do not run by themselves, in the order of the year."""
        paused = self.deployments | {name for name, _ in self.schedules}
        return [name for name in FLOW_NAMES if name in paused]


def read_pauses() -> Pauses:
    """The pauses as the server knows them, none before the first start."""
    return _list_pauses(_find_served())


def _list_pauses(known: Sequence[DeploymentResponse]) -> Pauses:
    return Pauses(
        frozenset(item.name for item in known if item.paused),
        frozenset(
            (item.name, row.slug) for item in known for row in item.schedules if row.slug and not row.active
        ),
    )


def _find_served() -> list[DeploymentResponse]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return [item for item in client.read_deployments() if item.name in FLOW_NAMES]


def find_paused_flows(folder: Path) -> list[str] | None:
    """The paused flows of the program in `folder`; None if no server answers that knows them.

    That server is the one which PREFECT_API_URL names, else the one that “mentoring serve” works with.
    """
    address = find_prefect_address(folder)
    if not address or not answers(address):
        return None
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    password = PREFECT_API_AUTH_STRING.value() or read_server_password(folder)
    with temporary_settings({PREFECT_API_URL: address, PREFECT_API_AUTH_STRING: password}):
        known = _find_served()
    return _list_pauses(known).flows if known else None


def answers(address: str) -> bool:
    """Whether a Prefect server answers at `address`, its API's."""
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as reply:  # noqa: S310 - http by our own words
            return bool(reply.read() == b"true")
    except (URLError, TimeoutError, ConnectionError):
        return False
