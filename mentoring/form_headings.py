"""Headings of a form's tab: which column holds which field, and what is wrong if that can't be told.

Belongs here: finding the questions that `program.yaml` names, exactly, by a pattern or as a grid. Does not belong
here: what stands below a heading (`mentoring.responses`), and proposing a mapping (`mentoring.form_mapping`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from mentoring.cell_text import fold_case, fold_text
from mentoring.desk import SheetTab
from mentoring.form_fields import NEEDED_FIELDS, FormName, list_choices, list_options
from mentoring.form_questions import ALL_ROWS, Grid, HeadingPattern, Questions
from mentoring.program import Program

#: What one entry of the mapping asks for.
Asked = str | HeadingPattern | Grid


@dataclass(frozen=True)
class FormColumn:
    """One column of a tab that holds (a part of) a field.

    `place` counts from 0. `row` is the row of a grid, empty for a question of one column; `choose` are the grid's
    answers that choose its row, best first, empty if the answers speak for themselves. `is_worded_freely` says that
    the heading may change without the answers becoming others.
    """

    place: int
    question: str
    row: str = ""
    choose: tuple[str, ...] = ()
    is_worded_freely: bool = False


@dataclass(frozen=True)
class FormColumns:
    """A tab's columns by field, in the mapping's order; with `problems` (sentences), it can't be read."""

    by_field: Mapping[str, Sequence[FormColumn]]
    problems: Sequence[str] = ()

    def name_question(self, field: str) -> str:
        """The question of a field as the form shows it; the field's name if it is not asked."""
        columns = self.by_field.get(field) or ()
        return columns[0].question if columns else field


def list_questions(program: Program, form: FormName) -> dict[str, list[str]]:
    """Field → its questions in words; an unmapped evaluation question stands for itself."""
    return {
        name: [_name_asked(asked) for asked in entry] for name, entry in _list_asked(program, form).items()
    }


def _list_asked(program: Program, form: FormName) -> dict[str, list[Asked]]:
    evaluation = program.evaluation if form == "evaluation" else []
    mapped: dict[str, Questions] = {question.id: question.text for question in evaluation}
    mapped |= program.forms[form].fields
    return {name: [_unfold_grid(asked) for asked in as_list(entry)] for name, entry in mapped.items()}


def as_list(questions: Questions) -> list[Asked]:
    """The entries of one field of the mapping."""
    return list(questions) if isinstance(questions, list) else [questions]


def _unfold_grid(asked: Asked) -> Asked:
    if isinstance(asked, str) and fold_text(asked).endswith(ALL_ROWS):
        return Grid(grid=fold_text(asked).removesuffix(ALL_ROWS).strip())
    return asked


def _name_asked(asked: Asked) -> str:
    if isinstance(asked, HeadingPattern):
        return asked.pattern
    return fold_text(asked.grid if isinstance(asked, Grid) else asked)


def find_heading_problems(program: Program, form: FormName, tab: SheetTab) -> list[str]:
    """Why the tab can't be read, one sentence for each heading at fault; empty if it can be read."""
    return list(find_columns(program, form, tab).problems)


def find_columns(program: Program, form: FormName, tab: SheetTab) -> FormColumns:
    """Which columns of the tab hold which field, whatever their order and whatever stands between them."""
    if unmapped := _find_unmapped_fields(program, form):
        return FormColumns({}, unmapped)
    if not any(fold_text(heading) for heading in tab.headings):
        problem = (
            f"The tab “{tab.name}” has no headings. Write the form's questions into row 1, or link the form to the "
            "spreadsheet again."
        )
        return FormColumns({}, [problem])
    found, problems = _find_all(program, form, tab)
    if not any(found.values()):
        problem = (
            f"The tab “{tab.name}” shows none of the form's questions in row 1. Put the row of headings back, or "
            f"change the mapping in program.yaml under forms → {form} → fields."
        )
        return FormColumns({}, [problem])
    return FormColumns({} if problems else found, problems)


def list_placed_fields(
    program: Program, form: FormName, headings: Sequence[str]
) -> dict[str, list[FormColumn]]:
    """Fields whose whole entry in `program.yaml` stands among the headings → their columns."""
    if form not in program.forms:
        return {}
    found, _ = _find_all(program, form, SheetTab("", tuple(headings)))
    asked = _list_asked(program, form)
    return {name: columns for name, columns in found.items() if columns and len(columns) >= len(asked[name])}


def _find_all(
    program: Program, form: FormName, tab: SheetTab
) -> tuple[dict[str, list[FormColumn]], list[str]]:
    asked = _list_asked(program, form)
    row = _read_headings(tab, asked)
    offered = {**list_options(program, form), **list_choices(program, form)}
    columns: dict[str, list[FormColumn]] = {name: [] for name in asked}
    problems: list[str] = []
    for name, entry in asked.items():
        for one in entry:
            found = _find_one(row, one, offered.get(name, ()), _name_place(program, form, name))
            if isinstance(found, str):
                problems.append(found)
            else:
                columns[name] += found
    problems += _find_shared(tab.name, columns)
    return columns, list(dict.fromkeys(problems))


@dataclass(frozen=True)
class _HeadingRow:
    """The headings of a tab: their places, and which of them some field asks for letter by letter."""

    tab: str
    places: Mapping[str, Sequence[int]]
    asked: frozenset[str]

    def list_free(self) -> list[str]:
        return [heading for heading in self.places if heading not in self.asked]


def _read_headings(tab: SheetTab, asked: Mapping[str, Sequence[Asked]]) -> _HeadingRow:
    places: dict[str, list[int]] = {}
    for place, heading in enumerate(tab.headings):
        if text := fold_text(heading):
            places.setdefault(text, []).append(place)
    exact = (fold_text(one) for entry in asked.values() for one in entry if isinstance(one, str))
    return _HeadingRow(tab.name, places, frozenset(exact))


def _find_one(row: _HeadingRow, asked: Asked, options: Sequence[str], where: str) -> list[FormColumn] | str:
    """The columns of one entry of the mapping, or a sentence on why they can't be told."""
    if isinstance(asked, HeadingPattern):
        return _find_by_pattern(row, asked, where)
    if isinstance(asked, Grid):
        return _find_grid(row, asked, options, where)
    text = fold_text(asked)
    places = row.places.get(text, ())
    if not places:
        return _describe_missing(row, text, where)
    return [FormColumn(places[0], text)] if len(places) == 1 else _describe_doubled(row, text)


def _find_by_pattern(row: _HeadingRow, asked: HeadingPattern, where: str) -> list[FormColumn] | str:
    fitting = [heading for heading in row.list_free() if re.search(asked.pattern, heading)]
    if not fitting:
        return (
            f"The tab “{row.tab}” has no column that fits the pattern “{asked.pattern}”. Put it back, or change the "
            f"pattern in program.yaml under {where}."
        )
    if len(fitting) > 1:
        return (
            f"On the tab “{row.tab}” several columns fit the pattern “{asked.pattern}”: “{fitting[0]}” and "
            f"“{fitting[1]}”. Rename the one that is not meant, or narrow the pattern in program.yaml under {where}."
        )
    if len(row.places[fitting[0]]) > 1:
        return _describe_doubled(row, fitting[0])
    return [FormColumn(row.places[fitting[0]][0], fitting[0], is_worded_freely=True)]


def _find_grid(row: _HeadingRow, asked: Grid, options: Sequence[str], where: str) -> list[FormColumn] | str:
    question = fold_text(asked.grid)
    parts = {heading: split_grid_heading(heading) for heading in row.list_free()}
    rows = {heading: part[1] for heading, part in parts.items() if part and part[0] == question}
    if not rows:
        return (
            f"The tab “{row.tab}” has no columns of the grid “{question}”; their headings look like “{question} "
            f"[Row]”. Put them back, or change the mapping in program.yaml under {where}."
        )
    doubled = [heading for heading in rows if len(row.places[heading]) > 1]
    if doubled:
        return _describe_doubled(row, doubled[0])
    known = {fold_case(option) for option in options}
    unknown = [label for label in rows.values() if asked.choose and known and fold_case(label) not in known]
    if unknown:
        return (
            f"The grid “{question}” on the tab “{row.tab}” has the row “{unknown[0]}”, which program.yaml does not "
            "offer. Add it to the list there that the form's rows stand in, or correct it in the form."
        )
    choose = tuple(asked.choose)
    columns = [FormColumn(row.places[heading][0], question, label, choose) for heading, label in rows.items()]
    return sorted(columns, key=lambda column: column.place)


def split_grid_heading(heading: str) -> tuple[str, str] | None:
    """Question and row of a heading of a grid, “Question [Row]”; None for any other heading."""
    found = re.fullmatch(r"(.*\S) ?\[([^\[\]]+)\]", heading)
    return (found[1], found[2].strip()) if found else None


def _find_shared(tab: str, columns: Mapping[str, Sequence[FormColumn]]) -> Iterator[str]:
    """Columns that a pattern found and that another field reads too."""
    fields_of: dict[int, list[str]] = {}
    questions: dict[int, str] = {}
    for name, found in columns.items():
        for column in found:
            if column.is_worded_freely:
                fields_of.setdefault(column.place, []).append(name)
                questions[column.place] = column.question
    for place, names in fields_of.items():
        if len(names) > 1:
            yield (
                f"On the tab “{tab}” the column “{questions[place]}” fits the patterns of {names[0]} and of "
                f"{names[1]}. Narrow one of them in program.yaml."
            )


def _find_unmapped_fields(program: Program, form: FormName) -> list[str]:
    if form not in program.forms:
        return [f"program.yaml does not describe the form “{form}”. Add its tab and its fields under forms."]
    fields = program.forms[form].fields
    return [
        f"program.yaml does not say which question of the form “{form}” holds “{name}”. Add it under forms → "
        f"{form} → fields."
        for name in NEEDED_FIELDS[form]
        if not any(_name_asked(asked) for asked in as_list(fields.get(name, "")))
    ]


def _name_place(program: Program, form: FormName, name: str) -> str:
    if name in program.forms[form].fields:
        return f"forms → {form} → fields → {name}"
    return f"evaluation → {name} → text"


def _describe_doubled(row: _HeadingRow, heading: str) -> str:
    return (
        f"The tab “{row.tab}” has the column “{heading}” {len(row.places[heading])} times. Keep the one with the "
        "answers and rename or delete the other."
    )


def _describe_missing(row: _HeadingRow, heading: str, where: str) -> str:
    by_case = {text.casefold(): text for text in row.list_free()}
    close = get_close_matches(heading.casefold(), by_case, n=1, cutoff=0.6)
    if not close:
        return (
            f"The tab “{row.tab}” has no column “{heading}”. Put it back, or change the mapping in program.yaml "
            f"under {where}."
        )
    return (
        f"The tab “{row.tab}” has no column “{heading}”; it has “{by_case[close[0]]}”. Rename it back, or change "
        f"the mapping in program.yaml under {where}."
    )
