"""Choices: the options that people ticked, in the words of the form, out of the text that the form made of them.

Belongs here: reading one cell against known options. Does not belong here: which options a field has
(`mentoring.form_fields`), and whether other words are acceptable (`tasks.validation`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from mentoring.cell_text import fold_case, fold_text

_MARKS = re.compile(r"[,;\n]")


def split_choices(text: str, options: Sequence[str]) -> list[str]:
    """Split a checkbox answer into its choices, in the spelling of `options`; other words stay as written.

    Choices are separated by commas, semicolons or line breaks, and options may contain these themselves: of
    all ways to read the text, the one with fewest unknown pieces wins, then the one with fewest pieces.
    """
    pieces = [piece for part in _MARKS.split(text) if (piece := fold_text(part))]
    keys = [fold_case(piece) for piece in pieces]
    known = _index_options(tuple(options))
    if _list_beginnings(tuple(options)).isdisjoint(keys):
        return [known.get((key,), piece) for key, piece in zip(keys, pieces, strict=True)]
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


@cache
def _list_beginnings(options: tuple[str, ...]) -> frozenset[str]:
    """First pieces of the options that hold a comma: only from there on there is more than one way to read."""
    return frozenset(parts[0] for parts in _index_options(options) if len(parts) > 1)


def _fold_pieces(text: str) -> tuple[str, ...]:
    return tuple(piece for part in _MARKS.split(text) if (piece := fold_case(part)))


def _walk(best: Sequence[tuple[int, int, int, str]]) -> Iterator[str]:
    start = 0
    while start < len(best) - 1:
        _, _, length, choice = best[start]
        yield choice
        start += length


def match_option(text: str, options: Sequence[str]) -> str:
    """The option that `text` means, whatever its case and apostrophes; `text` itself if it is none."""
    return _index_options(tuple(options)).get(_fold_pieces(text), text) if options else text
