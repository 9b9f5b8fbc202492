"""E-mail addresses: one key for one address, and a sentence for what is none."""

from __future__ import annotations

import email_validator
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentoring.addresses import check_address, normalise_address


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (" ADA@Example.ORG ", "ada@example.org"),
        ("\uff41\uff44\uff41\uff20example.org", "ada@example.org"),
        ("zoë@exämple.org", "zoë@xn--exmple-cua.org"),
        ("ZOE\u0308@XN--EXMPLE-CUA.org", "zoë@xn--exmple-cua.org"),
        ("ada@library.example", "ada@library.example"),
        ("ada+news@example.net", "ada+news@example.net"),
    ],
)
def test_normalise_address(text: str, key: str) -> None:
    assert normalise_address(text) == key
    assert check_address(text) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The e-mail address is empty."),
        ("maria.gomez(at)example.org", "An e-mail address must have an @-sign."),
        ("someone@example", "The part after the @-sign is not valid. It should have a period."),
        ("a@example.org, b@example.org", "There must be one address only."),
        (
            "Ada <ada@example.org>",
            "A display name and angle brackets around the e-mail address are not permitted here.",
        ),
        ("ada@example.org\nBcc: b@example.org", "There must be one address only."),
        ("@example.org", "There must be something before the @-sign."),
    ],
)
def test_check_address(text: str, sentence: str) -> None:
    assert check_address(text) == sentence
    assert normalise_address(text) is None


@settings(deadline=None)
@given(st.emails() | st.text(max_size=20) | st.text(max_size=6).map("{}@example.org".format))
def test_address_has_a_key_exactly_if_nothing_is_wrong_with_it(text: str) -> None:
    key = normalise_address(text)
    assert (key is None) == (check_address(text) is not None)
    if key is not None:
        assert normalise_address(key) == key
        assert normalise_address(f" {text.upper()} ") in (key, None)
        assert not set(key) & set(' \r\n,;<>"')


PLACES = (
    "example.org EXAMPLE.org localhost a.test x.invalid xn--exmple-cua.org xn--a.org 1.2.3.4 a.local -a.org a-.org "
    f"ab--c.org a.b a.1 {'a' * 63}.org {'a' * 64}.org {'a.' * 125}org"
)
names = st.from_regex(r"[A-Za-z0-9]{1,3}(?:[._+-]{1,2}[A-Za-z0-9]{1,3}){0,2}", fullmatch=True) | st.text(
    "a.", max_size=70
)
places = st.from_regex(
    r"[a-zA-Z0-9-]{1,4}(?:[.-]{1,2}[a-z0-9A-Z]{1,4}){0,2}", fullmatch=True
) | st.sampled_from(PLACES.split())


@settings(deadline=None)
@given(names, places)
def test_simple_addresses_are_judged_like_all_others(name: str, place: str) -> None:
    address = f"{name}@{place}"
    try:
        checked = email_validator.validate_email(address, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        assert normalise_address(address) is None
    else:
        assert normalise_address(address) == f"{checked.local_part.lower()}@{checked.ascii_domain.lower()}"


@pytest.mark.parametrize(("length", "is_fine"), [(254, True), (255, False)])
def test_the_longest_address(length: int, is_fine: bool) -> None:
    domain = ".".join(["a" * 60] * 3) + ".org"
    address = f"{'b' * (length - 1 - len(domain) - 4)}@ccc.{domain}"
    assert len(address) == length
    assert (normalise_address(address) is not None) == is_fine == (check_address(address) is None)


@pytest.mark.parametrize(("length", "is_fine"), [(64, True), (65, False)])
def test_the_longest_part_before_the_sign(length: int, is_fine: bool) -> None:
    address = f"{'b' * length}@example.org"
    assert (normalise_address(address) is not None) == is_fine == (check_address(address) is None)
