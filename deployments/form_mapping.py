"""`mentoring init --map`: reads the headings of the forms' spreadsheet and proposes the mapping for program.yaml.

Belongs here: which tabs are read. Does not belong here: the proposal itself (`mentoring.form_mapping`).
"""

from __future__ import annotations

from pathlib import Path

from mentoring.form_mapping import propose_mapping
from mentoring.form_mapping_text import write_mapping
from tasks.settings import load_settings
from tasks.sheets import open_sheets

#: What Google calls the tab of a form that nobody renamed.
_UNNAMED = tuple(f"Form Responses {number}" for number in range(1, 11))


def map_forms(folder: Path | None) -> str:
    """The `forms:` part that program.yaml could have, as YAML with remarks; nothing is changed.

    Reads the tabs that program.yaml names and those that Google named. Raises `SettingsError` or `SheetError` with a
    sentence if the program folder or the spreadsheet can't be read.
    """
    settings = load_settings(folder)
    named = (form.tab for form in settings.program.forms.values())
    tabs = open_sheets(settings).read_forms(list(dict.fromkeys([*named, *_UNNAMED])))
    headings = {name: tab.headings for name, tab in tabs.items()}
    return write_mapping(propose_mapping(headings, settings.program), settings.program)
