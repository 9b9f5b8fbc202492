"""A real Prefect server for the tests of this folder, one per test process."""

from collections.abc import Iterator

import pytest

from deployments.private_server import PrivateServer, start_private_server


@pytest.fixture(scope="session", autouse=True)
def prefect_server() -> Iterator[PrivateServer]:
    """Start a server and point Prefect at it, without the heartbeat thread that costs a second of every run."""
    with start_private_server() as server:
        server.wait()
        from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        with temporary_settings({PREFECT_API_URL: server.address, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            yield server
