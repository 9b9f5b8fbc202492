"""A real Prefect server for the tests of this folder, one per test process."""

from collections.abc import Iterator

import pytest

from deployments.private_server import PrivateServer, start_private_server


@pytest.fixture(scope="session", autouse=True)
def prefect_server() -> Iterator[PrivateServer]:
    """Start a server and point Prefect at it."""
    with start_private_server() as server:
        server.wait()
        with server.use_quickly():
            yield server
