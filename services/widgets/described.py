"""What programs are written against: JSON Schema of every frame, and AsyncAPI of the conversation."""

from typing import Any, get_args

import msgspec

from mesh.health import VERSION
from schemas import widget
from schemas.widget import CLOSE_CODES, ClientFrame, ServerFrame


_REFERENCE = "#/components/schemas/{name}"


def json_schema() -> dict[str, Any]:
    """Every frame by its name, as JSON Schema 2020-12."""
    frames = [*get_args(ClientFrame), *get_args(ServerFrame)]
    _, components = msgspec.json.schema_components(frames, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tickmesh protocol 1",
        "description": widget.__doc__ or "",
        "anyOf": [{"$ref": f"#/$defs/{frame.__name__}"} for frame in frames],
        "$defs": components,
    }


def asyncapi() -> dict[str, Any]:
    """The conversation on `/ws`, as AsyncAPI 3."""
    frames = [*get_args(ClientFrame), *get_args(ServerFrame)]
    _, components = msgspec.json.schema_components(frames, ref_template=_REFERENCE)
    names = {frame.__name__: frame for frame in frames}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tickmesh Widget Data Service",
            "version": VERSION,
            "description": widget.__doc__ or "",
        },
        "defaultContentType": "application/json",
        "channels": {
            "ws": {
                "address": "/ws",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "x-close-codes": msgspec.to_builtins(CLOSE_CODES),
            }
        },
        "operations": {
            "say": _operation("receive", get_args(ClientFrame), "What a client sends."),
            "hear": _operation("send", get_args(ServerFrame), "What the service sends."),
        },
        "components": {
            "messages": {
                name: {
                    "name": frame.__struct_config__.tag,
                    "summary": (frame.__doc__ or "").partition("\n")[0],
                    "payload": {"$ref": _REFERENCE.format(name=name)},
                }
                for name, frame in names.items()
            },
            "schemas": components,
        },
    }


def _operation(action: str, frames: tuple[type, ...], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/ws"},
        "messages": [{"$ref": f"#/channels/ws/messages/{frame.__name__}"} for frame in frames],
    }
