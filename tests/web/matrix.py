"""Every route of the product asked as everybody, and what each was told: the matrix that is checked in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app.web.policy import policy_of

WHO = ("anonymous", "guest", "patient A", "patient B", "staff", "admin", "operator")
ORIGIN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
#: Streams do not end, and these look at the machine's own folders or other nodes.
LEFT_OUT = {"/api/events", "/api/cluster/events"}
NOT_ASKED = ("HEAD", "OPTIONS")


@dataclass(frozen=True)
class Route:
    method: str
    rule: str
    endpoint: str
    policy: str


def routes(app: APIFlask) -> list[Route]:
    found = [
        Route(method, rule.rule, rule.endpoint, str(policy_of(app.view_functions[rule.endpoint])))
        for rule in app.url_map.iter_rules()
        for method in _methods(rule)
        if rule.rule not in LEFT_OUT and not rule.endpoint.endswith("static")
    ]
    return sorted(found, key=lambda route: (not route.rule.startswith("/api"), route.rule, route.method))


def _methods(rule: Rule) -> Iterator[str]:
    yield from sorted(set(rule.methods or ()) - set(NOT_ASKED))


def path_of(route: Route, values: dict[str, str]) -> str:
    """The address with an id of A's, where there is one to fill in."""
    return re.sub(r"<(?:[a-z]+(?:\([^)]*\))?:)?(\w+)>", lambda m: values.get(m.group(1), "1"), route.rule)


def ask(client: FlaskClient, route: Route, path: str, headers: dict[str, str], form: dict[str, str]) -> int:
    """The status; writes are empty, so that nothing but who asks decides how far they come."""
    if route.rule.startswith(("/api", "/health", "/openapi")):
        body = None if route.method == "GET" else {}
        return client.open(path, method=route.method, headers=headers, json=body).status_code
    data = None if route.method == "GET" else form
    return client.open(path, method=route.method, headers={**headers, **ORIGIN}, data=data).status_code


def table(rows: list[tuple[Route, list[int]]]) -> str:
    lines = [f"{'route':<64} {'policy':<14} " + " ".join(f"{who:>9}" for who in WHO)]
    for route, statuses in rows:
        name = f"{route.method} {route.rule}"
        lines.append(f"{name:<64} {route.policy:<14} " + " ".join(f"{status:>9}" for status in statuses))
    return "\n".join(lines) + "\n"
