"""`mentoring deploy`: without a server it is refused in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from served_program import clean_environment, find_free_port

from deployments.program_folders import make_program_folder

COMMAND = [sys.executable, "-c", "from deployments.cli import main; main()", "deploy"]


def deploy(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment() | variables
    return subprocess.run(
        [*COMMAND, "--program", str(folder)],
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "No Prefect server is named; set PREFECT_API_URL"),
        ({"PREFECT_API_URL": f"http://127.0.0.1:{find_free_port()}/api"}, "does not answer"),
    ],
)
def test_without_a_server_deploying_is_refused_in_one_sentence(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    make_program_folder(tmp_path / "program")
    done = deploy(tmp_path / "program", PREFECT_HOME=str(tmp_path / "prefect"), **variables)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, said
    assert words in said
    assert "Traceback" not in said
