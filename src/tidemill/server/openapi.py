"""The API's own description, read from the routes and the verbs' signatures."""

import re
from functools import lru_cache
from typing import Any

import msgspec

import tidemill
from tidemill.server.api import ROUTES
from tidemill.server.binding import bind
from tidemill.server.bodies import ErrorAnswer
from tidemill.server.routes import Route


@lru_cache(maxsize=1)
def document() -> dict[str, object]:
    """Return the OpenAPI 3.1 document of the API."""
    bounds = {route.verb: bind(route.verb) for route in ROUTES}
    kinds: list[Any] = [ErrorAnswer]
    for bound in bounds.values():
        kinds += [bound.input, bound.returns]
    schemas, components = msgspec.json.schema_components(
        kinds, schema_hook=lambda _: {"description": "any JSON value"}, ref_template="#/components/schemas/{name}"
    )
    shapes = iter(schemas[1:])
    by_verb = {verb: (next(shapes), next(shapes)) for verb in bounds}
    paths: dict[str, dict[str, object]] = {}
    for route in ROUTES:
        path = re.sub(r":path}", "}", route.path)
        taken, given = by_verb[route.verb]
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, taken, given, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tidemill", "version": tidemill.__version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(
    route: Route, taken: dict[str, object], given: dict[str, object], components: dict[str, object]
) -> dict[str, object]:
    bound = bind(route.verb)
    in_path = re.findall(r"{(\w+)(?::path)?}", route.path)
    shape = components[str(taken["$ref"]).rpartition("/")[2]]
    assert isinstance(shape, dict)  # noqa: S101 - msgspec describes a struct as an object
    properties: dict[str, object] = shape["properties"]
    required: list[str] = shape.get("required", [])
    parameters = [{"name": name, "in": "path", "required": True, "schema": properties[name]} for name in in_path]
    rest = [name for name in properties if name not in in_path]
    operation: dict[str, object] = {
        "operationId": route.verb,
        "tags": [bound.service],
        "summary": bound.summary,
        "description": bound.description,
        "x-permission": route.permission.value,
        "responses": {
            str(route.status): {"description": "Done", "content": {"application/json": {"schema": given}}},
            "default": {
                "description": "An error",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
            },
        },
    }
    if route.method in {"GET", "DELETE"}:
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": properties[name]} for name in rest
        ]
    elif rest:
        body = {
            "type": "object",
            "properties": {name: properties[name] for name in rest},
            "required": [name for name in rest if name in required],
            "additionalProperties": False,
        }
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    operation["parameters"] = parameters
    return operation
