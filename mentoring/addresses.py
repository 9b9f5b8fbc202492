"""E-mail addresses as people write them: what is wrong with one, and the key by which it is always the same.

Belongs here: the syntax of one address. Does not belong here: whose it is (`mentoring.applicants`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: RFC 5321, 4.5.3.1.3, without the angle brackets.
_LONGEST = 254
#: Addresses of letters, digits and a few marks, of which only the domain needs a closer look.
_SIMPLE = re.compile(r"(?=.{1,64}@)([A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*)@([A-Za-z0-9.-]+)")


def normalise_address(text: str) -> str | None:
    """The key by which one e-mail address is always the same, or None if `text` is not one plain address.

    Case and width of letters don't count, and an international domain is in its ASCII form.
    """
    address = _fold_width(text)
    if simple := _SIMPLE.fullmatch(address):
        domain = _check_domain(simple[2].lower())
        return f"{simple[1].lower()}@{domain}" if domain and len(address) <= _LONGEST else None
    import email_validator

    try:
        checked = email_validator.validate_email(address, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        return None
    return f"{_fold_width(checked.local_part.casefold())}@{checked.ascii_domain.lower()}"


# Most people have their address at one of a few places, and looking at a domain takes long.
@lru_cache(maxsize=1000)
def _check_domain(domain: str) -> str | None:
    """The ASCII form of a domain, or None if no address can be there."""
    import email_validator

    try:
        return email_validator.validate_email(
            f"x@{domain}", check_deliverability=False, strict=True
        ).ascii_domain.lower()
    except email_validator.EmailNotValidError:
        return None


def check_address(text: str) -> str | None:
    """What is wrong with an address, as a sentence that does not repeat it; None if it is fine."""
    import email_validator

    address = _fold_width(text)
    if not address:
        return "The e-mail address is empty."
    if len(re.findall(r"[^\s,;@]@[^\s,;@]", address)) > 1:
        return "There must be one address only."
    try:
        email_validator.validate_email(address, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError as error:
        return re.sub(r"\bAn email\b", "An e-mail", str(error)).replace(" email ", " e-mail ")
    return None


def _fold_width(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()
