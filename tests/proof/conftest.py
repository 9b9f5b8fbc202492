"""One warm world of each kind for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof.campaign import KINDS
from tests.proof.nurseries import Prepared, prepare
from tests.proof.servers import Server


@pytest.fixture(scope="module", params=KINDS)
def prepared(request: pytest.FixtureRequest) -> Prepared:
    """A world on either kind of database."""
    prepared: Prepared = request.getfixturevalue(f"prepared_{request.param}")
    return prepared


@pytest.fixture(scope="module")
def prepared_sqlite() -> Iterator[Prepared]:
    """A world on SQLite."""
    with prepare("sqlite", "proof") as prepared:
        yield prepared


@pytest.fixture(scope="module")
def prepared_postgresql(request: pytest.FixtureRequest) -> Iterator[Prepared]:
    """A world on PostgreSQL."""
    running = request.getfixturevalue("postgres_server")
    server = Server(running.url, running.template)
    with prepare("postgresql", f"proof_{request.module.__name__.rpartition('.')[2]}", server) as prepared:
        yield prepared
