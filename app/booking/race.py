"""A race on a slot of its own: N clients at once, one winner, and what each loser was told (B35)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

from sqlalchemy import Connection, insert, select

from app.booking.actions import SYSTEM, Claim, PatientDetails, hold_slot
from app.booking.documents import Document
from app.booking.engine import Engine
from app.booking.errors import BookingConflict
from app.database import db_now
from app.errors import Refusal, Unavailable
from app.tables.booking import BookingSlot, Slot
from app.tables.directory import Doctor

ARENA = "Race arena"


def run_race(engine: Engine, clients: int) -> Document:
    """Release all clients together on a fresh slot of the hidden arena doctor; never touches real slots."""
    slot_id = engine.database.run(arena_slot)
    barrier = Barrier(clients)
    with ThreadPoolExecutor(clients) as pool:
        attempts = list(pool.map(lambda number: _attempt(engine, slot_id, number, barrier), range(clients)))
    winners = [attempt for attempt in attempts if attempt["won"]]
    with engine.database.read() as connection:
        live = connection.execute(
            select(BookingSlot.booking_id).where(BookingSlot.slot_id == slot_id, BookingSlot.live)
        ).all()
    return {
        "slot_id": str(slot_id),
        "clients": clients,
        "winners": len(winners),
        "losers": clients - len(winners),
        "live_bookings_in_database": len(live),
        "winner": winners[0] if winners else None,
        "attempts": sorted(attempts, key=lambda attempt: attempt["milliseconds"]),
    }


def _attempt(engine: Engine, slot_id: int, number: int, barrier: Barrier) -> Document:
    claim = Claim((slot_id,), PatientDetails(f"Racer {number + 1}"), instant=True)
    barrier.wait(timeout=10)
    started = datetime.now(UTC)
    result: dict[str, Any] = {"client": number + 1, "won": False}
    try:
        result |= {"won": True, "booking_id": hold_slot(engine, claim, SYSTEM).value["id"]}
    except BookingConflict as conflict:
        result |= {"code": conflict.code, "reason": conflict.extras["reason"], "detail": conflict.detail}
    except (Refusal, Unavailable) as refusal:
        result |= {"code": refusal.code, "detail": refusal.detail}
    elapsed = datetime.now(UTC) - started
    return {**result, "milliseconds": round(elapsed.total_seconds() * 1000, 1)}


def arena_slot(tx: Connection) -> int:
    """Add a slot far in the future, at a minute of its own, of a doctor nobody sees."""
    doctor_id = tx.execute(select(Doctor.id).where(Doctor.name == ARENA)).scalar()
    if doctor_id is None:
        hidden = {"name": ARENA, "specialization": "None", "timezone": "UTC", "deleted_at": db_now()}
        doctor_id = tx.execute(insert(Doctor).values(hidden).returning(Doctor.id)).scalar_one()
    start = datetime(2050, 1, 1, tzinfo=UTC) + timedelta(minutes=random.randrange(20_000_000))  # noqa: S311
    values = {"doctor_id": doctor_id, "starts_at": start, "ends_at": start + timedelta(minutes=1)}
    return tx.execute(insert(Slot).values(values).returning(Slot.id)).scalar_one()
