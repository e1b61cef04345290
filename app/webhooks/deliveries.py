"""The queue of deliveries in the database: claimed by one sender at a time, tried for a day, then dead.

As with mails: who claims gets an attempt number that only grows, the next try is scheduled with the claim, so
that a sender that dies backs off as well; only the database's clock decides."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, and_, delete, insert, or_, select, update

from app.database import db_now
from app.tables.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint

#: Longer than a call may take and than a job of the workers.
CLAIM_SECONDS = 60
FIRST_BACK_OFF_SECONDS = 5
LONGEST_BACK_OFF_SECONDS = 4 * 3600
#: Of each pause so much is chance: receivers that come back must not be met by everything at once.
JITTER = 0.25
GIVE_UP_AFTER_SECONDS = 24 * 3600
KEPT_DAYS = 30
TRIMMED_AT_ONCE = 500
LONGEST_ERROR = 200
GONE = 410


@dataclass(frozen=True)
class Due:
    id: uuid.UUID
    overdue_seconds: float


@dataclass(frozen=True)
class Claim:
    """Permission to send one delivery until it lapses."""

    delivery_id: uuid.UUID
    #: The fence of this claim.
    attempt: int
    body: str
    #: Where to, and under which secrets.
    endpoint: Any


@dataclass(frozen=True)
class Outcome:
    """What came of a try: a status, or why there was none."""

    status_code: int | None
    error: str | None
    milliseconds: int

    @property
    def is_success(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


def back_off_seconds(failures: int, luck: float) -> float:
    """How long to wait after so many failures in a row; luck is 0 to 1."""
    pause = min(FIRST_BACK_OFF_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_BACK_OFF_SECONDS)
    return float(pause * (1 - JITTER + 2 * JITTER * luck))


def due(connection: Connection, most: int = 50) -> list[Due]:
    """What should be sent now, the longest waiting first."""
    rows = connection.execute(
        select(
            WebhookDelivery.id,
            WebhookDelivery.next_attempt_at,
            WebhookDelivery.claimed_until,
            WebhookEndpoint.resting_until,
            db_now().label("now"),
        )
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(_is_due(), _may_be_called())
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(most)
    )
    return [
        Due(row.id, (row.now - max(filter(None, row[1:4]))).total_seconds())  # ready since the last of these
        for row in rows
    ]


def claim(tx: Connection, delivery_id: uuid.UUID) -> Claim | None:
    """Take it for CLAIM_SECONDS; None when it is done, not due, in other hands, or its endpoint rests."""
    seen = tx.execute(
        select(WebhookDelivery.attempts, WebhookDelivery.endpoint_id)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(WebhookDelivery.id == delivery_id, _is_due(), _may_be_called())
    ).first()
    if seen is None:
        return None
    attempt = seen.attempts + 1
    pause = back_off_seconds(attempt, random.random())  # noqa: S311 - spreads load, keeps no secret
    taken = tx.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id, _is_due(), WebhookDelivery.attempts == seen.attempts)
        .values(attempts=attempt, claimed_until=db_now(CLAIM_SECONDS), next_attempt_at=db_now(pause))
        .returning(WebhookDelivery.body)
    ).first()
    if taken is None:
        return None
    endpoint = tx.execute(
        select(
            *WebhookEndpoint.__table__.columns,
            db_now().label("now"),
            (WebhookEndpoint.earlier_until > db_now()).label("with_earlier"),
        ).where(WebhookEndpoint.id == seen.endpoint_id)
    ).one()
    return Claim(delivery_id, attempt, taken.body, endpoint)


def record(tx: Connection, claim: Claim, outcome: Outcome) -> None:
    """Write down what came of the try, for the delivery and for its endpoint."""
    told = (outcome.error or "")[:LONGEST_ERROR] or None
    tx.execute(
        insert(WebhookAttempt).values(
            delivery_id=claim.delivery_id,
            number=claim.attempt,
            status_code=outcome.status_code,
            error=told,
            milliseconds=outcome.milliseconds,
        )
    )
    ours = update(WebhookDelivery).where(
        WebhookDelivery.id == claim.delivery_id, WebhookDelivery.status == "QUEUED"
    )
    if outcome.is_success:
        # Whoever holds the claim by now: what has arrived has arrived.
        tx.execute(ours.values(status="DELIVERED", delivered_at=db_now(), claimed_until=None))
        _note_success(tx, claim.endpoint.id)
        return
    held = ours.where(WebhookDelivery.attempts == claim.attempt)
    is_final = outcome.status_code == GONE
    tx.execute(held.values(claimed_until=None, **({"status": "DEAD"} if is_final else {})))
    _note_failure(tx, claim.endpoint)


def give_up(tx: Connection) -> list[uuid.UUID]:
    """What could not be delivered for a day is dead until somebody replays it; which those are."""
    return list(
        tx.execute(
            update(WebhookDelivery)
            .where(
                WebhookDelivery.status == "QUEUED",
                WebhookDelivery.queued_at <= db_now(-GIVE_UP_AFTER_SECONDS),
                or_(WebhookDelivery.claimed_until.is_(None), WebhookDelivery.claimed_until <= db_now()),
                WebhookDelivery.endpoint_id.in_(
                    select(WebhookEndpoint.id).where(WebhookEndpoint.paused_at.is_(None))
                ),
            )
            .values(status="DEAD", claimed_until=None)
            .returning(WebhookDelivery.id)
        ).scalars()
    )


def replay(tx: Connection, delivery_id: uuid.UUID) -> bool:
    """Send it again under the same id, at once; False without such a delivery to an endpoint that lives."""
    alive = select(WebhookEndpoint.id).where(WebhookEndpoint.deleted_at.is_(None))
    again = tx.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id, WebhookDelivery.endpoint_id.in_(alive))
        .values(status="QUEUED", queued_at=db_now(), next_attempt_at=db_now(), claimed_until=None,
                delivered_at=None)
        .returning(WebhookDelivery.endpoint_id)
    ).first()  # fmt: skip
    if again is None:
        return False
    # Somebody says that it works again.
    tx.execute(
        update(WebhookEndpoint).where(WebhookEndpoint.id == again.endpoint_id).values(resting_until=None)
    )
    return True


def begin_anew(tx: Connection, endpoint_id: uuid.UUID) -> None:
    """After a pause: what waited has its day from now on."""
    tx.execute(_waiting_of(endpoint_id).values(queued_at=db_now(), next_attempt_at=db_now()))


def bury(tx: Connection, endpoint_id: uuid.UUID) -> None:
    """With its endpoint: nobody waits for it any more."""
    tx.execute(_waiting_of(endpoint_id).values(status="DEAD", claimed_until=None))


def trim(tx: Connection) -> int:
    """Delete what ended long ago; how many."""
    old = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.created_at < db_now(-KEPT_DAYS * 24 * 3600), WebhookDelivery.status != "QUEUED"
        )
        .limit(TRIMMED_AT_ONCE)
    )
    gone = tx.execute(
        delete(WebhookDelivery).where(WebhookDelivery.id.in_(old)).returning(WebhookDelivery.id)
    )
    return len(gone.all())


def _waiting_of(endpoint_id: uuid.UUID) -> Update:
    return update(WebhookDelivery).where(
        WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.status == "QUEUED"
    )


def _is_due() -> ColumnElement[bool]:
    return and_(
        WebhookDelivery.status == "QUEUED",
        WebhookDelivery.next_attempt_at <= db_now(),
        or_(WebhookDelivery.claimed_until.is_(None), WebhookDelivery.claimed_until <= db_now()),
    )


def _may_be_called() -> ColumnElement[bool]:
    return and_(
        WebhookEndpoint.deleted_at.is_(None),
        WebhookEndpoint.paused_at.is_(None),
        or_(WebhookEndpoint.resting_until.is_(None), WebhookEndpoint.resting_until <= db_now()),
    )


def _note_success(tx: Connection, endpoint_id: uuid.UUID) -> None:
    tx.execute(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.failing_since.is_not(None))
        .values(failing_since=None, failures=0, resting_until=None)
    )


def _note_failure(tx: Connection, endpoint: Any) -> None:
    pause = back_off_seconds(endpoint.failures + 1, random.random())  # noqa: S311 - spreads load
    tx.execute(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint.id)
        .values(
            failing_since=endpoint.failing_since or db_now(),
            failures=WebhookEndpoint.failures + 1,
            resting_until=db_now(pause),
        )
    )
