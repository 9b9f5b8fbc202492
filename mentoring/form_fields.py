"""What the forms hold: the fields of each form, which of them must be there, and what is offered for each.

Belongs here: names of fields and the words of choices. Does not belong here: which question of a form holds a
field (`mentoring.form_headings`), and what an answer means (`mentoring.responses`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from mentoring.form_questions import OPEN_FIELDS
from mentoring.program import Program

FormName = Literal["mentor", "mentee", "confirmation", "request", "check_in", "evaluation"]

#: The address that the form's own sign-in collected; it proves who sent a response and is no part of it.
VERIFIED = "verified_email"
WITHDRAW = "Withdraw my application"
ACTIONS = ("Apply", WITHDRAW)
REQUESTS = (
    "I can't go on",
    "Our match isn't working out",
    "I'd like to pause for a while",
    "We'd like to go on after our pause",
)
REMATCH_ANSWERS = ("Yes, please", "No, thank you")
SIGNALS = (
    "We are in touch",
    "Not yet",
    "I haven't heard from my partner",
    "I'd like to talk to the committee",
)
RHYTHMS = ("Every two weeks", "Every month", "Every two months")
SHARE_PARTS = (
    "My goals",
    "My institution and position",
    "My telephone number",
    "My topics and focus areas",
)
QUOTE_ANSWERS = ("Yes", "No")

_APPLICATION = (
    "submitted_at email verified_email action name pronouns phone institution library_type years_experience "
    "focus_areas channels time_zone languages code_of_conduct career_stage "
)
#: Every field that a form may have; the evaluation has its questions' ids besides.
FIELDS: Mapping[FormName, tuple[str, ...]] = {
    "mentor": tuple((_APPLICATION + "capacity topics_offered experience_text").split()),
    "mentee": tuple((_APPLICATION + "desired_library_type topics_wanted goals_text share_consent").split()),
    "confirmation": ("submitted_at", "email", "token"),
    "request": ("submitted_at", "email", "token", "request", "until", "rematch", "comment"),
    "check_in": ("submitted_at", "token", "signal", "contacts", "rhythm", "fallback", "comment"),
    "evaluation": ("submitted_at", "token", "comment", "quote_consent"),
}
_NEEDED_BY_BOTH = "submitted_at email name years_experience focus_areas channels time_zone code_of_conduct "
#: Fields without which a form can't be read at all; program.yaml must name their questions.
NEEDED_FIELDS: Mapping[FormName, tuple[str, ...]] = {
    "mentor": tuple((_NEEDED_BY_BOTH + "capacity topics_offered").split()),
    "mentee": tuple((_NEEDED_BY_BOTH + "topics_wanted goals_text").split()),
    "confirmation": ("submitted_at", "token"),
    "request": ("submitted_at", "email", "request"),
    "check_in": ("submitted_at", "token", "signal"),
    "evaluation": ("submitted_at", "token"),
}
_LONG_TEXTS = frozenset({"goals_text", "experience_text", "comment"})


def list_fields(program: Program, form: FormName) -> tuple[str, ...]:
    """Every field that a form may have, the evaluation's questions included."""
    questions = program.evaluation if form == "evaluation" else ()
    unused = () if program.confirmation == "verified_address" else (VERIFIED,)
    fields = (name for name in FIELDS[form] if name not in unused)
    return (*fields, *(question.id for question in questions))


def list_forms(program: Program) -> tuple[FormName, ...]:
    """Every form that this program has: that of confirmations only where a link confirms."""
    return tuple(form for form in FIELDS if form != "confirmation" or program.confirmation == "link")


def list_choices(program: Program, form: FormName) -> dict[str, Sequence[str]]:
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


def list_options(program: Program, form: FormName) -> dict[str, Sequence[str]]:
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
        "rhythm": RHYTHMS,
    }


def list_long_texts(program: Program, form: FormName) -> frozenset[str]:
    """Fields whose line breaks are kept."""
    if form != "evaluation":
        return _LONG_TEXTS
    return _LONG_TEXTS | {question.id for question in program.evaluation if question.kind == "text"}


def list_closed_choices(program: Program, form: FormName) -> dict[str, Sequence[str]]:
    """Fields that take other words unless program.yaml says under `other` which do, and that it does not name there.

    With the options that the form offers for each. Fields that never take other words have rules of their own.
    """
    declared = program.forms[form].other
    if declared is None:
        return {}
    offered = list_choices(program, form) | list_options(program, form)
    multiple = [item.id for item in program.evaluation if item.kind == "multiple" and item.choices]
    openable = {"mentor": OPEN_FIELDS, "mentee": OPEN_FIELDS, "evaluation": multiple}.get(form, ())
    fields = list_fields(program, form)
    return {name: offered[name] for name in openable if name in fields and name not in declared}


def list_open_questions(program: Program) -> frozenset[str]:
    """Ids of the evaluation's questions whose form offers “Other”."""
    form = program.forms.get("evaluation")
    return frozenset(form.other or ()) if form else frozenset()
