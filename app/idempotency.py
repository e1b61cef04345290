"""One answer per Idempotency-Key: the record is part of the transaction it answers for.

After draft-ietf-httpapi-idempotency-key-header-07 and Stripe: same key and same request give the
stored answer, same key and another request is refused, nothing is stored for a passing failure."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from app.commits import send_ahead
from app.database import Database, TransientFailure
from app.database_errors import LOCK_TIMEOUT, sqlstate
from app.errors import IdempotencyKeyReused, OutcomeUnknown, Refusal, RequestInProgress, Unavailable
from app.sealed_columns import SealedAnswer
from app.tables.journal import IdempotencyRecord

RESOLVE_SECONDS = 2.0
Document = dict[str, Any]
ANSWER_TYPE = SealedAnswer()
SEND_ANSWER = "UPDATE idempotency SET answer = %(answer)s::json WHERE scope = %(scope)s AND key = %(key)s"
ANSWER = (
    update(IdempotencyRecord)
    .where(IdempotencyRecord.scope == bindparam("its_scope"), IdempotencyRecord.key == bindparam("its_key"))
    .values(answer=bindparam("answer"))
)


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
    try:
        try:
            stored, replayed = database.run(
                lambda tx: _answer_once(tx, request, work), partial(_write_answer, request, last)
            )
        except _Refused as refused:
            stored, replayed = database.run(partial(_remember, request, refused.stored))
    except OutcomeUnknown:
        return resolve(database, request)
    return _reveal(stored, replayed)


class _Refused(Exception):
    """What was done so far is undone."""

    def __init__(self, stored: Document) -> None:
        self.stored = stored


def _answer_once(
    tx: Connection, request: RequestKey, work: Callable[[Connection], Document]
) -> tuple[Document, bool]:
    if not _take(tx, request):
        return _earlier(tx, request), True
    try:
        return {"value": work(tx)}, False
    except Refusal as refusal:
        if refusal.is_passing:
            raise
        raise _Refused(stored_form(refusal)) from refusal


def _write_answer(
    request: RequestKey,
    last: Callable[[Connection], Callable[[], object]] | None,
    tx: Connection,
    outcome: tuple[Document, bool],
) -> Callable[[], object]:
    stored, replayed = outcome
    if replayed:
        return lambda: None
    sealed = orjson.dumps(ANSWER_TYPE.process_bind_param(stored, tx.dialect)).decode()
    if not send_ahead(tx, SEND_ANSWER, {"scope": request.scope, "key": request.key, "answer": sealed}):
        tx.execute(ANSWER, {"its_scope": request.scope, "its_key": request.key, "answer": stored})
    return last(tx) if last else lambda: None


def _remember(request: RequestKey, stored: Document, tx: Connection) -> tuple[Document, bool]:
    """Keep a refusal, unless a repeat came between its undoing and now: then both are told the same."""
    if not _take(tx, request):
        return _earlier(tx, request), True
    tx.execute(ANSWER, {"its_scope": request.scope, "its_key": request.key, "answer": stored})
    return stored, False


def stored_form(refusal: Refusal) -> Document:
    """A refusal as it is kept for repeats of the request."""
    return {"refusal": refusal.code, "detail": refusal.detail, "extras": refusal.extras}


def _take(tx: Connection, request: RequestKey) -> bool:
    """Take the key; False when it was used, after waiting for the request that has it."""
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(IdempotencyRecord)
    row = {"scope": request.scope, "key": request.key, "request_hash": request.request_hash}
    try:
        taken = tx.execute(insert.values(**row).on_conflict_do_nothing().returning(IdempotencyRecord.key))
    except OperationalError as error:
        if sqlstate(error) == LOCK_TIMEOUT:
            raise RequestInProgress("The first request with this key has not been answered yet.") from error
        raise
    return taken.first() is not None


def _earlier(tx: Connection, request: RequestKey) -> Document:
    stored = _stored_answer(tx, request)
    if stored is None:
        raise TransientFailure  # swept away as too old between our insert and our look: begin again
    return stored


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
