"""Which question of a form probably holds which field: a proposal for program.yaml, for a person to check.

Belongs here: comparing headings with what a field is usually called, and the text of the proposal. Does not belong
here: reading responses, which takes nothing but what program.yaml says (`mentoring.form_headings`).

A heading is proposed if it is the one that program.yaml names, or has the same words, or most of them. What is less
alike, or alike to two fields, is left to the person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mentoring.cell_text import fold_text
from mentoring.form_fields import NEEDED_FIELDS, FormName, list_choices, list_fields, list_forms
from mentoring.form_headings import as_list, list_placed_fields, list_questions, split_grid_heading
from mentoring.form_questions import ALL_ROWS, Questions
from mentoring.program import Program
from mentoring.question_words import USUAL_NAMES, compare_questions, write_plainly

#: How sure a proposal is: the heading that program.yaml names, the same words, or words like them.
Likeness = Literal["named", "same words", "similar"]

#: The least share of words in common (Dice's coefficient, Ecology 26, 1945) with which a heading is proposed.
LEAST_ALIKE = 0.6
#: How much more alike the best must be than the next, or neither is proposed.
CLEARLY = 0.1


@dataclass(frozen=True)
class FieldProposal:
    """One field: what program.yaml should say, how sure that is, and the words that it was compared with."""

    field: str
    questions: Questions
    likeness: Likeness
    compared: str = ""


@dataclass(frozen=True)
class FormProposal:
    """One form: its tab (None if none fits), its fields in their order, and what could not be placed.

    `tab_likeness` is "named" for the tab that program.yaml names, "similar" for one that was chosen by its questions.
    `missing` are fields without a question, `spare` headings that nothing reads.
    """

    form: FormName
    tab: str | None
    tab_likeness: Likeness
    fields: tuple[FieldProposal, ...] = ()
    missing: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()


@dataclass(frozen=True)
class MappingProposal:
    """A proposal for every form, and the tabs that are none."""

    forms: tuple[FormProposal, ...]
    spare_tabs: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    """One question of a tab, a grid counting as one: what program.yaml would say, its words, its headings."""

    questions: Questions
    text: str
    headings: tuple[str, ...]
    is_grid: bool = False


def propose_mapping(headings_by_tab: Mapping[str, Sequence[str]], program: Program) -> MappingProposal:
    """Propose a tab for each form and a question for each field, from the headings of every tab."""
    forms = list_forms(program)
    tabs = _choose_tabs(headings_by_tab, program, forms)
    proposals = [
        _propose_form(program, form, *tabs[form], headings_by_tab[tabs[form][0]])
        if form in tabs
        else FormProposal(form, None, "similar", missing=list_fields(program, form))
        for form in forms
    ]
    used = {proposal.tab for proposal in proposals}
    return MappingProposal(tuple(proposals), tuple(tab for tab in headings_by_tab if tab not in used))


def _choose_tabs(
    headings_by_tab: Mapping[str, Sequence[str]], program: Program, forms: Sequence[FormName]
) -> dict[FormName, tuple[str, Likeness]]:
    """A tab for each form: the one that program.yaml names, else the one whose questions fit clearly best."""
    by_name = {write_plainly(tab): tab for tab in headings_by_tab}
    wanted = {form: write_plainly(program.forms[form].tab) for form in forms if form in program.forms}
    named = {form: by_name[name] for form, name in wanted.items() if name in by_name}
    found: dict[FormName, tuple[str, Likeness]] = {form: (tab, "named") for form, tab in named.items()}
    left = [tab for tab in headings_by_tab if tab not in named.values()]
    open_forms = [form for form in forms if form not in named]
    fits = {
        (form, tab): _rate_tab(program, form, tab, headings_by_tab[tab])
        for form in open_forms
        for tab in left
    }
    for form, tab in sorted(fits, key=lambda pair: -fits[pair]):
        rivals = [rate for pair, rate in fits.items() if (pair[0] == form) != (pair[1] == tab)]
        if fits[form, tab] >= LEAST_ALIKE and fits[form, tab] >= max(rivals, default=0.0) + CLEARLY:
            found[form] = (tab, "similar")
    return found


def _rate_tab(program: Program, form: FormName, tab: str, headings: Sequence[str]) -> float:
    """The share of the tab's questions and of the form's needed fields that fit, the smaller of the two, 0 to 1."""
    proposal = _propose_form(program, form, tab, "similar", headings)
    placed = {item.field for item in proposal.fields}
    needed = [name in placed for name in NEEDED_FIELDS[form]]
    questions = len(placed) + len(proposal.spare)
    return min(sum(needed) / len(needed), len(placed) / questions) if questions else 0.0


def _propose_form(
    program: Program, form: FormName, tab: str, likeness: Likeness, headings: Sequence[str]
) -> FormProposal:
    fields = list_fields(program, form)
    placed = list_placed_fields(program, form, headings)
    asked = list_questions(program, form) if form in program.forms else {}
    mapped = dict(program.forms[form].fields) if form in program.forms else {}
    found = {
        name: FieldProposal(name, mapped.get(name) or asked[name][0], "named")
        for name in fields
        if name in placed
    }
    taken = {fold_text(headings[column.place]) for columns in placed.values() for column in columns}
    candidates = [item for item in _list_candidates(headings) if not taken & set(item.headings)]
    open_fields = [name for name in fields if name not in found]
    names = {name: _list_names(program, form, name, asked.get(name, ())) for name in open_fields}
    several = {
        *list_choices(program, form),
        *(name for name, entry in mapped.items() if len(as_list(entry)) > 1),
    }
    for proposal, candidate in _match_words(names, candidates, several):
        found[proposal.field] = proposal
        taken |= set(candidate.headings)
    texts = dict.fromkeys(text for heading in headings if (text := fold_text(heading)))
    return FormProposal(
        form,
        tab,
        likeness,
        tuple(found[name] for name in fields if name in found),
        tuple(name for name in fields if name not in found),
        tuple(text for text in texts if text not in taken),
    )


def _list_candidates(headings: Sequence[str]) -> list[_Candidate]:
    """The questions of a tab; one that stands there twice is like itself, so that neither is ever clearly meant."""
    texts = [text for heading in headings if (text := fold_text(heading))]
    grids: dict[str, list[tuple[str, str]]] = {}
    for text in texts:
        if parts := split_grid_heading(text):
            grids.setdefault(parts[0], []).append((text, parts[1]))
    grids = {question: members for question, members in grids.items() if len(members) > 1}
    in_grids = {text for members in grids.values() for text, _ in members}
    plain = [_Candidate(text, text, (text,)) for text in texts if text not in in_grids]
    return plain + [
        _Candidate(f"{question}{ALL_ROWS}", question, tuple(text for text, _ in members), is_grid=True)
        for question, members in grids.items()
    ]


def _list_names(program: Program, form: FormName, field: str, asked: Sequence[str]) -> list[str]:
    """What a field may be called: as in program.yaml, as usual, or by its own name."""
    grids = [parts[0] for text in asked if (parts := split_grid_heading(text))]
    questions = {item.id: item.text for item in program.evaluation} if form == "evaluation" else {}
    own = [questions[field]] if field in questions else [field.replace("_", " ")]
    return [*asked, *grids, *own, *USUAL_NAMES.get(field, ())]


def _match_words(
    names: Mapping[str, Sequence[str]], candidates: Sequence[_Candidate], several: set[str]
) -> Iterator[tuple[FieldProposal, _Candidate]]:
    """Fields with the question that is most like them, the surest first; no question and no field twice."""
    rates = {
        (field, place): max((compare_questions(candidate.text, name), name) for name in called)
        for field, called in names.items()
        for place, candidate in enumerate(candidates)
        if not candidate.is_grid or field in several
    }
    while rates:
        (field, place), (rate, name) = max(rates.items(), key=lambda item: item[1][0])
        if rate < LEAST_ALIKE:
            return
        rivals = [
            pair
            for pair, rated in rates.items()
            if (pair[0] == field) != (pair[1] == place) and rated[0] > rate - CLEARLY
        ]
        if not rivals:
            candidate = candidates[place]
            likeness: Likeness = "same words" if rate == 1 and not candidate.is_grid else "similar"
            yield FieldProposal(field, candidate.questions, likeness, name), candidate
        # What could be one of several is not offered to others that fit less.
        done = {field, *(pair[0] for pair in rivals)}, {place, *(pair[1] for pair in rivals)}
        rates = {
            pair: rated for pair, rated in rates.items() if pair[0] not in done[0] and pair[1] not in done[1]
        }
