"""Why a time is not offered, told by what decides it: the slot, the closures, the usual hours."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from app.booking import rules, statements
from app.database import db_now
from app.directory.doctors import find_zone
from app.directory.hours import read_week
from app.directory.placing import LONGEST_SLOT, NOT_BLOCKED
from app.languages.texts import N_, said
from app.tables.booking import Slot
from app.tables.desk import Closure


def why_not_offered(connection: Connection, doctor_id: int, moment: datetime) -> str | None:
    """One sentence; None when the time can be booked right now. Raises NotFound for the doctor."""
    zone = find_zone(connection, doctor_id)
    if moment <= connection.execute(select(db_now())).scalar_one():
        return N_("That time has passed.")
    slot = _slot_at(connection, doctor_id, moment)
    if slot is not None:
        refusal = rules.refusal_for(slot)
        return refusal.detail if refusal else None
    closure = _closure_at(connection, doctor_id, moment)
    if closure is not None:
        return said("The doctor is away then: %(closure)s.", closure=closure)
    return _by_hours(connection, doctor_id, moment.astimezone(zone), zone)


def _slot_at(connection: Connection, doctor_id: int, moment: datetime) -> rules.SlotFacts | None:
    """What is offered, held or booked at that moment."""
    query = select(Slot.id).where(
        Slot.doctor_id == doctor_id,
        NOT_BLOCKED,
        Slot.lane == 0,
        Slot.starts_at <= moment,
        Slot.starts_at > moment - LONGEST_SLOT,
        Slot.ends_at > moment,
    )
    slot_id = connection.execute(query).scalar()
    return statements.look_at_slots(connection, [slot_id])[0] if slot_id is not None else None


def _closure_at(connection: Connection, doctor_id: int, moment: datetime) -> str | None:
    query = select(Closure.reason).where(
        Closure.doctor_id == doctor_id,
        Closure.ended_at.is_(None),
        Closure.starts_at <= moment,
        Closure.ends_at > moment,
    )
    return connection.execute(query.limit(1)).scalar()


def _by_hours(connection: Connection, doctor_id: int, local: datetime, zone: ZoneInfo) -> str:
    week = read_week(connection, doctor_id)
    minute = local.hour * 60 + local.minute
    today = [each for each in week if each.weekday == local.weekday()]
    if any(each.opens_minute <= minute < each.closes_minute for each in today):
        return N_("The times of that day have not been published yet.")
    if today:
        return N_("The doctor does not work at that hour.")
    return N_("The doctor does not work on that day.") if week else N_("The doctor offers no time then.")
