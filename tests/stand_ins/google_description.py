"""The methods of the Sheets API, read from its discovery document, and checks of what goes in and comes out.

Belongs here: which method a call is, its parameters, its body and reply. Does not belong here: what a method does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from .google_schema import RefusalError, find_fault, read_document


class InvalidReplyError(AssertionError):
    """The stand-in was about to answer what the real service never could."""


@dataclass(frozen=True)
class Method:
    """One method of the API: `name` such as `values.batchGet`, and what the description says about it."""

    name: str
    verb: str
    pattern: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]
    request: str | None
    response: str
    scopes: frozenset[str]

    @property
    def kind(self) -> str:
        """ "read" or "write", as the quotas count."""
        return (
            "read"
            if self.verb == "GET"
            or (
                self.name.endswith(("ByDataFilter", ".search"))
                and ("Update" not in self.name and "Clear" not in self.name)
            )
            else "write"
        )


@cache
def list_methods() -> tuple[Method, ...]:
    """Every method of the API."""

    def walk(resource: Mapping[str, Any]) -> Iterator[Method]:
        for method in resource.get("methods", {}).values():
            yield Method(
                name=method["id"].removeprefix("sheets.spreadsheets."),
                verb=method["httpMethod"],
                pattern=_compile_path(method["path"]),
                parameters=method["parameters"],
                request=method.get("request", {}).get("$ref"),
                response=method["response"]["$ref"],
                scopes=frozenset(method["scopes"]),
            )
        for inner in resource.get("resources", {}).values():
            yield from walk(inner)

    # Paths that end in a verb (":append") come before those that would take the verb for part of a range.
    return tuple(sorted(walk(read_document()), key=lambda method: -method.pattern.pattern.count(":")))


def _compile_path(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    literal = [re.escape(part) for part in parts]
    groups = [f"(?P<{part}>[^/]+)" if number % 2 else literal[number] for number, part in enumerate(parts)]
    return re.compile("/" + "".join(groups))


def find_method(verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
    """The method of a call and the parameters in its path (still quoted in `path`, unquoted here)."""
    for method in list_methods():
        found = method.pattern.fullmatch(path)
        if found and method.verb == verb:
            return method, {name: unquote(text) for name, text in found.groupdict().items()}
    return None


def read_parameters(method: Method, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The query's parameters by name, typed. Raises `RefusalError` for what the method doesn't know."""
    known = {**read_document()["parameters"], **method.parameters}
    read: dict[str, Any] = {}
    for name, texts in query.items():
        if name not in known:
            raise RefusalError(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                f"Field '{name}' could not be found in request message."
            )
        values = [_read_parameter(name, known[name], text) for text in texts]
        read[name] = values if known[name].get("repeated") else values[-1]
    return read


def _read_parameter(name: str, description: Mapping[str, Any], text: str) -> Any:
    if description["type"] == "boolean":
        if text.casefold() not in ("true", "false"):
            raise RefusalError(f"Invalid value at '{name}' (TYPE_BOOL), \"{text}\"")
        return text.casefold() == "true"
    if description["type"] == "integer":
        return int(text)
    if "enum" in description and text not in description["enum"]:
        raise RefusalError(f"Invalid value at '{name}' ({description['enum'][0]}), \"{text}\"")
    return text


def check_request(method: Method, body: Any) -> dict[str, Any]:
    """The body without nulls outside of values. Raises `RefusalError` if the description doesn't allow it."""
    if method.request is None:
        if body not in (None, {}):
            raise RefusalError("Invalid JSON payload received. Unexpected body.")
        return {}
    body = drop_nulls({} if body is None else body)
    fault = find_fault(method.request, body)
    if fault:
        raise RefusalError(f"Invalid JSON payload received. {fault}")
    return dict(body)


def check_reply(method: Method, reply: Any) -> None:
    """Raises `InvalidReplyError` if the description doesn't allow the reply (a mask may have thinned it)."""
    if fault := find_fault(method.response, reply):
        raise InvalidReplyError(f"{method.name} would answer: {fault}")


def drop_nulls(value: Any) -> Any:
    """The value without members that are null, as the service reads it; nulls among cells' values stay."""
    if isinstance(value, dict):
        return {
            name: item if name == "values" and _is_grid(item) else drop_nulls(item)
            for name, item in value.items()
            if item is not None
        }
    return [drop_nulls(item) for item in value] if isinstance(value, list) else value


def _is_grid(item: Any) -> bool:
    return isinstance(item, list) and all(isinstance(row, list) for row in item)
