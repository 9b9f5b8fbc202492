"""What one answer says: text of a cell in, a value in or “not usable”.

Belongs here: reading a scale, a choice and several choices without guessing. Does not belong here:
counting.
"""

from __future__ import annotations

from collections.abc import Sequence

SCALE = {str(step): step for step in range(1, 6)}


def _normalise(text: str) -> str:
    return " ".join(text.split()).casefold()


def read_scale(text: str) -> int | None:
    """Return 1 to 5, or None when the text is anything else."""
    return SCALE.get(text.strip())


def read_choice(text: str, options: Sequence[str]) -> str | None:
    """Return the option that the text is (case and spacing aside), or None when it is none of them."""
    wanted = _normalise(text)
    return next((option for option in options if _normalise(option) == wanted), None)


def read_choices(text: str, options: Sequence[str]) -> tuple[list[str], bool]:
    """Return the options ticked, in the form's order, and whether the text held anything else.

    Answers are joined by “; ” or, straight from a form, by “, ”. Options may contain both, so they are
    looked for whole, the longest first.
    """
    rest, ticked = _normalise(text), set[str]()
    by_length = sorted(options, key=len, reverse=True)
    is_clean = True
    while rest:
        option = next((each for each in by_length if _starts_with(rest, _normalise(each))), None)
        if option is None:
            is_clean = False
            rest = _skip_part(rest)
        else:
            ticked.add(option)
            rest = rest[len(_normalise(option)) :]
        rest = rest.lstrip(" ,;")
    return [option for option in options if option in ticked], not is_clean


def _starts_with(text: str, option: str) -> bool:
    return bool(option) and text.startswith(option) and text[len(option) :].lstrip()[:1] in ("", ",", ";")


def _skip_part(text: str) -> str:
    ends = [place for place in (text.find(";"), text.find(",")) if place >= 0]
    return text[min(ends) :] if ends else ""
