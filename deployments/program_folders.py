"""Making program folders: `program.yaml` with its workbooks, empty or with the sample's applications.

A program moves to Google in three steps: `mentoring init DIR` makes the folder, somebody writes `sheets: google` and
the ids of the two spreadsheets into its program.yaml, and `mentoring init DIR` again makes the tabs of the committee's
spreadsheet there. Belongs here: what `mentoring init` lays out. Does not belong here: the spreadsheets' looks
(`tasks.local_workbooks`, `tasks.google_setup`).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from deployments.people_at_work import append_committee_rows
from mentoring.desk import TabUpdate
from mentoring.steering import steer_cohort
from tasks.local_workbooks import (
    COMMITTEE,
    FORMS,
    LocalWorkbooks,
    create_committee_workbook,
    create_forms_workbook,
)
from tasks.settings import PROGRAM_FILE, Settings, SettingsError, load_settings, read_program
from tasks.sheets import open_sheets

SAMPLE = Path(__file__).parent / "programs" / "sample"
#: Forms of which the sample ships responses → the file that holds them.
SAMPLE_RESPONSES = {"mentor": "mentor_applications.csv", "mentee": "mentee_applications.csv"}

Answers = dict[str, str]


def init_program(folder: Path, with_sample: bool = False) -> list[str]:
    """Make a program folder, or set up the committee's Google spreadsheet of one that is there; say what was done.

    Running it again makes only what is missing. Raises `SettingsError` or `SheetError`.
    """
    if (folder / PROGRAM_FILE).exists():
        settings = load_settings(folder)
        if settings.sheets == "google":
            return set_up_google(settings)
    if with_sample:
        make_program_folder(folder, read_sample_responses(), list_sample_topics())
    else:
        make_program_folder(folder)
    return [
        f"Made {folder}. Next: look through {folder / PROGRAM_FILE}, then run “mentoring doctor --program {folder}”."
    ]


def set_up_google(settings: Settings) -> list[str]:
    """Make what is missing in the committee's Google spreadsheet and say what that was. Raises `SheetError`."""
    from tasks.google_setup import set_up_committee

    made = set_up_committee(settings)
    cohort_id = settings.program.require_cohort(None)
    sheets = open_sheets(settings)
    written = sheets.read_committee(["Program"])["Program"]
    steering = TabUpdate("Program", steer_cohort(settings.program, cohort_id, {}, []).rows)
    if not written.rows:
        # Once the program runs, its own runs say what is in force.
        sheets.write_committee([steering])
    return [
        *(made or ["The committee's spreadsheet has everything already."]),
        "Next: run “mentoring doctor”.",
    ]


def make_program_folder(
    folder: Path, responses: Mapping[str, Sequence[Answers]] | None = None, topics: Sequence[Answers] = ()
) -> None:
    """Make a program folder from the sample's `program.yaml`, with `responses` by form in `forms.xlsx`.

    `topics` are rows of the committee's `Topics` tab.

    Raises `SettingsError` if the folder holds a program already or can't be written.
    """
    require_free(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / PROGRAM_FILE).write_bytes((SAMPLE / PROGRAM_FILE).read_bytes())
    except OSError as error:
        raise SettingsError(
            f"{folder} can't be made or written ({error.strerror}); choose another folder, or give yourself permission."
        ) from None
    program = read_program(folder / PROGRAM_FILE)
    create_forms_workbook(folder / FORMS, program, responses or {})
    create_committee_workbook(folder / COMMITTEE)
    cohort_id = program.require_cohort(None)
    rows = steer_cohort(program, cohort_id, {}, []).rows
    LocalWorkbooks(folder, program.zone).write_committee([TabUpdate("Program", rows)])
    append_committee_rows(folder / COMMITTEE, "Topics", topics)


def require_free(folder: Path) -> None:
    """Raise `SettingsError` if the folder holds a program already."""
    taken = [name for name in (PROGRAM_FILE, FORMS, COMMITTEE) if (folder / name).exists()]
    if taken:
        raise SettingsError(
            f"{folder} already has {taken[0]}; choose another folder, or remove the file first."
        )


def read_sample_responses() -> dict[str, list[Answers]]:
    """The sample's applications by form, as the forms gave them, blank rows included."""
    return {form: _read_csv(SAMPLE / name) for form, name in SAMPLE_RESPONSES.items()}


def _read_csv(path: Path) -> list[Answers]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_sample_timeline() -> dict[str, Any]:
    """What people do during the sample year; the file itself explains its parts."""
    timeline: dict[str, Any] = yaml.safe_load((SAMPLE / "timeline.yaml").read_text(encoding="utf-8"))
    return timeline


def list_sample_topics() -> list[dict[str, str]]:
    """The sample's rows of the `Topics` tab."""
    return [
        {
            "Month": topic["month"],
            "Topic": topic["title"],
            "Prompts": "\n".join(topic["prompts"]),
            "Links": "\n".join(topic["links"]),
        }
        for topic in read_sample_timeline()["topics"]
    ]
