"""Which other origins may call the API from a browser: those of CORS_ORIGIN, by default none."""

from __future__ import annotations

from flask import Flask, Response, request

from app.web.parts import parts

METHODS = "GET, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, X-Consistency, X-Correlation-ID, "
    "X-Manage-Token, X-Session-Token"
)
ANSWER_HEADERS = (
    "Idempotency-Replayed, Retry-After, X-Correlation-ID, X-Served-By, X-Served-Consistency, "
    "X-Session-Token, X-Staleness-Ms"
)
PREFLIGHT_SECONDS = "600"


def install(app: Flask) -> None:
    app.after_request(_share)


def _share(response: Response) -> Response:
    allowed = {origin.strip() for origin in (parts().config.cors_origin or "").split(",")} - {""}
    if not allowed or not request.path.startswith(("/api/", "/health", "/openapi.json")):
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if origin not in allowed:
        return response
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Expose-Headers"] = ANSWER_HEADERS
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return response
