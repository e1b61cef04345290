"""Remembering refusals under their keys, many in one statement.

Who loses a rush comes in hundreds, and each must hear the same if they ask again (see idempotency.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.database import TransientFailure, send_ahead
from app.errors import OutcomeUnknown, Refusal, Unavailable
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
    new: set[tuple[str, str]] = set()

    def begin(tx: Connection) -> None:
        tx.begin()

    def write(tx: Connection, _nothing: None) -> Callable[[], object]:
        sent = send_ahead(tx, REMEMBER, {"refusals": orjson.dumps(rows).decode()})
        if sent is None:
            raise AssertionError("refusals are batched on PostgreSQL alone")
        return lambda: new.update(sent.fetchall())

    try:
        engine.database.run(begin, write, attempts=1)
    except (OutcomeUnknown, Unavailable, TransientFailure, DBAPIError):
        return [False] * len(refused)
    return [(key.scope, key.key) in new for key, _ in refused]
