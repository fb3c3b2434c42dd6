"""Values that a database or a calendar cannot hold, put in the place of every value an endpoint takes."""

from collections.abc import Iterator
from typing import Any

TOO_MUCH: dict[str, Any] = {
    "2^63": 2**63,
    "long": "x" * 10_000,
    "null": None,
    "NUL": "a\0b",
    "surrogate": "a\ud800b",
    "year 1": "0001-01-01T00:00:00+14:00",
    "year 9999": "9999-12-31T23:59:59-12:00",
    "empty": "",
}


def example(schema: dict[str, Any], spec: dict[str, Any]) -> Any:  # noqa: C901, PLR0911 - one line for each kind
    """Return a value that fits a schema of the OpenAPI document, as plain as it can be."""
    if "$ref" in schema:
        found = spec
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return example(found, spec)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return example(schema[several][0], spec)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            return {name: example(each, spec) for name, each in schema.get("properties", {}).items()}
        case "array":
            return [example(schema.get("items", {}), spec)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    form = schema.get("format")
    return {"date-time": "2026-03-09T12:00:00+08:00", "date": "2026-03-09"}.get(str(form), "may")


def spoilt(value: Any, bad: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield a body once for each value in it, with that value replaced, and where it stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            for where, changed in spoilt(inner, bad, (*path, name)):
                yield where, {**value, name: changed}
    elif isinstance(value, list) and value:
        for where, changed in spoilt(value[0], bad, path):
            yield where, [changed, *value[1:]]
    if path:
        yield ".".join(path), bad
