"""`prefect.yaml` is the one place where schedules are written: complete, plain, and the same as the code."""

from __future__ import annotations

import ast
import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.server.schemas.schedules import CronSchedule

from deployments.serving import Pauses, make_deployments, read_deployments
from flows import FLOW_NAMES, load_flow

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = {item["name"]: item for item in read_deployments()}
by_name = pytest.mark.parametrize("name", FLOW_NAMES)


def test_every_flow_is_a_deployment_in_the_order_of_the_year() -> None:
    assert tuple(DEPLOYMENTS) == FLOW_NAMES


@by_name
def test_the_entrypoint_is_the_flow_of_that_name(name: str) -> None:
    path, function = DEPLOYMENTS[name]["entrypoint"].split(":")
    functions = [
        node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)
    ]
    assert function in functions
    flow = load_flow(name)
    assert (flow.name, flow.fn.__module__, flow.fn.__name__) == (
        name,
        path.removesuffix(".py").replace("/", "."),
        function,
    )


@by_name
def test_the_description_says_in_words_what_happens_and_when(name: str) -> None:
    description = DEPLOYMENTS[name]["description"]
    assert len(description) > 80
    assert re.search(r"[Ee]very (hour|morning|15 minutes|Sunday)[^.]*\.$", description)
    # Plain words: no names of functions, files or fields.
    assert "_" not in description


#: What the description promises → how often the schedule comes in a week without a change of clocks.
RUNS_A_WEEK = {"Every hour": 168, "very morning": 7, "Every 15 minutes": 672, "every Sunday": 1}


@by_name
def test_the_schedule_is_what_the_description_promises(name: str) -> None:
    [row] = DEPLOYMENTS[name]["schedules"]
    start = datetime(2027, 5, 2, tzinfo=ZoneInfo("America/New_York"))
    schedule = CronSchedule(cron=row["cron"], timezone=row["timezone"])
    dates = asyncio.run(
        schedule.get_dates(n=1000, start=start, end=start + timedelta(days=7) - timedelta(seconds=1))
    )
    [promised] = [count for words, count in RUNS_A_WEEK.items() if words in DEPLOYMENTS[name]["description"]]
    assert len(dates) == promised
    if clock := re.search(r"at (\d{1,2}:\d\d)(?: in the morning)?\.$", DEPLOYMENTS[name]["description"]):
        assert {f"{day:%-H:%M}" for day in dates} == {clock[1]}
    if promised == 1:
        assert dates[0].strftime("%A") == "Sunday"


@by_name
def test_one_run_at_a_time_and_a_second_one_waits(name: str) -> None:
    limit = ConcurrencyLimitConfig(**DEPLOYMENTS[name]["concurrency_limit"])
    assert (limit.limit, limit.collision_strategy) == (1, "ENQUEUE")


@by_name
def test_a_scheduled_run_has_no_parameters_of_its_own(name: str) -> None:
    # Pausing a schedule in the UI would wipe them.
    assert DEPLOYMENTS[name]["parameters"] == {}
    assert all("parameters" not in row for row in DEPLOYMENTS[name]["schedules"])


@by_name
def test_schedules_have_slugs_so_that_a_paused_one_stays_paused(name: str) -> None:
    assert all(row["slug"] for row in DEPLOYMENTS[name]["schedules"])


def test_workers_learn_their_folders_from_variables_and_no_path_is_written_down() -> None:
    document = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())
    assert document["pull"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "{{ $MENTORING_CODE }}"}}
    ]
    for item in DEPLOYMENTS.values():
        assert item["work_pool"] == {
            "name": "mentoring",
            "job_variables": {"env": {"MENTORING_PROGRAM": "{{ $MENTORING_PROGRAM }}"}},
        }
    assert not re.search(
        r"(?<![\w*])/(home|opt|srv|usr|work|app)/", (ROOT / "deployments/prefect.yaml").read_text()
    )


def test_one_time_zone_is_written_once() -> None:
    text = (ROOT / "deployments/prefect.yaml").read_text()
    assert text.count("America/New_York") == 1
    assert {row["timezone"] for item in DEPLOYMENTS.values() for row in item["schedules"]} == {
        "America/New_York"
    }


def test_serving_takes_everything_but_the_time_zone_from_the_file() -> None:
    served = make_deployments("Pacific/Honolulu", Pauses())
    assert [item.name for item in served] == list(FLOW_NAMES)
    for item in served:
        written = DEPLOYMENTS[item.name]
        assert item.description == written["description"]
        [schedule] = item.schedules
        [row] = written["schedules"]
        assert (schedule.schedule.cron, schedule.schedule.timezone) == (row["cron"], "Pacific/Honolulu")
        assert (schedule.slug, schedule.active, item.paused) == (row["slug"], True, False)
        assert (item.concurrency_limit, item.concurrency_options.collision_strategy) == (1, "ENQUEUE")
        assert item.entrypoint == written["entrypoint"].replace("/", ".").replace(".py:", ".")


def test_what_the_operator_paused_is_served_paused() -> None:
    pauses = Pauses(frozenset({"introduce-matches"}), frozenset({("deliver-messages", "every-15-minutes")}))
    served = {item.name: item for item in make_deployments("UTC", pauses)}
    assert [name for name, item in served.items() if item.paused] == ["introduce-matches"]
    assert [name for name, item in served.items() if not item.schedules[0].active] == ["deliver-messages"]
