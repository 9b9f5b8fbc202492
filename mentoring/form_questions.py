"""How `program.yaml` names the questions of a form: letter by letter, by a pattern, or as a grid.

Belongs here: the shape of these settings. Does not belong here: finding the questions among headings
(`mentoring.form_headings`).
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

#: Fields of an application whose question may offer “Other”: two people can be matched without knowing the word.
OPEN_FIELDS = ("focus_areas", "channels", "topics_offered", "library_type", "desired_library_type")
#: How the heading of a grid's question ends in program.yaml: it stands for every row of the grid.
ALL_ROWS = " [*]"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"the pattern can't be read ({error}); correct it, or write the question itself"
        ) from None
    return pattern


class HeadingPattern(_Settings):
    """One question whose wording changes: the one heading that a regular expression finds."""

    pattern: Annotated[str, AfterValidator(_check_pattern)] = Field(
        description="Regular expression that finds the heading, like ^Which topics", min_length=1
    )


class Grid(_Settings):
    """A grid, of which the sheet has a column per row: “Question [Row]”.

    Without `choose` the answers in the cells count, in the order of the columns. With it the rows are the choices:
    those count whose answer is one of `choose`, in the order of that list (a ranking).
    """

    grid: str = Field(description="The question, without the row in brackets", min_length=1)
    choose: list[str] = Field(default_factory=list, description="Answers that choose a row, best first")


def _tell_kind(value: Any) -> str | None:
    if isinstance(value, (HeadingPattern, Grid)):
        return "pattern" if isinstance(value, HeadingPattern) else "grid"
    if isinstance(value, dict):
        return next((kind for kind in ("pattern", "grid") if kind in value), None)
    return "list" if isinstance(value, list) else "question"


# Told apart before they are read, so that a mistake is said in one sentence instead of one for each kind.
_KINDS = Discriminator(
    _tell_kind,
    custom_error_type="question_form",
    custom_error_message="Write the question, or {pattern: …} for a heading that changes, or {grid: …}",
)
_Entry = Annotated[
    Annotated[str, Tag("question")] | Annotated[HeadingPattern, Tag("pattern")],
    _KINDS,
]
#: A form's field is one question, or several whose answers belong together in order (a ranking). A text that ends
#: with “[*]” is a grid.
Questions = Annotated[
    Annotated[str, Tag("question")]
    | Annotated[HeadingPattern, Tag("pattern")]
    | Annotated[Grid, Tag("grid")]
    | Annotated[list[_Entry], Tag("list")],
    _KINDS,
]


class Form(_Settings):
    """One tab of the forms spreadsheet: which question holds which field."""

    tab: str = Field(description="Name of the tab that holds the responses")
    fields: dict[str, Questions] = Field(
        description="Field → question as the heading shows it, or a list of questions, a pattern or a grid"
    )
    other: list[str] | None = Field(
        None,
        description="Fields whose question offers “Other”; without this line all that may (see OPEN_FIELDS)",
    )
