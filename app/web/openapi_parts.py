"""The pieces of the OpenAPI document that are the same for every operation."""

from __future__ import annotations

from typing import Any

from app.web.policy import Who

BEARER, MANAGE = "bearer", "manageToken"
SECURITY: dict[Who, list[dict[str, list[str]]]] = {
    "public": [],
    "authenticated": [{BEARER: []}],
    "owner": [{BEARER: []}, {MANAGE: []}],
    "staff": [{BEARER: []}],
    "admin": [{BEARER: []}],
    "operator": [{BEARER: []}],
}
SECURITY_SCHEMES = {
    BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    MANAGE: {
        "type": "apiKey",
        "in": "header",
        "name": "X-Manage-Token",
        "description": "Proves that a booking is the caller's; it came with the 201 and the mail.",
    },
}
TEXT = {"type": "string"}
MOMENT = {"type": "string", "format": "date-time"}
WRONG_FIELD = {
    "type": "object",
    "required": ["field", "message"],
    "properties": {"field": TEXT, "message": TEXT},
}
PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details. Further members depend on the code.",
    "required": ["type", "title", "status", "detail", "instance", "success", "error", "retryable"],
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "instance": TEXT,
        "success": {"const": False},
        "error": {
            "type": "object",
            "required": ["code", "message", "correlation_id", "timestamp"],
            "properties": {"code": TEXT, "message": TEXT, "correlation_id": TEXT, "timestamp": MOMENT},
        },
        "retryable": {"type": "boolean"},
        "errors": {"type": "array", "items": WRONG_FIELD},
        "reason": TEXT,
        "retry_after_seconds": {"type": "integer"},
    },
}
PAGE = {
    "type": "object",
    "required": ["next_cursor", "limit"],
    "properties": {"next_cursor": {"type": ["string", "null"]}, "limit": {"type": "integer"}},
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeating a request with the same key gives the first answer instead of a second effect.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def enveloped(data: dict[str, Any]) -> dict[str, Any]:
    """The schema of a success that carries this data."""
    return {
        "type": "object",
        "required": ["success", "data", "server", "timestamp"],
        "properties": {
            "success": {"const": True},
            "data": data,
            "page": PAGE,
            "message": TEXT,
            "server": TEXT,
            "timestamp": MOMENT,
        },
    }
