"""What runs the program at boot or in containers: the image, the compose file and the systemd unit name only what exists.

No image is built here. What its steps copy is copied, and the program run from that; the unit is judged by systemd itself.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from served_program import clean_environment

from deployments.cli import app
from flows import FLOW_NAMES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
COMPOSE: Mapping[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def read_image_steps(word: str) -> list[str]:
    """What follows a word at the beginning of the Dockerfile's lines, continued lines put together."""
    text = (FOLDER / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.removeprefix(word).strip() for line in text.splitlines() if line.startswith(f"{word} ")]


def read_image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for step in read_image_steps("ENV") for pair in shlex.split(step))


def copy_as_the_image_does(place: Path) -> None:
    """Every COPY, of the files that are in the repository, into what is /app there."""
    place.mkdir()
    for step in read_image_steps("COPY"):
        *sources, target = step.split()
        for source in sources:
            assert (ROOT / source).exists(), f"COPY {source}"
            if (ROOT / source).is_dir():
                skip = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, place / target, ignore=skip)
            else:
                shutil.copy(ROOT / source, place / target)


def test_the_image_holds_everything_that_the_program_needs(tmp_path: Path) -> None:
    """From the copied files alone: a program folder is made, and a flow runs that uses templates, SQL and the sample."""
    copy_as_the_image_does(tmp_path / "app")
    project = (tmp_path / "app/pyproject.toml").read_text()
    for named in re.findall(r'(?:readme = |license-files = \[)"(\w+(?:\.md)?)"', project):
        assert (tmp_path / "app" / named).is_file()
    packages = re.search(r"^packages = (\[.+\])$", project, re.MULTILINE)
    assert packages
    assert {path.name for path in (tmp_path / "app").iterdir() if path.is_dir()} == set(
        json.loads(packages[1])
    )

    def call(*words: str) -> str:
        code = "import mentoring; print(mentoring.__file__); from deployments.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path / "app",
            env=clean_environment()
            | {"PYTHONPATH": str(tmp_path / "app"), "MENTORING_PROGRAM": str(tmp_path / "program")},
            check=False,
            timeout=240,
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        assert done.stdout.startswith(str(tmp_path / "app"))
        return done.stdout

    call("init", str(tmp_path / "program"), "--sample")
    call("run", "ingest-applications", "--as-of", "2027-02-20T10:00:00")
    assert list((tmp_path / "program/mail").glob("*.eml"))


def test_the_image_begins_with_the_programs_command_and_runs_as_nobody_special() -> None:
    assert [json.loads(step) for step in read_image_steps("ENTRYPOINT")] == [["mentoring"]]
    assert "\nmentoring = " in (ROOT / "pyproject.toml").read_text()
    assert read_image_steps("USER") == ["mentoring"]
    [version] = re.findall(r"^python:(\d\.\d+)-slim$", "\n".join(read_image_steps("FROM")))
    assert f"PYTHON ?= python{version}" in (ROOT / "Makefile").read_text()
    environment = read_image_environment()
    assert environment["MENTORING_PROGRAM"] == read_image_steps("VOLUME")[0]
    assert environment["MENTORING_CODE"] == read_image_steps("WORKDIR")[0]


def list_variables() -> set[str]:
    """Every variable that image and compose file give to a process of ours or of Prefect's."""
    named = set(read_image_environment())
    for name, service in SERVICES.items():
        if name != "database":
            named |= set(service["environment"])
    return named


def test_every_variable_is_one_that_somebody_reads() -> None:
    from prefect.settings import Settings
    from prefect.settings.legacy import _get_valid_setting_names

    of_prefect = _get_valid_setting_names(Settings)
    guide = (ROOT / "docs/operator-guide.md").read_text() + (FOLDER / "prefect.yaml").read_text()
    unknown = {
        name
        for name in list_variables() - {"DO_NOT_TRACK"}
        if (name not in of_prefect if name.startswith("PREFECT_") else name not in guide)
    }
    assert unknown == set()
    assert {"PREFECT_API_URL", "MENTORING_DATABASE_URL"} <= list_variables()


def test_what_has_to_be_filled_in_is_said_at_the_top_of_the_compose_file() -> None:
    text = (FOLDER / "compose.yaml").read_text()
    head = text.partition("\nname:")[0]
    for name in set(re.findall(r"\$\{(\w+):\?\}", text)):
        assert f"{name}=" in head
    assert re.findall(r"\$\{\w+\}|\$\w+", text) == [], "a variable that may be empty without a word"


def test_services_wait_for_services_that_can_say_that_they_are_ready() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] in ("service_healthy", "service_completed_successfully")
            assert wanted["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]
    assert SERVICES["deploy"]["restart"] == "no", "it would deploy again and again"


def test_services_run_commands_that_exist_on_places_that_exist() -> None:
    assert SERVICES["deploy"]["command"][0] in COMMANDS
    build = SERVICES["server"]["build"]
    assert (FOLDER / build["context"] / build["dockerfile"]).is_file()
    assert {service["image"] for name, service in SERVICES.items() if name != "database"} == {"mentoring"}
    for name in ("deploy", "worker"):
        assert SERVICES[name]["volumes"] == [
            f"${{PROGRAM_FOLDER:?}}:{read_image_environment()['MENTORING_PROGRAM']}"
        ]
    scripts = [volume for volume in SERVICES["database"]["volumes"] if volume.startswith("./")]
    assert [(FOLDER / script.split(":")[0]).is_file() for script in scripts] == [True]
    [port] = SERVICES["server"]["ports"]
    assert port.startswith("127.0.0.1:")


def test_both_databases_are_made_before_they_are_used() -> None:
    [prefect] = re.findall(r"CREATE DATABASE (\w+);", (FOLDER / "make-prefect-database.sql").read_text())
    address = SERVICES["server"]["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert address.endswith(f"@database/{prefect}")
    ours = SERVICES["worker"]["environment"]["MENTORING_DATABASE_URL"]
    assert ours.endswith(f"@database/{SERVICES['database']['environment']['POSTGRES_DB']}")


@pytest.mark.parametrize("name", ["server", "worker"])
def test_prefect_takes_the_words_of_the_entrypoint(name: str) -> None:
    words = SERVICES[name]["entrypoint"]
    assert words[0] == "prefect"
    done = subprocess.run(
        [sys.executable, "-m", *words, "--help"],
        capture_output=True,
        text=True,
        env=clean_environment() | {"COLUMNS": "200"},
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for option in (word for word in words if word.startswith("--")):
        assert option in done.stdout
    pools = [
        item["work_pool"]["name"]
        for item in yaml.safe_load((FOLDER / "prefect.yaml").read_text())["deployments"]
    ]
    assert len(pools) == len(FLOW_NAMES) + 1
    if "--pool" in words:
        assert set(pools) == {words[words.index("--pool") + 1]}


def read_unit() -> RawConfigParser:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(FOLDER / "mentoring.service")
    return unit


def test_the_unit_serves_the_folder_that_it_may_write_and_ends_it_in_good_order() -> None:
    service = read_unit()["Service"]
    executable, command = service["ExecStart"].split()
    assert executable.endswith("/.venv/bin/mentoring")
    assert command in COMMANDS
    assert service["Environment"] == f"MENTORING_PROGRAM={service['ReadWritePaths']}"
    assert (service["KillSignal"], service["RestartPreventExitStatus"]) == ("SIGTERM", "2")
    assert int(service["TimeoutStopSec"]) > 60


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        words = "systemd-analyze is missing: it comes with Debian's package systemd."
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    text = (FOLDER / "mentoring.service").read_text()
    unit = tmp_path / "mentoring.service"
    # Judged where the program lies; its own places are to be written by whoever installs it.
    unit.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", text, flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
