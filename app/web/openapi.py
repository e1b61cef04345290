"""The OpenAPI document: APIFlask collects it from the routes, this module adds what all of them share.

Every answer's envelope, every operation's failures as problem+json, its security and its
Idempotency-Key follow from the route's method, path and policy."""

from __future__ import annotations

import re
from typing import Any

from apiflask import APIFlask
from flask import current_app
from werkzeug.routing import Rule

from app.web.openapi_parts import IDEMPOTENCY_KEY, PROBLEM, SECURITY, SECURITY_SCHEMES, TEXT, enveloped
from app.web.paths import IdConverter
from app.web.policy import Who, policy_of

Operation = dict[str, Any]
PLACEHOLDER = re.compile(r"<(?:([^<:(]+)(?:\([^)]*\))?:)?([^>]+)>")
#: What the URL map takes at a placeholder; anything else is not found.
PATH_SCHEMAS = {
    "id": {"type": "string", "pattern": f"^{IdConverter.regex}$"},
    "uuid": {"type": "string", "format": "uuid"},
}
WRITES = {"post", "put", "patch", "delete"}


def install(app: APIFlask) -> None:
    app.config.update(
        AUTO_OPERATION_ID=True,
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        SERVERS=[{"url": "/"}],
        DESCRIPTION="Booking that never gives one slot to two people. Every failure is a problem+json.",
        LICENSE={"name": "MIT", "identifier": "MIT"},
        SECURITY_SCHEMES=SECURITY_SCHEMES,
    )
    app.spec_processor(_complete)


def _complete(spec: dict[Any, Any] | str) -> dict[Any, Any] | str:
    if isinstance(spec, str):
        raise AssertionError("SPEC_FORMAT is json, so the document is a dict")
    schemas = spec["components"].setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    policies, path_schemas = _policies(), _path_schemas()
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            who = policies[path, method]
            operation["security"] = SECURITY[who]
            _envelope_answers(operation)
            _complete_path(operation, path_schemas[path])
            _complete_request(operation, method, schemas)
            for status, reason in _failures(who, path, method, operation).items():
                operation["responses"].setdefault(status, _problem_response(reason))
    return spec


def _policies() -> dict[tuple[str, str], Who]:
    found: dict[tuple[str, str], Who] = {}
    for rule in current_app.url_map.iter_rules():
        who = policy_of(current_app.view_functions[rule.endpoint])
        if who is not None:
            found.update({(_path(rule), method.lower()): who for method in rule.methods or ()})
    return found


def _path_schemas() -> dict[str, dict[str, dict[str, str]]]:
    return {
        _path(rule): {name: PATH_SCHEMAS.get(kind, TEXT) for kind, name in PLACEHOLDER.findall(rule.rule)}
        for rule in current_app.url_map.iter_rules()
    }


def _path(rule: Rule) -> str:
    return PLACEHOLDER.sub(r"{\2}", rule.rule)


def _complete_path(operation: Operation, schemas: dict[str, dict[str, str]]) -> None:
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            parameter |= {"required": True, "schema": schemas[parameter["name"]]}


def _envelope_answers(operation: Operation) -> None:
    for response in operation["responses"].values():
        content = response.get("content", {}).get("application/json")
        if content is not None:
            content["schema"] = enveloped(content.get("schema", {}))


def _complete_request(operation: Operation, method: str, schemas: dict[str, Any]) -> None:
    for parameter in operation["parameters"]:
        parameter["schema"] = _without_null(parameter["schema"])
    if method in WRITES:
        operation["parameters"] = [*operation["parameters"], IDEMPOTENCY_KEY]
    if "requestBody" in operation:
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        model = schemas[reference.rsplit("/", 1)[-1]]
        operation["requestBody"]["required"] = bool(model.get("required"))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """An absent parameter is absent; there is no way to send null in a query."""
    kept = {name: value for name, value in schema.items() if (name, value) != ("default", None)}
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    return (
        {**kept, **choices[0]} if len(choices) == 1 else {**kept, **({"anyOf": choices} if choices else {})}
    )


def _failures(who: Who, path: str, method: str, operation: Operation) -> dict[str, str]:
    failures = {"default": "Any other failure"}
    if "requestBody" in operation:
        failures |= {"400": "Malformed JSON", "413": "Body too large", "415": "Not JSON"}
    if who != "public":
        failures |= {"401": "Not logged in, or the login has ended"}
    if who not in {"public", "authenticated", "owner"}:
        failures |= {"403": f"Needs the role {who}"}
    if "{" in path or who == "owner":
        failures |= {"404": "Not found, or not yours"}
    if method in WRITES:
        failures |= {"409": "Contradicts what is stored"}
    if operation["parameters"] or "requestBody" in operation:
        failures |= {"422": "A value is not acceptable"}
    return failures | {"500": "Our mistake", "503": "Not available at the moment; see Retry-After"}


def _problem_response(reason: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": reason, "content": content}
