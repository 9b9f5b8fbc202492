"""The files of the matching engine: tables of people in, a written matching out.

Belongs here: CSV, XLSX and Parquet files that `mentoring match` reads, and the folder that it writes. Does
not belong here: what the columns mean (`mentoring.matching`), the committee's workbooks (`tasks.sheets`).
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mentoring.errors import PlainError
from mentoring.formulas import guard_formula

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from mentoring.matching import Matching
    from mentoring.policy import Policy

SIDES = ("mentors", "mentees")
TABLES = ("matches", "runner_ups", "unmatched")
SENTENCES = ("why", "watch_outs", "reason", "smallest_change")
FINISHED = "summary.json"
"""Written last: a folder without it holds no finished matching."""


class PeopleFileError(PlainError, ValueError):
    """A file of people, or an output folder, that cannot be used: one plain sentence with the mend."""


def read_people_file(path: Path) -> pd.DataFrame:
    """Read a table of people by its extension: .csv (UTF-8, commas), .xlsx (first sheet) or .parquet.

    CSV and XLSX cells come as text, so that 007 stays 007; rows without any text are left out.
    Raises PeopleFileError.
    """
    readers = {".csv": _read_csv, ".xlsx": _read_xlsx, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise PeopleFileError(f"{path.name} is not a table of people; use a .csv, .xlsx or .parquet file.")
    try:
        return reader(path)
    except FileNotFoundError:
        raise PeopleFileError(f"There is no file {path}; check its name and folder.") from None
    except OSError as error:
        raise PeopleFileError(f"{path} could not be read: {error.strerror or error}.") from error


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except UnicodeDecodeError:
        raise PeopleFileError(f"{path.name} is not in UTF-8; save it as “CSV UTF-8”.") from None
    except csv.Error as error:
        raise PeopleFileError(
            f"{path.name} is not a well-formed CSV file ({error}); save it again as CSV."
        ) from None
    return _build_table(path, rows)


def _read_xlsx(path: Path) -> pd.DataFrame:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    from tasks.workbook_cells import read_text

    try:
        workbook = openpyxl.load_workbook(path, read_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError):
        raise PeopleFileError(f"{path.name} is not an Excel workbook; save it again as .xlsx.") from None
    try:
        rows = [[read_text(cell) for cell in row] for row in workbook.worksheets[0].iter_rows()]
    finally:
        workbook.close()
    return _build_table(path, [_drop_trailing_blanks(row) for row in rows])


def _drop_trailing_blanks(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row = row[:-1]
    return row


def _build_table(path: Path, rows: list[list[str]]) -> pd.DataFrame:
    import pandas as pd

    if not rows or not any(cell.strip() for cell in rows[0]):
        raise PeopleFileError(
            f"{path.name} has no headings in its first row; add them, beginning with person_id."
        )
    headings = [heading.strip() for heading in rows[0]]
    if len(headings) == 1 and ";" in headings[0]:
        raise PeopleFileError(f"{path.name} separates its columns by semicolons; save it with commas.")
    people = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) > len(headings):
            raise PeopleFileError(
                f"Row {number} of {path.name} has {len(row)} cells under {len(headings)} headings; "
                "put quotation marks around cells that contain commas."
            )
        if any(cell.strip() for cell in row):
            people.append(row + [""] * (len(headings) - len(row)))
    return pd.DataFrame(people, columns=pd.Index(headings), dtype=object)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except ValueError:  # pyarrow.ArrowInvalid is one
        raise PeopleFileError(f"{path.name} is not a Parquet file; write it again as Parquet.") from None


def write_matching(
    matching: Matching,
    folder: Path,
    *,
    scores: bool = False,
    people: tuple[Path, Path] | None = None,
    policy: Policy | None = None,
) -> list[Path]:
    """Write a matching into a folder and return the paths of its files.

    matches.csv, runner_ups.csv, unmatched.csv, certificate.npz, summary.json, and with `scores` scores.npz
    (points, eligible). With `people` (the files of mentors and mentees) and `policy` the summary records
    where the input is and what it was, so that `verify_folder` can check the result.

    Everything is written aside first; each file then takes its place whole and summary.json, removed before,
    comes last. Other files in the folder stay. Raises PeopleFileError when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as aside:
            origin = _record_origin(folder, people, policy)
            names = _write_files(matching, Path(aside), origin, scores=scores)
            for stale in (FINISHED, "scores.npz"):
                (folder / stale).unlink(missing_ok=True)
            for name in names:
                os.replace(Path(aside) / name, folder / name)
    except OSError as error:
        raise PeopleFileError(f"{folder} could not be written: {error.strerror or error}.") from error
    return [folder / name for name in names]


def _record_origin(folder: Path, people: tuple[Path, Path] | None, policy: Policy | None) -> dict[str, Any]:
    origin: dict[str, Any] = {}
    for name, path in zip(SIDES, people or (), strict=False):
        place = os.path.relpath(path.resolve(), folder.resolve())
        origin[name] = {"file": place, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return ({"input": origin} if origin else {}) | ({"policy": policy.model_dump()} if policy else {})


def _write_files(matching: Matching, aside: Path, origin: dict[str, Any], *, scores: bool) -> list[str]:
    import numpy as np

    from mentoring.matching import name_people

    for name in TABLES:
        # nobody's name is known here: sentences name people by their bare ids
        table = getattr(matching, name)
        told = {
            column: table[column].map(lambda text: name_people(text, {}))
            for column in SENTENCES
            if column in table
        }
        _write_csv(table.assign(**told), aside / f"{name}.csv")
    np.savez_compressed(aside / "certificate.npz", allow_pickle=False, **matching.certificate)
    if scores:
        points, eligible = matching.scores()
        np.savez_compressed(aside / "scores.npz", allow_pickle=False, points=points, eligible=eligible)
    recruiting = [
        advice | {"sentence": name_people(advice["sentence"], {})}
        for advice in matching.summary["recruiting"]
    ]
    more = {"recruiting": recruiting, "peak_memory_mb": _measure_peak_memory()}
    summary = matching.summary | origin | more
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    (aside / FINISHED).write_text(text + "\n", encoding="utf-8")
    names = [
        *(f"{table}.csv" for table in TABLES),
        "certificate.npz",
        *(["scores.npz"] if scores else []),
        FINISHED,
    ]
    for name in names:
        # People's ids, which may be their names, and what the matching says about them.
        (aside / name).chmod(0o600)
        with (aside / name).open("rb") as file:
            os.fsync(file.fileno())
    return names


def verify_folder(folder: Path) -> list[str]:
    """Check a written matching against its input files; return its problems as sentences, none when proven.

    The input is found by summary.json. Raises PeopleFileError where a file is missing or cannot be read.
    """
    from mentoring.matching import verify_matching
    from mentoring.policy import Policy

    summary = _read_summary(folder)
    if "input" not in summary or "policy" not in summary:
        raise PeopleFileError(f"{folder / FINISHED} does not say where its input is; match again from files.")
    try:
        policy = Policy.model_validate(summary["policy"])
        origins = [(Path(summary["input"][name]["file"]), summary["input"][name]["sha256"]) for name in SIDES]
    except (KeyError, TypeError, ValueError):
        raise PeopleFileError(
            f"{folder / FINISHED} was changed and cannot be read any more; match again."
        ) from None
    problems, tables = [], []
    for place, digest in origins:
        path = folder / place
        tables.append(read_people_file(path))
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            problems.append(f"{path.name} has changed since it was matched.")
    mentors, mentees = tables
    matches, certificate = (
        _read_matches(folder / "matches.csv"),
        _read_certificate(folder / "certificate.npz"),
    )
    return problems + verify_matching(mentors, mentees, policy, matches, certificate, summary)


def _read_summary(folder: Path) -> dict[str, Any]:
    try:
        summary = json.loads((folder / FINISHED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PeopleFileError(
            f"{folder} holds no finished matching; name the folder that `mentoring match` wrote."
        ) from None
    except (OSError, ValueError):
        raise PeopleFileError(f"{folder / FINISHED} cannot be read; match again.") from None
    if not isinstance(summary, dict):
        raise PeopleFileError(f"{folder / FINISHED} is not a summary; match again.")
    return summary


def _read_matches(path: Path) -> pd.DataFrame:
    table = read_people_file(path)
    return table.map(_take_guard_off)


def _take_guard_off(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and guard_formula(cell[1:]) == cell else cell


def _read_certificate(path: Path) -> dict[str, np.ndarray]:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise PeopleFileError(f"There is no file {path}; match again.") from None
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error):
        raise PeopleFileError(f"{path} cannot be read; match again.") from None


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        for row in table.itertuples(index=False):
            writer.writerow([_write_cell(value) for value in row])


def _write_cell(value: Any) -> str:
    # numbers are ours and stay numbers; every text may come from an applicant
    return guard_formula(value) if isinstance(value, str) else str(value)


def _measure_peak_memory() -> int | None:
    """Most memory of this process so far, in megabytes; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))
