"""Many slots in one request: every day's working window, whatever is there already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row

from app.directory.closed import closed_spans
from app.directory.directory import Act, Directory
from app.directory.doctors import find_zone, lock_doctor
from app.directory.documents import Document
from app.directory.generation import Skipped, SkipReason, Window, check_window, generate
from app.directory.placing import insert_slots, read_now, spans_in_the_way
from app.directory.spans import Span, obstacles
from app.directory.wall_time import local_day
from app.idempotency import Answer, RequestKey

MOST_SAMPLES = 20


def create_slots(
    directory: Directory, doctor_id: int, window: Window, actor: str, request: RequestKey | None = None
) -> Answer:
    """Make every slot of the window that is not there yet; asking twice makes nothing twice.

    Raises NotFound for the doctor, or ValidationFailed."""

    def work(act: Act) -> Document:
        doctor = lock_doctor(act.tx, doctor_id)
        zone = ZoneInfo(doctor.timezone)
        check_window(window, local_day(read_now(act.tx), zone))
        return make_slots(act, doctor_id, zone, *generate(window, zone))

    return directory.perform(actor, request, work)


def preview_slots(connection: Connection, doctor_id: int, window: Window) -> Document:
    """Exactly what create_slots would make and leave out now. Raises NotFound, ValidationFailed."""
    zone, now = find_zone(connection, doctor_id), read_now(connection)
    check_window(window, local_day(now, zone))
    candidates, skipped = generate(window, zone)
    free, in_the_way = sort_out(connection, doctor_id, candidates, now)
    return preview_report(free, skipped, in_the_way, zone)


def make_slots(
    act: Act, doctor_id: int, zone: ZoneInfo, candidates: Sequence[Span], skipped: Sequence[Skipped]
) -> Document:
    """Insert those that have room; the report names the others."""
    free, in_the_way = sort_out(act.tx, doctor_id, candidates, read_now(act.tx))
    made = insert_slots(act.tx, doctor_id, free)
    left_out = [_skip(span, zone, reason) for span, reason in [*in_the_way, *_lost(free, made)]]
    if made:
        act.slots_changed(made, doctor_id=doctor_id)
        act.audit("slots_created", doctor_id=doctor_id, count=len(made))
    return _report(made, [*skipped, *left_out])


def preview_report(
    free: Sequence[Span],
    skipped: Sequence[Skipped],
    in_the_way: Sequence[tuple[Span, SkipReason]],
    zone: ZoneInfo,
) -> Document:
    """Every time that would be made, by local day, and every one that would be left out with its reason."""
    days: dict[str, list[str]] = {}
    for span in free:
        local = span.starts_at.astimezone(zone)
        days.setdefault(local.date().isoformat(), []).append(f"{local:%H:%M}")
    left_out = sorted(
        [*skipped, *(_skip(span, zone, reason) for span, reason in in_the_way)], key=lambda skip: skip.local
    )
    return {
        "count": len(free),
        "days": days,
        "skipped": len(left_out),
        "skipped_times": [
            {
                "slot_date": skip.local.date().isoformat(),
                "slot_time": skip.local.strftime("%H:%M"),
                "reason": skip.reason.value,
            }
            for skip in left_out
        ],
    }


def sort_out(
    tx: Connection, doctor_id: int, candidates: Sequence[Span], now: datetime
) -> tuple[list[Span], list[tuple[Span, SkipReason]]]:
    """The candidates that have room, and the others with the reason."""
    if not candidates:
        return [], []
    whole = Span(candidates[0].starts_at, candidates[-1].ends_at)
    blocking = obstacles(candidates, spans_in_the_way(tx, doctor_id, whole))
    closed = closed_spans(tx, doctor_id, whole)
    free: list[Span] = []
    skipped: list[tuple[Span, SkipReason]] = []
    for span, obstacle in zip(candidates, blocking, strict=True):
        if span.starts_at <= now:
            skipped.append((span, SkipReason.IN_THE_PAST))
        elif any(span.overlaps(closure) for closure in closed):
            skipped.append((span, SkipReason.CLOSED))
        elif obstacle is not None:
            same = obstacle == span
            skipped.append((span, SkipReason.ALREADY_THERE if same else SkipReason.OVERLAP))
        else:
            free.append(span)
    return free, skipped


def _lost(free: Sequence[Span], made: Sequence[Row[Any]]) -> list[tuple[Span, SkipReason]]:
    """Those an appointment took between our look and our insert."""
    starts = {row.starts_at for row in made}
    return [(span, SkipReason.OVERLAP) for span in free if span.starts_at not in starts]


def _skip(span: Span, zone: ZoneInfo, reason: SkipReason) -> Skipped:
    return Skipped(span.starts_at.astimezone(zone).replace(tzinfo=None), reason)


def _report(made: Sequence[Row[Any]], skipped: Sequence[Skipped]) -> Document:
    samples = sorted(skipped, key=lambda skip: skip.local)[:MOST_SAMPLES]
    return {
        "count": len(made),
        "created": len(made),
        "skipped": len(skipped),
        "skipped_reasons": dict(Counter(skip.reason.value for skip in skipped)),
        "skipped_samples": [
            {
                "slot_date": skip.local.date().isoformat(),
                "slot_time": skip.local.strftime("%H:%M"),
                "reason": skip.reason.value,
            }
            for skip in samples
        ],
    }
