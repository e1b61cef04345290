"""How much of what is scarce one person may keep from the others (OWASP API6:2023).

Asked of the database in the transaction of the claim: right on every node, and without Redis. A booking
with a login counts for the account, one without for the network address it came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select, text

from app.booking.engine import Act
from app.booking.rules import Actor
from app.database import db_now
from app.errors import TooManyRequests
from app.tables.booking import Booking, BookingSlot, BookingStatus

#: The front desk books for everybody.
STAFF_FACTOR = 50
REHOLD_LOOKBACK_SECONDS = 10 * 60
#: Taking a time again after it lapsed is fine once: the page does so by itself, to keep what was typed.
FREE_REHOLDS = 1
REHOLD_SECONDS = 30
#: From here on a few more or less do not matter, and counting must not make bookings wait for each other.
COUNTED_ALONE_BELOW = 2


@dataclass(frozen=True)
class Allowance:
    live_holds: int
    bookings: int
    window_seconds: int

    def times(self, factor: int) -> Allowance:
        return Allowance(self.live_holds * factor, self.bookings * factor, self.window_seconds)


#: A person needs one hold; three leave room for a family. E13: ten bookings in fifteen minutes.
OF_AN_ACCOUNT = Allowance(live_holds=3, bookings=10, window_seconds=15 * 60)
#: Behind one address may be a household, an office or a whole clinic.
OF_AN_ADDRESS = Allowance(live_holds=40, bookings=120, window_seconds=3600)


def require_allowance(act: Act, slot_ids: Sequence[int]) -> None:
    """Raises TooManyRequests, with the time after which the same request may succeed."""
    actor = act.actor
    if actor.origin is None:
        return
    factor, allowance = _factor_of(actor), allowance_of(actor)
    if factor < COUNTED_ALONE_BELOW and actor.user_id is not None:
        _one_at_a_time(act.tx, str(actor.user_id))
    facts = act.tx.execute(_facts(_whose(actor), allowance, slot_ids)).one()
    for wait, why in _refusals(facts, allowance, factor):
        if wait > 0:
            raise TooManyRequests.after(wait, why)


def allowance_of(actor: Actor) -> Allowance:
    """What an account, or an address without one, may keep."""
    return (OF_AN_ADDRESS if actor.user_id is None else OF_AN_ACCOUNT).times(_factor_of(actor))


def _factor_of(actor: Actor) -> int:
    return actor.limit_factor * (STAFF_FACTOR if actor.is_staff else 1)


def origin_of(actor: Actor) -> str | None:
    """What a booking keeps of where it came from: nothing when there is an account to count for."""
    return actor.origin if actor.user_id is None else None


def _refusals(facts: Any, allowance: Allowance, factor: int) -> list[tuple[int, str]]:
    holds = _seconds_until(facts.now, facts.first_end) if facts.holds >= allowance.live_holds else 0
    bookings = (
        0
        if facts.nth is None
        else math.ceil(allowance.window_seconds - (facts.now - facts.nth).total_seconds())
    )
    again = 0
    if facts.lapses > FREE_REHOLDS:
        again = math.ceil(REHOLD_SECONDS / factor - (facts.now - facts.lapsed_at).total_seconds())
    return [
        (holds, "You hold as many times as one may. Confirm or release one."),
        (bookings, "You have booked as often as one may in this time."),
        (again, "You held this time and let it go. Others come first now."),
    ]


def _facts(mine: ColumnElement[bool], allowance: Allowance, slot_ids: Sequence[int]) -> Any:
    """One round trip: live holds and the first end of them, the oldest booking that fills the allowance, and
    how often these slots were held in vain."""
    live = and_(mine, Booking.status == BookingStatus.PENDING, Booking.expires_at > db_now())
    lapsed = or_(
        Booking.status == BookingStatus.EXPIRED,
        and_(Booking.status == BookingStatus.PENDING, Booking.expires_at <= db_now()),
    )
    since = func.coalesce(Booking.expires_at, Booking.updated_at, type_=Booking.updated_at.type)
    in_vain = (
        select(
            func.count().label("lapses"),
            func.max(since, type_=Booking.updated_at.type).label("lapsed_at"),
        )
        .join(BookingSlot, BookingSlot.booking_id == Booking.id)
        .where(
            mine, lapsed, BookingSlot.slot_id.in_(slot_ids),
            Booking.created_at > _ago(REHOLD_LOOKBACK_SECONDS),
        )
        .subquery()
    )  # fmt: skip
    nth = (
        select(Booking.created_at)
        .where(mine, Booking.created_at > _ago(allowance.window_seconds))
        .order_by(Booking.created_at.desc())
        .offset(allowance.bookings - 1)
        .limit(1)
        .scalar_subquery()
    )
    return select(
        select(func.count()).where(live).scalar_subquery().label("holds"),
        select(func.min(Booking.expires_at)).where(live).scalar_subquery().label("first_end"),
        nth.label("nth"),
        in_vain.c.lapses,
        in_vain.c.lapsed_at,
        db_now().label("now"),
    )


def _ago(seconds: float) -> ColumnElement[datetime]:
    """Asked once: a clock read per row would keep the index from passing over all older bookings."""
    return select(db_now(-seconds)).scalar_subquery()


def _whose(actor: Actor) -> ColumnElement[bool]:
    return Booking.origin == actor.origin if actor.user_id is None else Booking.user_id == actor.user_id


def _one_at_a_time(tx: Connection, name: str) -> None:
    """Two claims of one account must not both be the last that is allowed. SQLite has one writer anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(literal(name), text("0")))))


def _seconds_until(now: datetime, moment: datetime | None) -> int:
    return 1 if moment is None else max(1, math.ceil((moment - now).total_seconds()))
