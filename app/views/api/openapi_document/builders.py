"""JSON Schema 2020-12, by a few functions that read like what they make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def obj(optional: Iterable[str] = (), **properties: Schema) -> Schema:
    """An object; all of its properties are required but the `optional` ones."""
    required = [name for name in properties if name not in set(optional)]
    schema: Schema = {"type": "object", "properties": properties}
    return schema | ({"required": required} if required else {})


def patch(**properties: Schema) -> Schema:
    """An object of which only what is sent counts."""
    return obj(properties, **properties)


def listed(items: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": items, **limits}


def text(maximum: int | None = None, **more: Any) -> Schema:
    return {"type": "string", **({"maxLength": maximum} if maximum else {}), **more}


def whole(minimum: int | None = None, maximum: int | None = None) -> Schema:
    limits = {"minimum": minimum, "maximum": maximum}
    return {"type": "integer", **{k: v for k, v in limits.items() if v is not None}}


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def nullable(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    more = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [schema["type"], "null"]} | more
