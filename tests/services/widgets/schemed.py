"""As much of JSON Schema 2020-12 as the schemas of frames use; a keyword that is not known here fails the test."""

from collections.abc import Callable, Iterator
from typing import Any


Schema = dict[str, Any]
_NOTES = {"title", "description", "default", "$schema", "$defs"}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


def resolve(document: Any, reference: str) -> Any:
    """What *reference* points at in *document*. Raises KeyError: nothing is there."""
    assert reference.startswith("#/"), reference
    for part in reference.removeprefix("#/").split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def references(document: Any) -> Iterator[str]:
    """Every `$ref` in *document*."""
    if isinstance(document, dict):
        if isinstance(document.get("$ref"), str):
            yield document["$ref"]
        document = list(document.values())
    if isinstance(document, list):
        for each in document:
            yield from references(each)


def faults(value: Any, schema: Schema, document: Schema, place: str = "$") -> Iterator[str]:
    """Where *value* is not as *schema* of *document* says, in words."""
    for keyword, wanted in schema.items():
        if keyword == "$ref":
            yield from faults(value, resolve(document, wanted), document, place)
        elif keyword == "anyOf":
            if not any(not [*faults(value, each, document, place)] for each in wanted):
                yield f"{place} is none of its kinds"
        elif keyword in ("properties", "items", "prefixItems", "additionalProperties"):
            yield from _inside(keyword, value, schema, document, place)
        elif keyword not in _NOTES and not _CHECKS[keyword](value, wanted):
            yield f"{place}: {keyword} must be {wanted}"


def _inside(
    keyword: str, value: Any, schema: Schema, document: Schema, place: str
) -> Iterator[str]:
    wanted = schema[keyword]
    if keyword == "properties" and isinstance(value, dict):
        for name in wanted.keys() & value.keys():
            yield from faults(value[name], wanted[name], document, f"{place}.{name}")
    if keyword == "additionalProperties" and isinstance(value, dict):
        assert wanted is False
        yield from (
            f"{place}.{name} is too much" for name in value.keys() - schema["properties"].keys()
        )
    if keyword == "prefixItems" and isinstance(value, list):
        for number, (each, kind) in enumerate(zip(value, wanted, strict=False)):
            yield from faults(each, kind, document, f"{place}[{number}]")
    if keyword == "items" and isinstance(value, list):
        rest = value[len(schema.get("prefixItems", ())) :]
        if wanted is False:
            yield from (f"{place} is too long" for _ in rest[:1])
        else:
            for each in rest:
                yield from faults(each, wanted, document, f"{place}[]")


def _is_of(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _number(check: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: not isinstance(value, int | float) or check(value, wanted)


def _length(
    kind: type[str] | type[list[Any]], check: Callable[[int, int], bool]
) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: not isinstance(value, kind) or check(len(value), wanted)


_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "type": _is_of,
    "enum": lambda value, wanted: value in wanted,
    "required": lambda value, wanted: not isinstance(value, dict) or set(wanted) <= set(value),
    "minimum": _number(lambda value, wanted: value >= wanted),
    "maximum": _number(lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _number(lambda value, wanted: value > wanted),
    "exclusiveMaximum": _number(lambda value, wanted: value < wanted),
    "minLength": _length(str, lambda value, wanted: value >= wanted),
    "maxLength": _length(str, lambda value, wanted: value <= wanted),
    "minItems": _length(list, lambda value, wanted: value >= wanted),
    "maxItems": _length(list, lambda value, wanted: value <= wanted),
}
