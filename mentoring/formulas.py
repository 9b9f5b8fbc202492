"""Which texts a spreadsheet program could take for a formula, and how an export keeps them harmless.

Belongs here: the rule about text. Does not belong here: writing cells (`tasks`).
"""

from __future__ import annotations

import unicodedata

_STARTS_FORMULA = frozenset("=+-@|%")
#: Control and format characters and every kind of space: programs skip or drop them before a formula.
_SKIPPED = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


def acts_as_formula(text: str) -> bool:
    """Tell whether a spreadsheet program could run the text when it is typed, imported or edited.

    Judged on a copy in compatibility form (so that a wide “=” counts too), at its first character that is
    neither a space nor invisible. “+1 808 555 0100” and “-5” count as well: they would lose their shape.
    """
    for character in unicodedata.normalize("NFKC", text):
        if unicodedata.category(character) not in _SKIPPED:
            return character in _STARTS_FORMULA
    return False


def guard_formula(text: str) -> str:
    """Return the text for a CSV or another export, with an apostrophe first if it could act as a formula."""
    return f"'{text}" if acts_as_formula(text) else text
