"""Remembering refusals under their keys, many in one statement.

Who loses a rush comes in hundreds, and each must hear the same if they ask again (see idempotency.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson
from sqlalchemy.exc import DBAPIError

from app.database import TransientFailure
from app.errors import Refusal, Unavailable
from app.idempotency import RequestKey, stored_form

if TYPE_CHECKING:
    from app.booking.engine import Engine

REMEMBER = """
    INSERT INTO idempotency (scope, key, request_hash, answer, created_at)
    SELECT scope, key, request_hash, answer, clock_timestamp() FROM json_to_recordset(%(refusals)s::json)
        AS refused(scope text, key text, request_hash text, answer json) ORDER BY scope, key
    ON CONFLICT DO NOTHING RETURNING scope, key"""
Refused = tuple[RequestKey, Refusal]


def remember_together(engine: Engine, refused: Sequence[Refused]) -> list[bool]:
    """Which of them were new and are remembered now. The others are left to a transaction of their own: their
    key has its answer, or there was no telling what became of it."""
    rows = [
        {
            "scope": key.scope,
            "key": key.key,
            "request_hash": key.request_hash,
            "answer": stored_form(refusal),
        }
        for key, refusal in refused
    ]
    try:
        asked = {"refusals": orjson.dumps(rows).decode()}
        new = set(engine.database.pipelines.ask(REMEMBER, asked))
    except (Unavailable, TransientFailure, DBAPIError):
        return [False] * len(refused)
    return [(key.scope, key.key) in new for key, _ in refused]
