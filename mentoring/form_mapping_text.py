"""The proposal for program.yaml as text: the `forms:` part as YAML, with remarks where a person must look.

Belongs here: words and layout. Does not belong here: what is proposed (`mentoring.form_mapping`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from mentoring.form_fields import NEEDED_FIELDS, FormName
from mentoring.form_headings import Asked, as_list
from mentoring.form_mapping import FieldProposal, FormProposal, MappingProposal
from mentoring.form_questions import Grid, HeadingPattern
from mentoring.program import Program

_INTRODUCTION = """\
# Proposed from the headings of the forms' spreadsheet. Look through it, then put it into program.yaml in place of
# the part that begins with “forms:”. What is only alike is marked “please check”; what could not be placed is named.
"""
#: Characters that YAML keeps in a text between quotes; the others are written by their number.
_KEPT = re.compile(r"[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def write_mapping(proposal: MappingProposal, program: Program) -> str:
    """The proposal as YAML that program.yaml can take over; every form and heading without a place is in a remark."""
    lines = [_INTRODUCTION, "forms:"]
    for form in proposal.forms:
        lines += _write_form(form, program)
    if proposal.spare_tabs:
        lines.append(f"# Tabs that no form uses: {_list_texts(proposal.spare_tabs)}")
    return "\n".join(lines) + "\n"


def _write_form(proposal: FormProposal, program: Program) -> Iterator[str]:
    described = program.forms.get(proposal.form)
    if proposal.tab is None:
        wanted = f" program.yaml calls it {quote_text(described.tab)}." if described else ""
        yield f"  # {proposal.form}: there is no tab whose questions fit this form.{wanted}"
        yield ""
        return
    remark = "  # please check: chosen by its questions" if proposal.tab_likeness == "similar" else ""
    yield f"  {proposal.form}:"
    yield f"    tab: {quote_text(proposal.tab)}{remark}"
    if described and described.other is not None:
        yield f"    other: [{', '.join(described.other)}]"
    # Without a single field the key must still hold something.
    yield "    fields:" if proposal.fields else "    fields: {}"
    for field in proposal.fields:
        yield from _write_field(field)
    for name in proposal.missing:
        yield f"      # {name}: no question was found for it{_describe_need(proposal.form, name)}"
    if proposal.spare:
        yield f"    # Questions that nothing reads: {_list_texts(proposal.spare)}"
    yield ""


def _describe_need(form: FormName, field: str) -> str:
    return "; the form can't be read without it" if field in NEEDED_FIELDS[form] else ", and it may stay away"


def _write_field(proposal: FieldProposal) -> Iterator[str]:
    remark = (
        f"  # please check: like {quote_text(proposal.compared)}" if proposal.likeness == "similar" else ""
    )
    entries = as_list(proposal.questions)
    if not isinstance(proposal.questions, list):
        yield f"      {proposal.field}: {_write_entry(entries[0])}{remark}"
        return
    yield f"      {proposal.field}:{remark}"
    for entry in entries:
        yield f"        - {_write_entry(entry)}"


def _write_entry(entry: Asked) -> str:
    if isinstance(entry, HeadingPattern):
        return f"{{pattern: {quote_text(entry.pattern)}}}"
    if isinstance(entry, Grid):
        choose = f", choose: [{_list_texts(entry.choose)}]" if entry.choose else ""
        return f"{{grid: {quote_text(entry.grid)}{choose}}}"
    return quote_text(entry)


def _list_texts(texts: Sequence[str]) -> str:
    return ", ".join(quote_text(text) for text in texts)


def quote_text(text: str) -> str:
    """A text in quotation marks as YAML reads it back, on one line."""
    return _KEPT.sub(lambda found: json.dumps(found[0])[1:-1], json.dumps(text, ensure_ascii=False))
