"""Values against the schemas of the discovery document of Sheets v4, and refusals in Google's words.

Belongs here: whether a value is one of a schema: known fields only, kinds, enums, sizes of integers. Does not belong
here: methods and their parameters (`google_description`), field masks (`google_masks`).

The document comes with google-api-python-client. Its dialect is small, so the check is our own and fast; a test holds
it against jsonschema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import googleapiclient.discovery_cache


class RefusalError(Exception):
    """The service refuses a call: `status` in HTTP, `code` in Google's words, and its sentence."""

    def __init__(self, message: str, status: int = 400, code: str = "INVALID_ARGUMENT", **more: Any) -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.more = message, status, code, more


#: Says what is wrong with a value, beginning with its place; None if nothing is.
Check = Callable[[Any], str | None]

LIMITS = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}


@cache
def read_document() -> dict[str, Any]:
    """The discovery document of Sheets v4."""
    folder = Path(next(iter(googleapiclient.discovery_cache.__path__))) / "documents"
    document: dict[str, Any] = json.loads((folder / "sheets.v4.json").read_text(encoding="utf-8"))
    return document


def find_fault(schema: str, value: Any) -> str | None:
    """What is wrong with a value of this schema, in words; None if nothing is."""
    fault = _check_schema(schema)(value)
    return None if fault is None else f"Invalid value at '{fault.lstrip('.')}"


@cache
def _check_schema(name: str) -> Check:
    return _make_check(read_document()["schemas"][name])


def _make_check(field: Mapping[str, Any]) -> Check:
    if "$ref" in field:
        # Schemas hold each other in circles: the other one is looked up when it is needed.
        return lambda value: _check_schema(field["$ref"])(value)
    if field["type"] == "object":
        return _make_object_check(field)
    if field["type"] == "array":
        return _make_array_check(_make_check(field["items"]))
    if field["type"] == "integer":
        return _make_integer_check(*LIMITS[field["format"]])
    if "enum" in field:
        words = frozenset(field["enum"])
        return lambda value: None if isinstance(value, str) and value in words else f"' (enum), {value!r}"
    return {
        "string": _check_string,
        "boolean": _check_boolean,
        "number": _check_number,
        "any": _check_scalar,
    }[field["type"]]


def _make_object_check(field: Mapping[str, Any]) -> Check:
    checks = {name: _make_check(inner) for name, inner in field.get("properties", {}).items()}
    others = _make_check(field["additionalProperties"]) if "additionalProperties" in field else None

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return f"' (object), {value!r}"
        for name, item in value.items():
            one = checks.get(name, others)
            if one is None:
                return f'\': Unknown name "{name}": Cannot find field.'
            fault = one(item)
            if fault is not None:
                return f".{name}{fault}"
        return None

    return check


def _make_array_check(one: Check) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return f"' (array), {value!r}"
        for number, item in enumerate(value):
            fault = one(item)
            if fault is not None:
                return f"[{number}]{fault}"
        return None

    return check


def _make_integer_check(least: int, most: int) -> Check:
    def check(value: Any) -> str | None:
        whole = value.is_integer() if isinstance(value, float) else isinstance(value, int)
        return (
            None
            if whole and not isinstance(value, bool) and least <= value <= most
            else f"' (integer), {value!r}"
        )

    return check


def _check_string(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"' (string), {value!r}"
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        return "' (string), not valid UTF-8"
    return None


def _check_boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"' (boolean), {value!r}"


def _check_number(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if is_number and isfinite(value) else f"' (number), {value!r}"


def _check_scalar(value: Any) -> str | None:
    # The document says “any” for cells' values, and its words that they are text, numbers, booleans or null.
    if value.__class__ is str:
        return _check_string(value)
    return None if value is None or isinstance(value, bool) else _check_number(value)
