"""How a message becomes a subject, plain text and HTML from its facts.

Belongs here: rendering, and the check of the facts (the kinds are `mentoring.message_kinds`). Does not belong
here: the words (`mentoring/templates`), when a message is due, and how it is sent. Jinja2 and css-inline are
imported when the first message is rendered.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mentoring.errors import PlainError
from mentoring.message_kinds import KINDS, OPTIONAL_FACTS, MessageKind
from mentoring.message_markdown import (
    Markdown,
    clean_line,
    escape_line,
    escape_prose,
    join_words,
    link_addresses,
    link_to,
    mail_to,
    render_markdown,
    write_line,
)

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = [
    "KINDS",
    "SUBJECT_LIMIT",
    "TEMPLATES",
    "Attachment",
    "MessageError",
    "MessageKind",
    "RenderedMessage",
    "check_facts",
    "hash_body",
    "render_message",
]

SUBJECT_LIMIT = 120


class MessageError(PlainError, ValueError):
    """A message can't be rendered; the text names kind and cause in one sentence, without personal data."""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message: `name` with its extension, `media_type` like `text/calendar`."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class RenderedMessage:
    """What a recipient gets: `subject` on one line, `text` plain, `html` a whole page, styles inlined."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)


#: Templates that a program's folder may replace, by file name.
TEMPLATES = (*(f"{name}.md" for name in KINDS), "greeting.md", "signature.md", "footer.md", "layout.html")


def render_message(
    kind: str, context: Mapping[str, Any], overrides: Mapping[str, str] | None = None
) -> RenderedMessage:
    """Render one message from its facts; the same input gives the same output.

    `overrides` maps names of `TEMPLATES` to the source that replaces them. Raises `MessageError` if the kind
    or a template is unknown, a fact is missing, or a template does not work.
    """
    facts = {**context, "kind": _require_kind(kind).name}
    check_facts(kind, context)
    letters, pages = _load_environments(tuple(sorted((overrides or {}).items())))
    first_line, body = _split_subject(kind, _fill(letters, f"{kind}.md", facts))
    parts = (_fill(letters, "greeting.md", facts), body, _fill(letters, "signature.md", facts))
    body_html, body_text = render_markdown("\n\n".join(parts))
    footer_html, footer_text = _render_footer(_fill(letters, "footer.md", facts))
    subject = shorten_subject(write_line(first_line))
    page = {**facts, "subject": subject, "body": body_html, "footer": footer_html}
    text = f"{body_text}\n\n-- \n{footer_text}\n"
    return RenderedMessage(subject, text, _inline_styles(_fill(pages, "layout.html", page)))


def hash_body(rendered: RenderedMessage) -> str:
    """SHA-256 of subject, text and HTML, 64 hexadecimal digits: shows that a queued message is unchanged."""
    whole = json.dumps([rendered.subject, rendered.text, rendered.html], ensure_ascii=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def check_facts(kind: str, context: Mapping[str, Any]) -> None:
    """Raise `MessageError` naming the first fact that this kind needs and `context` does not hold."""
    known = _require_kind(kind)
    for path in known.required:
        if not _holds(context, path.split("."), path in OPTIONAL_FACTS):
            raise MessageError(f"The message “{known.label}” needs the fact “{path}”, which was not given.")


def _holds(value: Any, path: list[str], may_be_none: bool) -> bool:
    key, *rest = path
    name = key.removesuffix("[]")
    if not isinstance(value, Mapping) or name not in value:
        return False
    inner = value[name]
    if inner is None:
        return may_be_none
    if not rest:
        return True
    if key.endswith("[]"):
        return isinstance(inner, (list, tuple)) and all(_holds(each, rest, may_be_none) for each in inner)
    return _holds(inner, rest, may_be_none)


def shorten_subject(text: str) -> str:
    """One line of at most `SUBJECT_LIMIT` characters, cut between words where there is a space, then “…”."""
    line = clean_line(text)
    if len(line) <= SUBJECT_LIMIT:
        return line
    words, _, _ = line[:SUBJECT_LIMIT].rpartition(" ")
    # Without a space near the end (one long word, or a script without spaces) the cut is where it must be.
    cut = words if len(words) > SUBJECT_LIMIT // 2 else line[: SUBJECT_LIMIT - 1]
    return f"{cut.rstrip(' ,;:-')}…"


def _require_kind(kind: str) -> MessageKind:
    if kind not in KINDS:
        raise MessageError(f"There is no message of the kind “{kind}”; there are {', '.join(sorted(KINDS))}.")
    return KINDS[kind]


def _split_subject(kind: str, letter: str) -> tuple[str, str]:
    found = re.match(r"\s*Subject:[ \t]*(\S[^\n]*)(?:\n|\Z)", letter)
    if not found:
        raise MessageError(f"The template {kind}.md must begin with a line “Subject: …”.")
    return found[1], letter[found.end() :]


#: Most messages of a run end alike.
_render_footer = lru_cache(maxsize=8)(render_markdown)


@lru_cache(maxsize=8)
def _load_environments(overrides: tuple[tuple[str, str], ...]) -> tuple[Environment, Environment]:
    """Two Jinja environments over the same templates: one writes Markdown, one writes the HTML around it."""
    from jinja2 import ChoiceLoader, DictLoader, PackageLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    for name, _ in overrides:
        if name not in TEMPLATES:
            raise MessageError(
                f"There is no template “{name}” to replace; there are {', '.join(sorted(TEMPLATES))}."
            )
    loader = ChoiceLoader([DictLoader(dict(overrides)), PackageLoader("mentoring", "templates")])
    settings: dict[str, Any] = {
        "loader": loader,
        "undefined": StrictUndefined,
        "autoescape": True,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    letters = ImmutableSandboxedEnvironment(**settings, finalize=_escape_output)
    letters.globals.update(link_to=link_to, mail_to=mail_to)
    letters.filters.update(join_words=join_words, prose=escape_prose, linked=link_addresses)
    return letters, ImmutableSandboxedEnvironment(**settings)


def _escape_output(value: object) -> object:
    """What Jinja does to each `{{ … }}` of a letter: escape all but Markdown; None is a mistake."""
    from markupsafe import Markup

    if value is None:
        raise MessageError("A template shows a fact that is empty (None); put it inside {% if … %}.")
    # `str` of Markup is not finished Markdown: a filter such as `e` must not open a way around the escaping.
    return Markup(value if isinstance(value, Markdown) else escape_line(str(value)))  # noqa: S704


def _fill(environment: Environment, name: str, facts: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    try:
        return environment.get_template(name).render(facts)
    except TemplateError as error:
        raise MessageError(
            f"The template {name} does not work: {error.message or type(error).__name__}."
        ) from error
    except (TypeError, ArithmeticError, LookupError) as error:
        # The text of these may quote a person's answer.
        raise MessageError(f"The template {name} does not work: {type(error).__name__}.") from None


def _inline_styles(page: str) -> str:
    from css_inline import CSSInliner

    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False).inline(page)
