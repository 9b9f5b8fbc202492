"""`mentoring init --map`: reads the headings of the forms' spreadsheet and proposes the mapping for program.yaml.

Belongs here: where the headings come from. Does not belong here: the proposal itself (`mentoring.form_mapping`).
"""

from __future__ import annotations

from pathlib import Path

from mentoring.form_mapping import propose_mapping
from mentoring.form_mapping_text import write_mapping
from tasks.settings import load_settings
from tasks.sheets import open_sheets


def map_forms(folder: Path | None) -> str:
    """The `forms:` part that program.yaml could have, as YAML with remarks; nothing is changed.

    Reads every tab: what Google calls those of forms depends on its user's language. Raises `SettingsError` or
    `SheetError` with a sentence if the program folder or the spreadsheet can't be read.
    """
    settings = load_settings(folder)
    sheets = open_sheets(settings)
    tabs = sheets.read_forms(sheets.list_form_tabs())
    headings = {name: tab.headings for name, tab in tabs.items()}
    return write_mapping(propose_mapping(headings, settings.program), settings.program)
