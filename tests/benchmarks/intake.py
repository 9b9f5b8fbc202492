"""How long applications take from Google into the database, beside the least that anybody would need.

`python -m tests.benchmarks.intake [--sizes 1000 10000]`. The least is measured in the same run: a bare gspread reading of
the same rows into a table, and one bare Great Expectations validation of them by the same rules, each as the library's
own guide has it. The goal is 3 times their sum. Both are measured in turns, and each part counts with the best of its
rounds: other work on the machine only ever adds. Every size has its own process, so that its peak of memory is its own.
Seconds are of the processor and of that process only: not those that the stand-in for Google takes to answer. Belongs
here: what is run, measured and shown.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from time import process_time
from typing import Any

ROOT = Path(__file__).parents[2]
SIZES = (1_000, 10_000)
GOAL = 3.0
ROUNDS = 5
MAILS = 500


def main(arguments: list[str]) -> int:
    """Measure each size and print a line; the exit status tells whether the goal was met at the largest."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.intake")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure(options.one)))
        return 0
    figures = []
    for size in options.sizes:
        command = [sys.executable, "-m", "tests.benchmarks.intake", "--one", str(size)]
        told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        figures.append(json.loads(told.splitlines()[-1]))
        print("  ".join(f"{name}: {value}" for name, value in figures[-1].items()), flush=True)
    return 0 if figures[-1]["times the least"] <= GOAL else 1


def make_rows(count: int) -> dict[str, list[list[Any]]]:
    """Tabs of both application forms with `count` rows in all: the sample's answers from ever new people."""
    from deployments.program_folders import read_sample_responses

    tabs, opened = {}, datetime(2027, 1, 11, 8)
    for form, samples in read_sample_responses().items():
        usable = [row for row in samples if row["Timestamp"]]
        headings = list(usable[0])
        [address] = [heading for heading in headings if "mail" in heading.casefold()]
        rows = [
            {**row, "Timestamp": opened + timedelta(minutes=5 * n), address: f"{form}.{n}@example.org"}
            for n, row in enumerate(islice(cycle(usable), count // 2))
        ]
        tabs[form] = [headings, *([row[heading] for heading in headings] for row in rows)]
    return tabs


def serve(count: int, pipe: Any) -> None:
    """The stand-in with the rows, in a process of its own."""
    sys.path[:0] = [str(ROOT / "tests")]
    from stand_ins.google_sheets import GoogleStandIn

    from mentoring.desk import TABS
    from tasks.settings import read_program

    program = read_program(ROOT / "deployments" / "programs" / "sample" / "program.yaml")
    with GoogleStandIn() as google:
        tabs = {program.forms[form].tab: rows for form, rows in make_rows(count).items()}
        forms = google.add_spreadsheet("Forms", tabs)
        desk = google.add_spreadsheet("Desk", {name: [tab.list_headings()] for name, tab in TABS.items()})
        pipe.send((google.api_url, google.service_account_json(), forms, desk))
        while pipe.recv() == "calls":
            pipe.send(sum(call.spreadsheet == forms for call in google.calls))


def measure(count: int) -> dict[str, Any]:
    """Figures of one size, in seconds of the processor and megabytes."""
    context = multiprocessing.get_context("spawn")
    pipe, far_end = context.Pipe()
    server = context.Process(target=serve, args=(count, far_end), daemon=True)
    server.start()
    address, account, forms, desk = pipe.recv()

    def count_calls() -> int:
        pipe.send("calls")
        return int(pipe.recv())

    with tempfile.TemporaryDirectory() as folder:
        os.environ["MENTORING_GOOGLE_SERVICE_ACCOUNT"] = account
        os.environ["MENTORING_GOOGLE_API_URL"] = address
        rounds = [
            # Each into a database of its own.
            compare(
                open_program(Path(folder) / f"program-{number}", forms, desk),
                lambda tabs: read_bare(address, account, forms, tabs),
                count_calls,
            )
            for number in range(ROUNDS)
        ]
    pipe.send("end")
    server.join()
    best = {part: min(seconds[part] for seconds in rounds) for part in rounds[0]}
    least = best["bare read"] + best["bare validation"]
    whole = best["read and check"] + best["plan"] + best["store"]
    return {
        "rows": count,
        **{part: round(seconds, 2) for part, seconds in best.items()},
        "times the least": round(whole / least, 2),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def open_program(folder: Path, forms: str, desk: str) -> Any:
    """A run of the intake in a new program folder that names the two spreadsheets."""
    from deployments.program_folders import make_program_folder
    from mentoring.program import GoogleSettings
    from tasks.runs import open_run

    make_program_folder(folder)
    run = open_run("ingest-applications", None, datetime(2027, 2, 13, 12, tzinfo=UTC), False, folder)
    google = GoogleSettings(forms=forms, committee=desk)
    program = run.settings.program.model_copy(update={"google": google})
    return replace(run, settings=replace(run.settings, program=program, sheets="google"))


def compare(
    run: Any, read_least: Callable[[list[str]], None], count_calls: Callable[[], int]
) -> dict[str, float]:
    """Seconds of each part of the least, then of the whole intake, and how many calls our reading took.

    `count_calls` tells how often the forms were asked for so far.
    """
    from mentoring.form_headings import find_columns
    from mentoring.intake import plan_intake
    from mentoring.responses import read_responses
    from tasks import validation, validation_engine
    from tasks.collector import collector_at_rest
    from tasks.desk import gather_desk, read_answers
    from tasks.ledger import apply_plan
    from tasks.sheets import open_sheets

    validation_engine.import_great_expectations()
    names = {form: run.settings.program.forms[form].tab for form in ("mentor", "mentee")}
    program = run.settings.program
    bare_read = clock(lambda: read_least(list(names.values())))
    tabs = open_sheets(run.settings).read_forms(list(names.values()))
    tables = []
    for form, name in names.items():
        responses = read_responses(program, form, tabs[name], find_columns(program, form, tabs[name]))
        tables.append(
            (validation.load_rules(program, form), validation._make_table(program, form, responses))
        )
    bare_check = clock(lambda: [check_bare(rules, table) for rules, table in tables])
    desk = gather_desk(run)
    kept: dict[str, Any] = {}
    # A table that was checked before would not be checked again.
    validation_engine._latest.clear()
    calls = count_calls()
    reading = clock(lambda: kept.update(forms=read_answers(run, "mentor", "mentee")))
    calls = count_calls() - calls
    plan = collector_at_rest()(plan_intake)
    planning = clock(lambda: kept.update(plan=plan(desk.cohort, kept["forms"], run.now)))
    # Writing to every applicant is told apart: the least has no mail in it.
    storing = clock(lambda: apply_plan(run, desk.cohort, replace(kept["plan"], messages=())))
    mails = replace(kept["plan"], changes=(), messages=kept["plan"].messages[:MAILS])
    return {
        "bare read": bare_read,
        "bare validation": bare_check,
        "read and check": reading,
        "plan": planning,
        "store": storing,
        f"{MAILS} mails": clock(lambda: apply_plan(run, desk.cohort, mails)),
        "calls": calls,
    }


def clock(work: Callable[[], object]) -> float:
    """Seconds of the processor that the work takes."""
    started = process_time()
    work()
    return process_time() - started


def read_bare(address: str, account: str, forms: str, tabs: list[str]) -> None:
    """What gspread itself needs for the same rows: the metadata and one batch of values; then the tables."""
    import gspread
    import pandas as pd
    from gspread.http_client import HTTPClient

    from tasks.google_client import GOOGLE, SCOPES, _Account

    class Loopback(HTTPClient):
        def request(self, method: str, endpoint: str, *rest: Any, **more: Any) -> Any:
            return super().request(method, endpoint.replace(GOOGLE, address), *rest, **more)

    credentials = _Account.from_service_account_info(json.loads(account), scopes=[SCOPES["forms"]])
    book = gspread.Client(auth=credentials, http_client=Loopback).open_by_key(forms)
    options = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER"}
    for found in book.values_batch_get(tabs, params=options)["valueRanges"]:
        pd.DataFrame(found["values"][1:])


def check_bare(rules: list[dict[str, Any]], table: Any) -> None:
    """What Great Expectations itself needs for the same rules on a table that is there already."""
    import great_expectations as gx

    source = gx.get_context(mode="ephemeral").data_sources.add_pandas("forms")
    batch = source.add_dataframe_asset("tab").add_batch_definition_whole_dataframe("rows")
    suite = gx.ExpectationSuite(name="rules", expectations=[{**rule, "meta": {}} for rule in rules])
    batch.get_batch({"dataframe": table}).validate(suite, result_format="COMPLETE")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
