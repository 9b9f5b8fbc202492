"""Files of the matching engine, written and read for real."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from mentoring.matching import find_matches
from mentoring.policy import Policy
from tasks.people_files import PeopleFileError, read_people_file, verify_folder, write_matching

ROWS = [
    ["person_id", "capacity", "institution"],
    ["007", "2", "=HYPERLINK(1)"],
    ["", "", ""],
    ["M-2", "1", "Zoë, Lib"],
]
FILES = ["certificate.npz", "matches.csv", "runner_ups.csv", "summary.json", "unmatched.csv"]


def save_csv(path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(ROWS)


def save_xlsx(path: Path) -> None:
    workbook = openpyxl.Workbook()
    for row in ROWS:
        workbook.active.append(row)
    workbook.active["C2"].data_type = "s"
    workbook.save(path)


@pytest.mark.parametrize(("name", "save"), [("people.csv", save_csv), ("people.xlsx", save_xlsx)])
def test_cells_are_read_as_text_and_blank_rows_left_out(tmp_path, name, save):
    save(tmp_path / name)
    table = read_people_file(tmp_path / name)
    assert table.columns.tolist() == ROWS[0]
    assert table.values.tolist() == [ROWS[1], ROWS[3]]


def test_numbers_of_a_workbook_are_read_as_people_see_them(tmp_path):
    workbook = openpyxl.Workbook()
    workbook.active.append(["person_id", "capacity", "years_experience"])
    workbook.active.append([12, 2, 3.0])
    workbook.save(tmp_path / "people.xlsx")
    assert read_people_file(tmp_path / "people.xlsx").values.tolist() == [["12", "2", "3"]]


def test_parquet_keeps_its_values(tmp_path):
    table = pd.DataFrame({"person_id": ["a", "b"], "capacity": [1, 3]})
    table.to_parquet(tmp_path / "people.parquet")
    pd.testing.assert_frame_equal(read_people_file(tmp_path / "people.parquet"), table)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("gone.csv", None, "There is no file"),
        ("people.ods", b"x", "use a .csv, .xlsx or .parquet file"),
        ("people.csv", b"person_id\n\xff\xfe", "is not in UTF-8"),
        ("people.csv", b"", "no headings in its first row"),
        ("people.csv", b"person_id;capacity\na;1", "separates its columns by semicolons"),
        ("people.csv", b"person_id,capacity\na,1,2", "Row 2 of people.csv has 3 cells under 2 headings"),
        ("people.csv", b'person_id\n"a', "is not a well-formed CSV file"),
        ("people.xlsx", b"not a workbook", "is not an Excel workbook"),
        ("people.parquet", b"not parquet", "is not a Parquet file"),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_sentence(tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PeopleFileError, match=sentence) as refusal:
        read_people_file(path)
    assert "\n" not in str(refusal.value)


@pytest.fixture
def matching():
    mentors = pd.DataFrame(
        {"person_id": ["M2", "M1"], "capacity": [1, 1], "topics_offered": ["=1+1", "Jobs"]}
    )
    mentees = pd.DataFrame({"person_id": ["E1", "-2", "E3"], "topics_wanted": ["=1+1", "Jobs", "Jobs"]})
    return find_matches(mentors, mentees, Policy())


def test_a_matching_is_written_whole(tmp_path, matching):
    paths = write_matching(matching, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert {path.name for path in paths} == set(FILES)
    matches = pd.read_csv(tmp_path / "out" / "matches.csv")
    assert matches.columns.tolist() == matching.matches.columns.tolist()
    assert matches.points.tolist() == matching.matches.points.tolist()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["matched"] == 2
    assert summary["optimal"] is True
    assert summary["peak_memory_mb"] > 0
    with np.load(tmp_path / "out" / "certificate.npz", allow_pickle=False) as proof:
        assert sorted(proof.files) == sorted(matching.certificate)
        assert proof["prices"].dtype == np.int64
        assert proof["mentor_ids"].tolist() == ["M1", "M2"]


def test_sentences_name_people_by_their_ids(tmp_path):
    mentors = pd.DataFrame({"person_id": ["M1"], "topics_offered": ["Indexing"]})
    mentees = pd.DataFrame({"person_id": ["E1", "E2"], "topics_wanted": ["Indexing", "Indexing"]})
    write_matching(find_matches(mentors, mentees, Policy()), tmp_path)
    [alone] = pd.read_csv(tmp_path / "unmatched.csv").to_dict("records")
    assert alone["smallest_change"].startswith("One more seat at mentor M1 would match this mentee")
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["recruiting"][0]["sentence"].startswith("One more mentor like M1, ")
    assert summary["recruiting"][0]["call"] == "Wanted: one more mentor, who offers Indexing."


def test_scores_are_written_in_the_order_of_the_input(tmp_path, matching):
    write_matching(matching, tmp_path, scores=True)
    with np.load(tmp_path / "scores.npz", allow_pickle=False) as scores:
        assert scores["points"].tolist() == [[300, 0, 0], [0, 300, 300]]
        assert scores["eligible"].dtype == np.bool_
        assert scores["eligible"].all()


def test_text_that_could_act_as_a_formula_is_neutralised(tmp_path, matching):
    write_matching(matching, tmp_path)
    text = (tmp_path / "matches.csv").read_text(encoding="utf-8")
    cells = [cell for row in csv.reader(text.splitlines()) for cell in row]
    assert "'-2" in cells or "'-2" in (tmp_path / "unmatched.csv").read_text(encoding="utf-8")
    assert not [cell for cell in cells if cell[:1] in "=+-@" and cell]


def test_a_second_matching_replaces_the_first_and_leaves_other_files(tmp_path, matching):
    (tmp_path / "mentors.csv").write_text("mine")
    write_matching(matching, tmp_path, scores=True)
    write_matching(matching, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "mentors.csv"])
    assert (tmp_path / "mentors.csv").read_text() == "mine"


def test_an_interruption_leaves_nothing_half_written(tmp_path, matching, monkeypatch):
    write_matching(matching, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_matching(matching, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_interruption_between_two_files_leaves_no_folder_that_looks_finished(
    tmp_path, matching, monkeypatch
):
    write_matching(matching, tmp_path)
    replace, moved = os.replace, []

    def interrupt_third(source, target):
        if len(moved) == 2:
            raise KeyboardInterrupt
        moved.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupt_third)
    with pytest.raises(KeyboardInterrupt):
        write_matching(matching, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        name for name in FILES if name != "summary.json"
    ]
    with pytest.raises(PeopleFileError, match="holds no finished matching"):
        verify_folder(tmp_path)


def test_a_folder_that_is_a_file_gets_one_sentence(tmp_path, matching):
    (tmp_path / "out").write_text("")
    with pytest.raises(PeopleFileError, match="could not be written"):
        write_matching(matching, tmp_path / "out")


@pytest.fixture
def written(tmp_path):
    """A folder with input files and the matching of them, as the command writes it."""
    mentors = pd.DataFrame(
        {
            "person_id": ["-M2", "M1", "M3"],
            "capacity": ["2", "1", "1"],
            "topics_offered": ["=1+1", "Jobs", "Law;Jobs"],
        }
    )
    mentees = pd.DataFrame(
        {"person_id": ["E1", "-2", "E3", "E4"], "topics_wanted": ["=1+1", "Jobs", "Law", "Jobs;Law"]}
    )
    paths = tmp_path / "mentors.csv", tmp_path / "mentees.csv"
    for table, path in zip((mentors, mentees), paths, strict=True):
        table.to_csv(path, index=False)
    policy = Policy(seed=4)
    matching = find_matches(*(read_people_file(path) for path in paths), policy)
    write_matching(matching, tmp_path / "out", people=paths, policy=policy)
    return tmp_path / "out"


def test_a_written_matching_is_verified_from_its_files(written):
    assert verify_folder(written) == []
    summary = json.loads((written / "summary.json").read_text(encoding="utf-8"))
    assert summary["input"]["mentors"]["file"] == "../mentors.csv"
    assert summary["policy"]["seed"] == 4


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_tampered_folder_is_refused(written):
    change(written / "matches.csv", "M1,", "M3,")
    assert verify_folder(written)


def test_a_wrong_total_is_refused(written):
    change(written / "summary.json", '"total_points": ', '"total_points": 1')
    assert any("total_points" in problem for problem in verify_folder(written))


def test_a_tampered_certificate_is_refused(written):
    with np.load(written / "certificate.npz") as arrays:
        proof = {name: arrays[name] for name in arrays.files}
    proof["prices"] = np.zeros_like(proof["prices"])
    np.savez_compressed(written / "certificate.npz", **proof)
    assert verify_folder(written)
    (written / "certificate.npz").write_bytes(b"PK not an archive")
    with pytest.raises(PeopleFileError, match="cannot be read"):
        verify_folder(written)


def test_changed_input_is_refused(written):
    change(written.parent / "mentees.csv", "Law", "Grants")
    assert "mentees.csv has changed since it was matched." in verify_folder(written)


def test_a_folder_without_a_matching_gets_one_sentence(tmp_path, matching):
    with pytest.raises(PeopleFileError, match="holds no finished matching"):
        verify_folder(tmp_path)
    write_matching(matching, tmp_path)
    with pytest.raises(PeopleFileError, match="does not say where its input is"):
        verify_folder(tmp_path)
