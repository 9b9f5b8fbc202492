"""Form responses: from a tab's cells to named answers, whatever the form calls its questions.

Belongs here: which fields each form has, finding their questions among the headings, and reading text,
choices, times, time zones and e-mail addresses as people really write them. Does not belong here: whether an
answer is acceptable (`tasks.validation` and its suites), and what follows from a response (the other rules).
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from mentoring.desk import SheetTab
from mentoring.program import Program

FormName = Literal["mentor", "mentee", "request", "check_in", "evaluation"]

WITHDRAW = "Withdraw my application"
ACTIONS = ("Apply", WITHDRAW)
REQUESTS = ("I can't go on", "Our match isn't working out")
REMATCH_ANSWERS = ("Yes, please", "No, thank you")
SIGNALS = (
    "We are in touch",
    "Not yet",
    "I haven't heard from my partner",
    "I'd like to talk to the committee",
)
SHARE_PARTS = (
    "My goals",
    "My institution and position",
    "My telephone number",
    "My topics and focus areas",
)
QUOTE_ANSWERS = ("Yes", "No")

_APPLICATION = (
    "submitted_at email action name pronouns phone institution library_type years_experience focus_areas "
    "channels time_zone languages code_of_conduct career_stage "
)
#: Every field that a form may have; the evaluation has its questions' ids besides.
FIELDS: Mapping[FormName, tuple[str, ...]] = {
    "mentor": tuple((_APPLICATION + "capacity topics_offered experience_text").split()),
    "mentee": tuple((_APPLICATION + "desired_library_type topics_wanted goals_text share_consent").split()),
    "request": ("submitted_at", "email", "token", "request", "rematch", "comment"),
    "check_in": ("submitted_at", "token", "signal", "contacts", "comment"),
    "evaluation": ("submitted_at", "token", "comment", "quote_consent"),
}
_NEEDED_BY_BOTH = "submitted_at email name years_experience focus_areas channels time_zone code_of_conduct "
#: Fields without which a form can't be read at all; program.yaml must name their questions.
NEEDED_FIELDS: Mapping[FormName, tuple[str, ...]] = {
    "mentor": tuple((_NEEDED_BY_BOTH + "capacity topics_offered").split()),
    "mentee": tuple((_NEEDED_BY_BOTH + "topics_wanted goals_text").split()),
    "request": ("submitted_at", "email", "request"),
    "check_in": ("submitted_at", "token", "signal"),
    "evaluation": ("submitted_at", "token"),
}
_LONG_TEXTS = frozenset({"goals_text", "experience_text", "comment"})


@dataclass(frozen=True)
class Response:
    """One response to a form.

    `row` is its row in the sheet, `submitted_at` is aware and in UTC or None if it can't be read, `key` is a
    fingerprint that stays when rows move, `answers` has every field of the form (empty text where nothing was
    answered); answers with several values are joined with "; ". Its repr shows no personal data.
    """

    form: FormName
    row: int
    submitted_at: datetime | None
    email: str = field(repr=False)
    key: str
    answers: Mapping[str, str] = field(repr=False)

    @property
    def is_withdrawal(self) -> bool:
        """Whether the applicant takes the application back."""
        return self.answers.get("action") == WITHDRAW


def list_questions(program: Program, form: FormName) -> dict[str, list[str]]:
    """Field → its questions as the headings show them; an unmapped evaluation question stands for itself."""
    evaluation = program.evaluation if form == "evaluation" else []
    mapped = {question.id: question.text for question in evaluation} | program.forms[form].fields
    return {name: [_fold(text) for text in _as_list(asked)] for name, asked in mapped.items()}


def find_heading_problems(program: Program, form: FormName, tab: SheetTab) -> list[str]:
    """Why the tab can't be read, one sentence for each heading at fault; empty if it can be read."""
    unmapped = _find_unmapped_fields(program, form)
    if unmapped:
        return unmapped
    found = Counter(_fold(heading) for heading in tab.headings if heading.strip())
    if not found:
        return [
            (
                f"The tab “{tab.name}” has no headings. Write the form's questions into row 1, or link the "
                "form to the spreadsheet again."
            )
        ]
    asked = [(name, text) for name, texts in list_questions(program, form).items() for text in texts]
    if not any(text in found for _, text in asked):
        return [
            (
                f"The tab “{tab.name}” shows none of the form's questions in row 1. Put the row of headings "
                f"back, or change the mapping in program.yaml under forms → {form} → fields."
            )
        ]
    spare = [heading for heading in found if heading not in {text for _, text in asked}]
    missing = [
        _describe_missing(tab.name, text, spare, _name_place(program, form, name))
        for name, text in asked
        if text not in found
    ]
    doubled = [
        f"The tab “{tab.name}” has the column “{text}” {found[text]} times. Keep the one with the answers "
        "and rename or delete the other."
        for text in dict.fromkeys(text for _, text in asked)
        if found[text] > 1
    ]
    return missing + doubled


def read_responses(program: Program, form: FormName, tab: SheetTab) -> list[Response]:
    """Read a tab's rows in their order; rows without any mapped answer are left out.

    Raises ValueError with a sentence if `find_heading_problems` has something to say.
    """
    problems = find_heading_problems(program, form, tab)
    if problems:
        raise ValueError(problems[0])
    places = {_fold(heading): place for place, heading in enumerate(tab.headings)}
    columns = {
        name: [places[text] for text in texts] for name, texts in list_questions(program, form).items()
    }
    rows = (
        (row.number, {name: [row.cells[place] for place in column] for name, column in columns.items()})
        for row in tab.rows
    )
    return [
        _read_response(program, form, number, cells)
        for number, cells in rows
        if any(_fold(cell) for texts in cells.values() for cell in texts)
    ]


def _read_response(program: Program, form: FormName, number: int, cells: Mapping[str, list[str]]) -> Response:
    answers = dict.fromkeys(FIELDS[form], "")
    answers |= {name: _read_answer(program, form, name, texts) for name, texts in cells.items()}
    return Response(
        form=form,
        row=number,
        submitted_at=read_time(answers["submitted_at"], program.zone),
        email=answers.get("email", ""),
        key=_fingerprint(form, cells),
        answers=answers,
    )


def _fingerprint(form: str, cells: Mapping[str, list[str]]) -> str:
    # What was written, not what was made of it: a new spelling in program.yaml makes no old response new.
    # Empty answers are left out for the same reason: a question added later changes nothing.
    written = {name: [_fold(text) for text in texts] for name, texts in sorted(cells.items())}
    filled = [[name, texts] for name, texts in written.items() if any(texts)]
    return hashlib.sha256(json.dumps([form, filled]).encode()).hexdigest()[:32]


def _read_answer(program: Program, form: FormName, name: str, cells: Sequence[str]) -> str:
    choices = _list_choices(program, form)
    if name in choices:
        chosen = [choice for cell in cells for choice in split_choices(cell, choices[name])]
        # A ranking keeps its repeats, so that they can be pointed out.
        return "; ".join(chosen if name == "topics_wanted" else dict.fromkeys(chosen))
    if name in _LONG_TEXTS | _list_text_questions(program, form):
        return "\n\n".join(text for cell in cells if (text := _clean(cell)))
    answer = (" " if name == "name" else "; ").join(text for cell in cells if (text := _fold(cell)))
    if name == "time_zone":
        return read_time_zone(answer, program.time_zones)
    return match_option(answer, _list_options(program, form).get(name, ()))


def _list_choices(program: Program, form: FormName) -> dict[str, Sequence[str]]:
    """Fields that hold several values → the options that the form offers for them."""
    if form == "evaluation":
        return {item.id: item.choices for item in program.evaluation if item.kind == "multiple"}
    if form not in ("mentor", "mentee"):
        return {}
    return {
        "focus_areas": program.focus_areas,
        "channels": program.channels,
        "topics_offered": program.topics,
        "topics_wanted": program.topics,
        "desired_library_type": program.library_types,
        "languages": (),
        "share_consent": SHARE_PARTS,
    }


def _list_options(program: Program, form: FormName) -> dict[str, Sequence[str]]:
    """Fields that hold one value of several → those values."""
    if form == "evaluation":
        asked = {item.id: item.choices for item in program.evaluation if item.kind == "choice"}
        return {**asked, "quote_consent": QUOTE_ANSWERS}
    return {
        "action": ACTIONS,
        "library_type": program.library_types,
        "request": REQUESTS,
        "rematch": REMATCH_ANSWERS,
        "signal": SIGNALS,
    }


def _list_text_questions(program: Program, form: FormName) -> frozenset[str]:
    if form != "evaluation":
        return frozenset()
    return frozenset(question.id for question in program.evaluation if question.kind == "text")


def split_choices(text: str, options: Sequence[str]) -> list[str]:
    """Split a checkbox answer into its choices, in the spelling of `options`; other words stay as written.

    Choices are separated by commas, semicolons or line breaks, and options may contain these themselves: of
    all ways to read the text, the one with fewest unknown pieces wins, then the one with fewest pieces.
    """
    pieces = [piece for part in re.split(r"[,;\n]", text) if (piece := _fold(part))]
    keys = [_fold_case(piece) for piece in pieces]
    known = _index_options(tuple(options))
    lengths = sorted({len(parts) for parts in known})
    best: list[tuple[int, int, int, str]] = [(0, 0, 0, "")] * (len(pieces) + 1)
    for start in reversed(range(len(pieces))):
        unknown, count, _, _ = best[start + 1]
        ways = [(unknown + 1, count + 1, 1, pieces[start])]
        for length in lengths:
            option = known.get(tuple(keys[start : start + length]))
            if option is not None and start + length <= len(pieces):
                unknown, count, _, _ = best[start + length]
                ways.append((unknown, count + 1, length, option))
        best[start] = min(ways)
    return list(_walk(best))


@cache
def _index_options(options: tuple[str, ...]) -> Mapping[tuple[str, ...], str]:
    """Options by their pieces, as `split_choices` splits them."""
    return {_fold_pieces(option): option for option in reversed(options)}


def _fold_pieces(text: str) -> tuple[str, ...]:
    return tuple(piece for part in re.split(r"[,;\n]", text) if (piece := _fold_case(part)))


def _walk(best: Sequence[tuple[int, int, int, str]]) -> Iterator[str]:
    start = 0
    while start < len(best) - 1:
        _, _, length, choice = best[start]
        yield choice
        start += length


def match_option(text: str, options: Sequence[str]) -> str:
    """The option that `text` means, whatever its case and apostrophes; `text` itself if it is none."""
    return _index_options(tuple(options)).get(_fold_pieces(text), text)


@cache
def list_time_zones() -> Mapping[str, str]:
    """Every IANA time zone by its name in small letters."""
    return {name.casefold(): name for name in sorted(available_timezones())}


def read_time_zone(text: str, names: Mapping[str, str]) -> str:
    """The IANA name of a time zone; `names` are the form's names for some. Other text stays as it is."""
    name = match_option(text, list(names))
    return names.get(name) or list_time_zones().get(text.casefold(), text)


_TIMES = tuple(
    f"{day} {clock}".strip()
    for day in ("%m/%d/%Y", "%d.%m.%Y")
    for clock in ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "")
)


def read_time(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment in UTC that a form wrote, in `zone` unless the text has an offset; None if it can't be read.

    Reads ISO 8601 (“2027-01-12 09:14:03”) and Google's American (“1/12/2027 9:14:03”) and German styles.
    """
    moment = _parse_time(_fold(text))
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:  # a year at the very edge of the calendar
        return None


def _parse_time(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    for style in _TIMES:
        with suppress(ValueError):
            return datetime.strptime(text, style)
    return None


def normalise_address(text: str) -> str | None:
    """The key by which one e-mail address is always the same, or None if `text` is not one plain address.

    Case and width of letters don't count, and an international domain is in its ASCII form.
    """
    import email_validator

    try:
        checked = email_validator.validate_email(_fold_width(text), check_deliverability=False)
    except email_validator.EmailNotValidError:
        return None
    return f"{_fold_width(checked.local_part.casefold())}@{checked.ascii_domain.lower()}"


def check_address(text: str) -> str | None:
    """What is wrong with an address, as a sentence that does not repeat it; None if it is fine."""
    import email_validator

    address = _fold_width(text)
    if not address:
        return "The e-mail address is empty."
    if len(re.findall(r"[^\s,;@]@[^\s,;@]", address)) > 1:
        return "There must be one address only."
    try:
        email_validator.validate_email(address, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        return re.sub(r"\bAn email\b", "An e-mail", str(error)).replace(" email ", " e-mail ")
    return None


def _fold_width(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _clean(text: str) -> str:
    """Trim, unify line breaks, collapse spaces, and drop characters that nobody sees or databases refuse."""
    if text.isascii() and text.isprintable():  # almost every answer, and much faster
        return re.sub(r" +", " ", text).strip()
    visible = re.sub(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u2060\ufeff\ud800-\udfff]", "", text)
    return "\n".join(re.sub(r"\s+", " ", line).strip() for line in visible.splitlines()).strip()


def _fold(text: str) -> str:
    return " ".join(_clean(text).split())


def _fold_case(text: str) -> str:
    return _fold(text).replace("’", "'").casefold()


def _as_list(questions: str | list[str]) -> list[str]:
    return [questions] if isinstance(questions, str) else questions


def _find_unmapped_fields(program: Program, form: FormName) -> list[str]:
    if form not in program.forms:
        return [f"program.yaml does not describe the form “{form}”. Add its tab and its fields under forms."]
    return [
        f"program.yaml does not say which question of the form “{form}” holds “{name}”. Add it under forms → "
        f"{form} → fields."
        for name in NEEDED_FIELDS[form]
        if not any(question.strip() for question in _as_list(program.forms[form].fields.get(name, "")))
    ]


def _name_place(program: Program, form: FormName, name: str) -> str:
    if name in program.forms[form].fields:
        return f"forms → {form} → fields → {name}"
    return f"evaluation → {name} → text"


def _describe_missing(tab: str, heading: str, spare: Sequence[str], place: str) -> str:
    by_case = {text.casefold(): text for text in spare}
    close = get_close_matches(heading.casefold(), by_case, n=1, cutoff=0.6)
    if not close:
        return (
            f"The tab “{tab}” has no column “{heading}”. Put it back, or change the mapping in program.yaml "
            f"under {place}."
        )
    return (
        f"The tab “{tab}” has no column “{heading}”; it has “{by_case[close[0]]}”. Rename it back, or change "
        f"the mapping in program.yaml under {place}."
    )
