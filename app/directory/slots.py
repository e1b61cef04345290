"""One slot: into the offer, and out of it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, delete, select, update

from app.directory.closed import closed_spans
from app.directory.closing import SLOT_COLUMNS, has_history
from app.directory.directory import Act, Directory
from app.directory.doctors import lock_doctor
from app.directory.documents import Document, select_slots, slot_document
from app.directory.generation import LAST_YEAR, LONGEST_MINUTES, SHORTEST_MINUTES
from app.directory.placing import insert_slots, read_now, spans_in_the_way
from app.directory.removal import CLOSED, Removal, decide_removal
from app.directory.spans import Span
from app.directory.wall_time import first_instant
from app.errors import Conflict, NotFound, ValidationFailed
from app.idempotency import Answer, RequestKey
from app.tables.booking import Slot, SlotState

REMOVAL_COLUMNS = (*SLOT_COLUMNS, Slot.block_reason)


@dataclass(frozen=True)
class SlotDraft:
    """One slot to make: starts is an instant, or a naive wall-clock reading of the doctor's zone."""

    doctor_id: int
    starts: datetime
    duration_minutes: int
    #: What the request called the start, so that a refusal names the right field.
    starts_field: str = "starts_at"


def create_slot(
    directory: Directory, draft: SlotDraft, actor: str, request: RequestKey | None = None
) -> Answer:
    """Raises NotFound for the doctor, ValidationFailed, or Conflict when it overlaps another slot."""

    def work(act: Act) -> Document:
        doctor = lock_doctor(act.tx, draft.doctor_id)
        span = _span_of(draft, ZoneInfo(doctor.timezone), read_now(act.tx))
        if closed_spans(act.tx, doctor.id, span):
            raise Conflict("This time of the doctor is closed. Open it first.", reason="CLOSED")
        made = [] if spans_in_the_way(act.tx, doctor.id, span) else insert_slots(act.tx, doctor.id, [span])
        if not made:
            raise Conflict("This doctor has a slot at that time already.", reason="OVERLAP")
        act.slot_changed(made[0])
        act.audit("slot_created", slot_id=made[0].id)
        return slot_document(act.tx.execute(select_slots().where(Slot.id == made[0].id)).one())

    return directory.perform(actor, request, work)


def delete_slot(directory: Directory, slot_id: int, actor: str, request: RequestKey | None = None) -> Answer:
    """Take a slot out of the offer: erased when it was never booked, else closed.

    Raises NotFound, or Conflict while a booking owns it."""

    def work(act: Act) -> Document:
        query = select(*REMOVAL_COLUMNS).where(Slot.id == slot_id)
        slot = act.tx.execute(query.with_for_update()).first()
        if slot is None:
            raise NotFound("There is no such slot.")
        # A seat stays in its hall: it is closed and never erased, so that plans of halls do not change.
        is_kept = slot.showtime_id is not None or has_history(act.tx, slot_id)
        removal = decide_removal(SlotState(slot.state), slot.block_reason, slot.is_interval, is_kept)
        _remove(act, slot, removal)
        act.audit(f"slot_{removal.name.lower()}", slot_id=slot_id, starts_at=slot.starts_at.isoformat())
        return {"id": str(slot_id), "outcome": removal.name, "message": removal.value}

    return directory.perform(actor, request, work)


def _remove(act: Act, slot: Row[*tuple[Any, ...]], removal: Removal) -> None:
    if removal is Removal.DELETED:
        act.tx.execute(delete(Slot).where(Slot.id == slot.id))
        act.slot_changed(slot, state=SlotState.BLOCKED.value, version=slot.version + 1, deleted=True)
        return
    closed = act.tx.execute(
        update(Slot)
        .where(Slot.id == slot.id)
        .values(state=SlotState.BLOCKED, block_reason=CLOSED, version=Slot.version + 1)
        .returning(*SLOT_COLUMNS)
    ).one()
    act.slot_changed(closed)


def _span_of(draft: SlotDraft, zone: ZoneInfo, now: datetime) -> Span:
    if not SHORTEST_MINUTES <= draft.duration_minutes <= LONGEST_MINUTES:
        message = f"must be between {SHORTEST_MINUTES} and {LONGEST_MINUTES}"
        raise ValidationFailed.of("duration_minutes", message)
    if draft.starts.year > LAST_YEAR:
        raise ValidationFailed.of(draft.starts_field, f"must not be after {LAST_YEAR}")
    starts_at = draft.starts if draft.starts.tzinfo else first_instant(draft.starts, zone)
    if starts_at is None:
        raise ValidationFailed.of(draft.starts_field, f"the clocks of {zone.key} skip this time on that day")
    if starts_at <= now:
        raise ValidationFailed.of(draft.starts_field, "is in the past")
    return Span(starts_at, starts_at + timedelta(minutes=draft.duration_minutes))
