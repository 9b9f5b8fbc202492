"""Who may import whom: the contracts of pyproject.toml hold, and they notice when somebody breaks them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from flows import FLOW_NAMES

ROOT = Path(__file__).parents[2]
PACKAGES = ("mentoring", "tasks", "flows", "deployments")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_contract_holds() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 kept, 0 broken" in done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=lambda _, names: {n for n in names if n == "__pycache__"}
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("mentoring/late_addition.py", "import prefect"),
        ("mentoring/late_addition.py", "import sqlite3"),
        ("mentoring/late_addition.py", "from http.client import HTTPSConnection"),
        ("mentoring/late_addition.py", "from tasks.settings import load_settings"),
        ("tasks/late_addition.py", "from flows import load_flow"),
        ("flows/late_addition.py", "import deployments.demo"),
        ("flows/late_addition.py", "import pandas"),
        ("flows/parameters.py", "import sqlite3"),
        ("flows/introduce_matches.py", "from flows.propose_matches import propose_matches"),
    ],
)
def test_a_forbidden_import_is_noticed(copy: Path, module: str, line: str) -> None:
    path = copy / module
    before = path.read_text() if path.exists() else None
    path.write_text((before or "") + f"\n{line}\n")
    try:
        done = lint_imports(copy)
    finally:
        path.unlink() if before is None else path.write_text(before)
    assert done.returncode == 1, f"{line} in {module} passed:\n{done.stdout}"
    assert "1 broken" in done.stdout


def test_every_flow_is_kept_apart_from_the_others() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [independence] = [contract for contract in contracts if contract["type"] == "independence"]
    assert set(independence["modules"]) == {f"flows.{name.replace('-', '_')}" for name in FLOW_NAMES}
