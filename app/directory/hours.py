"""A doctor's usual week, and the slots made from it. Breaks are gaps; closures are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select

from app.directory.bulk import make_slots, preview_report, sort_out
from app.directory.directory import Act, Directory
from app.directory.doctors import find_zone, lock_doctor
from app.directory.documents import Document
from app.directory.generation import LONGEST_MINUTES, MOST_DAYS, SHORTEST_MINUTES, Skipped, Window, generate
from app.directory.placing import read_now
from app.directory.spans import Span
from app.directory.wall_time import MINUTES_PER_DAY, clock_text, local_day
from app.errors import ValidationFailed
from app.idempotency import Answer, RequestKey
from app.tables.schedule import OpeningHours

MOST_STRETCHES = 6


@dataclass(frozen=True, order=True)
class Stretch:
    """A part of a weekday without a break; Monday is 0, minutes are counted from midnight."""

    weekday: int
    opens_minute: int
    closes_minute: int
    duration_minutes: int


def read_week(connection: Connection, doctor_id: int) -> list[Stretch]:
    """The usual week, in order."""
    columns = (
        OpeningHours.weekday, OpeningHours.opens_minute, OpeningHours.closes_minute,
        OpeningHours.duration_minutes,
    )  # fmt: skip
    rows = connection.execute(select(*columns).where(OpeningHours.doctor_id == doctor_id))
    return sorted(Stretch(*row) for row in rows)


def set_week(
    directory: Directory,
    doctor_id: int,
    week: Sequence[Stretch],
    actor: str,
    request: RequestKey | None = None,
) -> Answer:
    """Replace the usual week; slots that are there already stay as they are.

    Raises NotFound for the doctor, ValidationFailed."""
    in_order = sorted(week)
    check_week(in_order)

    def work(act: Act) -> Document:
        lock_doctor(act.tx, doctor_id)
        act.tx.execute(delete(OpeningHours).where(OpeningHours.doctor_id == doctor_id))
        if in_order:
            act.tx.execute(
                insert(OpeningHours), [{"doctor_id": doctor_id, **asdict(each)} for each in in_order]
            )
        act.audit("hours_set", doctor_id=doctor_id, stretches=len(in_order))
        return {"doctor_id": str(doctor_id), "week": [asdict(each) for each in in_order]}

    return directory.perform(actor, request, work)


def preview_from_hours(connection: Connection, doctor_id: int, first: date, last: date) -> Document:
    """Exactly what create_from_hours would make and leave out now. Raises NotFound, ValidationFailed."""
    zone = find_zone(connection, doctor_id)
    now = read_now(connection)
    candidates, skipped = _from_week(connection, doctor_id, first, last, zone, local_day(now, zone))
    free, in_the_way = sort_out(connection, doctor_id, candidates, now)
    return preview_report(free, skipped, in_the_way, zone)


def create_from_hours(
    directory: Directory,
    doctor_id: int,
    first: date,
    last: date,
    actor: str,
    request: RequestKey | None = None,
) -> Answer:
    """Make the slots of the usual week that are not there yet; asking twice makes nothing twice."""

    def work(act: Act) -> Document:
        zone = ZoneInfo(lock_doctor(act.tx, doctor_id).timezone)
        today = local_day(read_now(act.tx), zone)
        candidates, skipped = _from_week(act.tx, doctor_id, first, last, zone, today)
        return make_slots(act, doctor_id, zone, candidates, skipped)

    return directory.perform(actor, request, work)


def check_week(in_order: Sequence[Stretch]) -> None:
    """Raises ValidationFailed for what cannot be a week."""
    for each in in_order:
        if not 0 <= each.opens_minute < each.closes_minute <= MINUTES_PER_DAY:
            raise ValidationFailed.of("week", f"{clock_text(each.opens_minute)} must come before the end")
        if not SHORTEST_MINUTES <= each.duration_minutes <= LONGEST_MINUTES:
            raise ValidationFailed.of("week", f"a time lasts {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes")
        if sum(other.weekday == each.weekday for other in in_order) > MOST_STRETCHES:
            raise ValidationFailed.of("week", f"a day has at most {MOST_STRETCHES} stretches")
    for one, other in pairwise(in_order):
        if one.weekday == other.weekday and other.opens_minute < one.closes_minute:
            raise ValidationFailed.of("week", f"{clock_text(other.opens_minute)} lies in another stretch")


def _from_week(
    connection: Connection, doctor_id: int, first: date, last: date, zone: ZoneInfo, today: date
) -> tuple[list[Span], list[Skipped]]:
    if first < today:
        raise ValidationFailed.of("start_date", "is in the past")
    if not 0 <= (last - first).days < MOST_DAYS:
        raise ValidationFailed.of("end_date", f"must be within {MOST_DAYS} days of start_date")
    week = read_week(connection, doctor_id)
    if not week:
        raise ValidationFailed.of("week", "this doctor has no opening hours yet")
    candidates: list[Span] = []
    skipped: list[Skipped] = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        for each in week:
            if each.weekday == day.weekday():
                window = Window(day, day, each.opens_minute, each.closes_minute, each.duration_minutes)
                made, left_out = generate(window, zone)
                candidates += made
                skipped += left_out
    return candidates, skipped
