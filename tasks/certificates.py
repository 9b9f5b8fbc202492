"""Certificates of participation as PDF.

Belongs here: the certificate's looks, the fonts of this machine, and whether they can write somebody's name. Does
not belong here: who gets one (`mentoring.completion`). typst is imported with the first certificate.
"""

from __future__ import annotations

import unicodedata
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mentoring.completion import Certificate

if TYPE_CHECKING:
    from typst import Fonts

#: A longer name, or a longer word in it, does not fit on its line at a size that does it honour.
_LONGEST_NAME, _LONGEST_WORD = 100, 40
_NO_GLYPH = "could not be displayed with font"


@lru_cache(maxsize=1024)
def can_write_certificate(certificate: Certificate) -> bool:
    """Whether the fonts of this machine show every character of it, and it fits."""
    return write_certificate(certificate) is not None


def write_certificate(certificate: Certificate) -> bytes | None:
    """The certificate as accessible PDF (PDF/UA-1); None where a character would be a box, or a name does not fit.

    The same certificate gives the same bytes on the same machine. A name that the fonts of the library can't write
    is tried with those of the system.
    """
    name = certificate.name.strip()
    words = name.replace("-", " ").split()
    if not words or len(name) > _LONGEST_NAME or max(map(len, words)) > _LONGEST_WORD:
        return None
    if any(unicodedata.category(character) in ("Co", "Cn", "Cs") for character in name):
        return None
    return _compile(certificate, with_system_fonts=False) or _compile(certificate, with_system_fonts=True)


def _compile(certificate: Certificate, with_system_fonts: bool) -> bytes | None:
    import typst

    facts = asdict(certificate) | {"fallback": "yes" if with_system_fonts else "no"}
    try:
        # As data, never as source: what people wrote can't act in it.
        found = typst.compile(
            _read_source(),
            font_paths=load_fonts(with_system_fonts),
            sys_inputs=facts,
            pdf_standards=["ua-1"],
        )
    except typst.TypstError as error:
        # The standard forbids characters without a glyph, so the compiler looks for them itself.
        if is_without_glyph(error.message):
            return None
        raise
    return bytes(found)


def is_without_glyph(message: str) -> bool:
    """Whether typst refused a text because no font has one of its characters."""
    return _NO_GLYPH in message


@lru_cache(maxsize=2)
def load_fonts(with_system_fonts: bool) -> Fonts:
    """The library's own fonts, or those of this machine besides."""
    from typst import Fonts

    return Fonts(include_system_fonts=with_system_fonts)


@lru_cache(maxsize=1)
def _read_source() -> bytes:
    return (Path(__file__).parent / "certificate.typ").read_bytes()
