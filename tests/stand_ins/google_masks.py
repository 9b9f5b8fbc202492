"""Field masks: which parts of a message a call is about.

Belongs here: reading a mask, thinning a reply by it, changing a message by it. Does not belong here: what the message
means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .google_schema import RefusalError, read_document

Mask = Mapping[str, Any]


def parse_mask(text: str) -> dict[str, Any]:
    """A field mask such as `a.b,c(d,e/f)` as a tree; `*` stands for everything. Raises `RefusalError`."""
    tokens = re.findall(r"[\w*]+|[,()./]|\S", text)
    position = 0

    def read_list() -> dict[str, Any]:
        nonlocal position
        tree: dict[str, Any] = {}
        while True:
            read_item(tree)
            if position < len(tokens) and tokens[position] == ",":
                position += 1
                continue
            return tree

    def read_item(tree: dict[str, Any]) -> None:
        nonlocal position
        if position >= len(tokens) or not re.fullmatch(r"\w+|\*", tokens[position]):
            raise RefusalError(f"Invalid field mask: {text}")
        branch = tree.setdefault(tokens[position], {})
        position += 1
        if position < len(tokens) and tokens[position] in "./":
            position += 1
            read_item(branch)
        elif position < len(tokens) and tokens[position] == "(":
            position += 1
            branch.update(read_list())
            if position >= len(tokens) or tokens[position] != ")":
                raise RefusalError(f"Invalid field mask: {text}")
            position += 1

    tree = read_list()
    if position != len(tokens):
        raise RefusalError(f"Invalid field mask: {text}")
    return tree


def check_mask(mask: Mask, schema: str, where: str = "") -> None:
    """Raises `RefusalError` if the mask names a field that the schema doesn't have."""
    fields = read_document()["schemas"][schema].get("properties", {})
    for name, inner in mask.items():
        if name == "*":
            continue
        path = f"{where}.{name}".lstrip(".")
        if name not in fields:
            raise RefusalError(f"Invalid field: {path}")
        field = fields[name]
        target = field.get("$ref") or field.get("items", {}).get("$ref")
        if target:
            check_mask(inner, target, path)
        elif inner and field["type"] != "object":
            raise RefusalError(f"Invalid field: {path}.{next(iter(inner))}")


def apply_mask(mask: Mask, value: Any) -> Any:
    """The parts of a value that the mask names."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [apply_mask(mask, item) for item in value]
    if not isinstance(value, dict):
        return value
    # Whoever makes rows of cells has applied the mask to them.
    return {
        name: item if name == "rowData" else apply_mask(mask[name], item)
        for name, item in value.items()
        if name in mask
    }


def merge_by_mask(mask: Mask, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    """The old value with the fields of the mask as in the new one: set where it has them, else cleared."""
    old, new = dict(old or {}), dict(new or {})
    if "*" in mask:
        return new
    for name, inner in mask.items():
        if not inner or "*" in inner or not isinstance(old.get(name, {}), dict):
            merged: Any = new.get(name)
        else:
            merged = merge_by_mask(inner, old.get(name), new.get(name)) or None
        if merged is None:
            old.pop(name, None)
        else:
            old[name] = merged
    return old


def read_mask(request: Mapping[str, Any], schema: str) -> dict[str, Any]:
    """The mask of an update, which has to name fields that there are. Raises `RefusalError`."""
    if not request.get("fields"):
        raise RefusalError("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    mask = parse_mask(request["fields"])
    check_mask(mask, schema)
    return mask
