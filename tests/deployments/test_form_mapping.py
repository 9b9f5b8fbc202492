"""Proposing the mapping of a program folder from the headings of its forms workbook."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
import yaml

from deployments.form_mapping import map_forms
from deployments.program_folders import make_program_folder
from tasks.settings import PROGRAM_FILE, SettingsError, read_program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_program_folder(tmp_path / "program")
    return tmp_path / "program"


def test_a_new_folder_has_the_mapping_that_is_proposed(folder: Path) -> None:
    proposed = yaml.safe_load(map_forms(folder))["forms"]
    described = yaml.safe_load((folder / PROGRAM_FILE).read_text(encoding="utf-8"))["forms"]
    assert proposed == described


def test_tabs_named_by_google_with_reworded_questions_are_proposed_and_marked(folder: Path) -> None:
    workbook = openpyxl.load_workbook(folder / "forms.xlsx")
    sheet = workbook["Mentor applications"]
    sheet.title = "Form Responses 1"
    reworded = {"Your name": "Your full name", "How many mentees can you take?": "Shoe size"}
    for cell in sheet[1]:
        cell.value = reworded.get(cell.value, cell.value)
    workbook.save(folder / "forms.xlsx")
    before = (folder / PROGRAM_FILE).read_bytes()
    text = map_forms(folder)
    assert '    tab: "Form Responses 1"  # please check: chosen by its questions\n' in text
    assert "      # capacity: no question was found for it; the form can't be read without it\n" in text
    assert '    # Questions that nothing reads: "Shoe size"\n' in text
    assert yaml.safe_load(text)["forms"]["mentor"]["fields"]["name"] == "Your full name"
    assert (folder / PROGRAM_FILE).read_bytes() == before


def test_the_proposal_can_be_put_into_program_yaml(folder: Path) -> None:
    path = folder / PROGRAM_FILE
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(
        yaml.safe_dump(data | yaml.safe_load(map_forms(folder)), allow_unicode=True), encoding="utf-8"
    )
    assert read_program(path).forms == read_program(path).model_validate(data).forms


def test_a_folder_without_a_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"There is no program\.yaml"):
        map_forms(tmp_path)
