"""Ids in URLs: what is no id of ours is simply not found.

`<id:doctor_id>` is a number of the database as int; `<uuid:booking_id>` (Werkzeug's own) a UUID."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import IntegerConverter

LARGEST_ID = 2**63 - 1  # bigint in PostgreSQL
FOR_PROGRAMS = ("/api/", "/api-docs", "/feeds/", "/health", "/openapi.json", "/metrics")


class IdConverter(IntegerConverter):
    """1 to the largest bigint, written without leading zeros."""

    regex = r"[1-9][0-9]{0,18}"

    def __init__(self, map: object) -> None:
        super().__init__(map, max=LARGEST_ID)  # type: ignore[arg-type]


def install(app: Flask) -> None:
    app.url_map.converters["id"] = IdConverter


def is_for_programs(path: str) -> bool:
    """Whether what is there speaks JSON and English, whoever asks."""
    return path.startswith(FOR_PROGRAMS)
