"""One answer per Idempotency-Key: the record is part of the transaction it answers for.

After draft-ietf-httpapi-idempotency-key-header-07 and Stripe: same key and same request give the
stored answer, same key and another request is refused, nothing is stored for a passing failure."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from app.database import LOCK_TIMEOUT, Database, TransientFailure, sqlstate
from app.errors import IdempotencyKeyReused, OutcomeUnknown, Refusal, RequestInProgress, Unavailable
from app.tables.journal import IdempotencyRecord

RESOLVE_SECONDS = 2.0
Document = dict[str, Any]


@dataclass(frozen=True)
class RequestKey:
    """Who asked (scope), under which key, for what (hash of the request)."""

    scope: str
    key: str
    request_hash: str

    @classmethod
    def of(cls, scope: str, key: str, request: Any) -> RequestKey:
        body = orjson.dumps(request, option=orjson.OPT_SORT_KEYS, default=str)
        return cls(scope, key, hashlib.sha256(body).hexdigest())


@dataclass(frozen=True)
class Answer:
    """What an action answered, and whether it is the stored answer of an earlier request."""

    value: Document
    replayed: bool = False


def once(
    database: Database,
    request: RequestKey | None,
    work: Callable[[Connection], Document],
    last: Callable[[Connection], Callable[[], object]] | None = None,
) -> Answer:
    """Do work in one transaction, at most once per key; a repeat gets the first answer.

    last goes with the commit, see Database.run(), if work was done now and not refused.

    A Refusal raised by work undoes its writes and becomes the stored answer too. Raises that
    Refusal, IdempotencyKeyReused, RequestInProgress, Unavailable, or OutcomeUnknown when the reply
    to COMMIT was lost and two seconds of asking did not settle it."""
    if request is None:
        return Answer(database.run(work, last and (lambda tx, _value: last(tx))))

    def last_if_new(tx: Connection, outcome: tuple[Document, bool]) -> Callable[[], object]:
        stored, replayed = outcome
        return last(tx) if last and "value" in stored and not replayed else lambda: None

    try:
        stored, replayed = database.run(
            lambda tx: _answer_once(tx, request, work), last_if_new if last else None
        )
    except OutcomeUnknown:
        return resolve(database, request)
    return _reveal(stored, replayed)


def _answer_once(
    tx: Connection, request: RequestKey, work: Callable[[Connection], Document]
) -> tuple[Document, bool]:
    earlier = _begin(tx, request)
    if earlier is not None:
        return earlier, True
    try:
        with tx.begin_nested():
            stored: Document = {"value": work(tx)}
    except Refusal as refusal:
        if refusal.is_passing:
            raise
        stored = stored_form(refusal)
    tx.execute(
        update(IdempotencyRecord)
        .where(IdempotencyRecord.scope == request.scope, IdempotencyRecord.key == request.key)
        .values(answer=stored)
    )
    return stored, False


def stored_form(refusal: Refusal) -> Document:
    """A refusal as it is kept for repeats of the request."""
    return {"refusal": refusal.code, "detail": refusal.detail, "extras": refusal.extras}


def _begin(tx: Connection, request: RequestKey) -> Document | None:
    """Take the key, or wait for the request that has it and return its answer."""
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(IdempotencyRecord)
    row = {"scope": request.scope, "key": request.key, "request_hash": request.request_hash}
    try:
        taken = tx.execute(
            insert.values(**row).on_conflict_do_nothing().returning(IdempotencyRecord.key)
        ).first()
    except OperationalError as error:
        if sqlstate(error) == LOCK_TIMEOUT:
            raise RequestInProgress("The first request with this key has not been answered yet.") from error
        raise
    if taken:
        return None
    earlier = _stored_answer(tx, request)
    if earlier is None:
        raise TransientFailure  # swept away as too old between our insert and our look: begin again
    return earlier


def _stored_answer(connection: Connection, request: RequestKey) -> Document | None:
    row = connection.execute(
        select(IdempotencyRecord.request_hash, IdempotencyRecord.answer).where(
            IdempotencyRecord.scope == request.scope, IdempotencyRecord.key == request.key
        )
    ).first()
    if row is None:
        return None
    if row.request_hash != request.request_hash:
        raise IdempotencyKeyReused("Use a new Idempotency-Key for a different request.")
    answer: Document = row.answer
    return answer


def resolve(database: Database, request: RequestKey) -> Answer:
    """Learn on a fresh connection whether the transaction whose COMMIT reply was lost is there.

    Raises the Refusal that was stored, or OutcomeUnknown when two seconds of asking did not settle it."""
    deadline = time.monotonic() + RESOLVE_SECONDS
    while time.monotonic() < deadline:
        try:
            with database.read() as connection:
                stored = _stored_answer(connection, request)
        except Unavailable:
            stored = None
        if stored is not None:
            return _reveal(stored, replayed=False)
        time.sleep(0.1)
    raise OutcomeUnknown("Send the same request with the same Idempotency-Key to learn its outcome.")


def _reveal(stored: Document, replayed: bool) -> Answer:
    if "value" in stored:
        return Answer(stored["value"], replayed)
    refusal = _refusal_class(stored["refusal"])(stored["detail"], **stored["extras"])
    refusal.replayed = replayed
    raise refusal


def _refusal_class(code: str) -> type[Refusal]:
    pending = [Refusal]
    while pending:
        candidate = pending.pop()
        if candidate.code == code:
            return candidate
        pending.extend(candidate.__subclasses__())
    raise AssertionError(
        f"{code} was stored by a class that is gone; keep a class for every code ever stored"
    )
