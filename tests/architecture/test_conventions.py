"""The house's conventions, as far as a machine can hold them. The sentence of a failed test is the rule."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.serving import read_deployments
from flows import FLOW_NAMES, load_flow

ROOT = Path(__file__).parents[2]
PACKAGES = ("mentoring", "tasks", "flows", "deployments")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
by_flow = pytest.mark.parametrize("name", FLOW_NAMES)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def find_environment_reads(tree: ast.Module) -> Iterator[int]:
    """Lines that read the environment; setting a variable for a library is no reading."""
    written = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {"environ", "environb", "getenv"}
            and id(node) not in written
        ):
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (
                node.lineno for alias in node.names if alias.name in {"environ", "environb", "getenv"}
            )


def find_sql_reads(tree: ast.Module) -> Iterator[int]:
    """Lines with a string that names the folder sql or a file in it, docstrings apart."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            if re.search(r"(\A|/)sql(/|\Z)|\.sql\Z", node.value):
                yield node.lineno
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            if any(name.split(".")[0] == "sql" for name in names):
                yield node.lineno


CLOCKS = {
    "now",
    "utcnow",
    "today",
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "localtime",
    "gmtime",
    "sleep",
}
FILES = {
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "mkdir",
    "unlink",
    "iterdir",
    "glob",
    "rglob",
}


def find_clock_reads(tree: ast.Module) -> Iterator[int]:
    """Lines that ask for the time, whatever the library; `time.perf_counter` is a stopwatch and no clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            # `moment.time()` is a part of a value, `time.time()` the clock.
            is_part = node.func.attr == "time" and getattr(node.func.value, "id", "") != "time"
            if node.func.attr in CLOCKS and not is_part:
                yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for alias in node.names if alias.name != "perf_counter")


def find_web_use(tree: ast.Module) -> Iterator[int]:
    """Lines that import what import-linter can't tell apart: `urllib.parse` is arithmetic, `urllib.request` the world."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (node.lineno for alias in node.names if alias.name in {"urllib", "urllib.request"})
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
            if "urllib.request" in names:
                yield node.lineno


def find_file_use(tree: ast.Module) -> Iterator[int]:
    """Lines that open, list or change files."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FILES:
            yield node.lineno
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open":
            yield node.lineno
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            if {"pathlib", "shutil", "tempfile", "io"} & {name.split(".")[0] for name in names}:
                yield node.lineno


@pytest.mark.parametrize(
    ("find", "code"),
    [
        (find_environment_reads, "import os\nx = os.environ['A']"),
        (find_environment_reads, "import os\nx = os.environ.get('A')"),
        (find_environment_reads, "import os\nx = os.getenv('A')"),
        (find_environment_reads, "from os import environ"),
        (find_sql_reads, "p = ROOT / 'sql' / 'queries'"),
        (find_sql_reads, "p = 'sql/queries/people.sql'"),
        (find_sql_reads, "from importlib.resources import files\nimport sql"),
        (find_clock_reads, "x = datetime.now(UTC)"),
        (find_clock_reads, "x = date.today()"),
        (find_clock_reads, "import time\nx = time.time()"),
        (find_clock_reads, "from time import monotonic"),
        (find_web_use, "from urllib.request import urlopen"),
        (find_web_use, "from urllib import request"),
        (find_web_use, "import urllib.request"),
        (find_file_use, "open('x')"),
        (find_file_use, "from pathlib import Path"),
        (find_file_use, "p.read_text()"),
    ],
)
def test_the_finders_find(find, code: str) -> None:
    assert list(find(ast.parse(code)))


@pytest.mark.parametrize(
    ("find", "code"),
    [
        (find_environment_reads, "import os\nos.environ['A'] = 'b'"),
        (find_sql_reads, "'''Does not belong here: `sql/`.'''\nx = 'mentoring.sqlite'"),
        (find_clock_reads, "import time\nx = time.perf_counter()\ny = moment.time()"),
        (find_web_use, "from urllib.parse import urlsplit"),
        (find_file_use, "x = template.render(facts)\ny = write_text(letter)"),
    ],
)
def test_the_finders_find_nothing_else(find, code: str) -> None:
    assert not list(find(ast.parse(code)))


def list_offences(find, allowed: set[str] = frozenset(), package: str = "") -> list[str]:
    places = [path for path in MODULES if name_of(path).startswith(package) and name_of(path) not in allowed]
    assert places
    return [f"{name_of(path)}:{line}" for path in places for line in find(parse(path))]


def test_only_the_settings_module_reads_the_environment() -> None:
    assert list_offences(find_environment_reads, {"tasks/settings.py"}) == []


def test_only_the_database_module_reads_sql() -> None:
    assert list_offences(find_sql_reads, {"tasks/database.py"}) == []


def test_the_rules_read_no_clock() -> None:
    assert list_offences(find_clock_reads, package="mentoring/") == []


def test_only_matching_has_a_stopwatch() -> None:
    users = {
        name_of(path)
        for path in MODULES
        if name_of(path).startswith("mentoring/")
        and re.search(r"^(import time|from time )", path.read_text(), re.M)
    }
    assert all(user.startswith("mentoring/matching/") for user in users)


def test_the_rules_fetch_nothing_from_the_web() -> None:
    assert list_offences(find_web_use, package="mentoring/") == []


def test_the_rules_open_no_files() -> None:
    assert list_offences(find_file_use, package="mentoring/") == []


def test_no_flow_file_hides_a_module_of_the_same_name() -> None:
    # Prefect puts the folder of an entrypoint first on the path of modules.
    hidden = set(sys.stdlib_module_names) | set(PACKAGES) | {"prefect", "pydantic", "sql"}
    files = {path.stem for path in (ROOT / "flows").iterdir() if path.suffix == ".py" or path.is_dir()} - {
        "__init__"
    }
    assert len(files) >= len(FLOW_NAMES)
    assert files & hidden == set()


def test_every_flow_has_its_own_file_and_deployment() -> None:
    assert [item["name"] for item in read_deployments()] == list(FLOW_NAMES)
    files = {path.stem for path in (ROOT / "flows").glob("*.py")}
    assert {name.replace("-", "_") for name in FLOW_NAMES} <= files
    assert {load_flow(name).name for name in FLOW_NAMES} == set(FLOW_NAMES)


@by_flow
def test_a_flow_fits_one_screen(name: str) -> None:
    function = name.replace("-", "_")
    [flow] = [
        node
        for node in parse(ROOT / "flows" / f"{function}.py").body
        if isinstance(node, ast.FunctionDef) and node.name == function
    ]
    assert flow.end_lineno is not None
    assert flow.end_lineno - flow.decorator_list[0].lineno + 1 <= 40


@by_flow
def test_the_run_form_shows_cohort_as_of_and_dry_run_with_their_meaning(name: str) -> None:
    fields = load_flow(name).parameters.properties
    assert {key: field.get("title") for key, field in fields.items()} == {
        "cohort": "Cohort",
        "as_of": "As of",
        "dry_run": "Dry run",
    }
    for field in fields.values():
        assert field.get("description", "").endswith(".")
    assert (fields["cohort"]["default"], fields["as_of"]["default"], fields["dry_run"]["default"]) == (
        None,
        None,
        False,
    )


@by_flow
def test_a_flow_keeps_no_results_and_is_never_retried_by_prefect(name: str) -> None:
    flow = load_flow(name)
    assert flow.persist_result is False
    assert flow.retries == 0


def test_no_module_or_function_is_called_by_an_empty_word() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    names = [
        (name_of(path), part) for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts
    ]
    for path in MODULES:
        defined = (node for node in ast.walk(parse(path)) if isinstance(node, ast.FunctionDef | ast.ClassDef))
        names += [(f"{name_of(path)}:{node.lineno}", node.name) for node in defined]
    words = [
        (place, set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))) for place, name in names
    ]
    assert [place for place, parts in words if parts & empty] == []


def test_every_module_says_what_belongs_in_it() -> None:
    assert [name_of(path) for path in MODULES if not ast.get_docstring(parse(path))] == []


def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert re.search(r"^make test$", script.read_text(), re.M)
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locked_dependencies_have_hashes_and_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    requirements = re.findall(
        r"^([A-Za-z0-9][\w.\-\[\]]*)==\S+(?: ;[^\\\n]*)? \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
        text,
        re.M,
    )
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(lines) > 40
    assert len(requirements) == len(lines), "a line without a hash, or not pinned"
    assert not re.search(
        r"https?://|--(extra-)?index-url|--find-links|--trusted-host|(^|\s)(-i|-f|-e) ", text, re.M
    )


def test_the_two_pins_that_prefect_needs_are_kept() -> None:
    # Newer ones break Prefect 3.8.8, partly in silence: no scheduled run is ever created.
    pins = dict(
        re.findall(
            r"^(fastapi|sqlalchemy|prefect)==(\d+\.\d+)", (ROOT / "requirements.lock").read_text(), re.M
        )
    )
    assert pins["prefect"] == "3.8"
    assert pins["sqlalchemy"] == "2.0"
    assert 139 <= int(pins["fastapi"].split(".")[1]) < 151
