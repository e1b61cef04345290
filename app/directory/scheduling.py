"""Making showtimes: a row for each, and all their seats in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import (
    JSON,
    Connection,
    Insert,
    Integer,
    Row,
    String,
    cast,
    column,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.exc import IntegrityError

from app.database import TransientFailure, db_now
from app.directory.closing import SLOT_COLUMNS
from app.directory.directory import Act, Directory
from app.directory.documents import Document, instant
from app.directory.generation import Skipped
from app.directory.halls import find_hall, lock_hall
from app.directory.layouts import Layout, Seat, seats_of
from app.directory.movies import read_movie
from app.directory.placing import read_now
from app.directory.program import Booked, Program, check_program, plan
from app.directory.spans import Span
from app.errors import ValidationFailed
from app.idempotency import Answer, RequestKey
from app.tables.booking import Slot, SlotState
from app.tables.cinema import Showtime

MOST_SEATS_PER_CALL = 30_000
#: No showtime is longer, so an index on the start finds everything that reaches into a span.
LONGEST_SHOW = timedelta(minutes=600)
SEAT_FIELDS = {
    "row": String, "number": Integer, "y": Integer, "x": Integer, "zone": String, "kind": String,
    "price_cents": Integer,
}  # fmt: skip
SEAT_COLUMNS = ("seat_row", "seat_number", "seat_y", "seat_x", "seat_zone", "seat_kind", "price_cents")


def preview_showtimes(connection: Connection, program: Program) -> Document:
    """What create_showtimes would make and leave out now; nothing is changed.

    Raises NotFound for movie or hall, or ValidationFailed."""
    check_program(program)
    hall = find_hall(connection, program.hall_id)
    made, skipped = _planned(connection, program, hall)
    return _report(hall, [(None, span) for span in made], skipped)


def create_showtimes(
    directory: Directory, program: Program, actor: str, request: RequestKey | None = None
) -> Answer:
    """Make every showtime the hall has room for, with its seats; asking twice makes nothing twice.

    Raises NotFound for movie or hall, or ValidationFailed."""
    check_program(program)

    def work(act: Act) -> Document:
        hall = lock_hall(act.tx, program.hall_id)
        spans, skipped = _planned(act.tx, program, hall)
        made = _insert_showtimes(act.tx, program, hall, spans)
        _make_seats(act, [showtime_id for showtime_id, _ in made], seats_of(Layout.of(hall.layout)))
        if made:
            act.audit("showtimes_created", movie_id=program.movie_id, hall_id=hall.id, count=len(made))
        return _report(hall, made, skipped)

    return directory.perform(actor, request, work)


def _planned(connection: Connection, program: Program, hall: Row[Any]) -> tuple[list[Span], list[Skipped]]:
    minutes = read_movie(connection, program.movie_id)["minutes"]
    now = read_now(connection)
    booked = _in_hall_since(connection, hall.id, now)
    made, skipped = plan(program, minutes, ZoneInfo(hall.timezone), now, booked)
    if len(made) * hall.seat_count > MOST_SEATS_PER_CALL:
        message = f"would make more than {MOST_SEATS_PER_CALL} seats in one call; ask for fewer showtimes"
        raise ValidationFailed.of(program.starts_field, message)
    return made, skipped


def _in_hall_since(connection: Connection, hall_id: int, since: datetime) -> list[Booked]:
    rows = connection.execute(
        select(Showtime.starts_at, Showtime.ends_at, Showtime.movie_id)
        .where(Showtime.hall_id == hall_id, Showtime.starts_at > since - LONGEST_SHOW)
        .order_by(Showtime.starts_at)
    )
    return [Booked(Span(row.starts_at, row.ends_at), row.movie_id) for row in rows]


def _insert_showtimes(
    tx: Connection, program: Program, hall: Row[Any], spans: Sequence[Span]
) -> list[tuple[int, Span]]:
    if not spans:
        return []
    rows = [
        {"movie_id": program.movie_id, "hall_id": hall.id, "timezone": hall.timezone,
         "starts_at": span.starts_at, "ends_at": span.ends_at}
        for span in spans
    ]  # fmt: skip
    statement = insert(Showtime).returning(Showtime.id, sort_by_parameter_order=True)
    try:
        ids = tx.execute(statement, rows).scalars().all()
    except IntegrityError as error:
        if any(name in str(error.orig) for name in ("no_overlapping_showtimes", "one_showtime_per_hall",
                                                    "showtimes.hall_id")):  # fmt: skip
            raise TransientFailure from error  # planned without our lock: look again
        raise
    return list(zip(ids, spans, strict=True))


def _make_seats(act: Act, showtime_ids: Sequence[int], seats: Sequence[Seat]) -> None:
    if not showtime_ids:
        return
    made = act.tx.execute(_insert_seats(act.tx.dialect.name, showtime_ids, seats)).all()
    for showtime_id in showtime_ids:
        of_it = [slot for slot in made if slot.showtime_id == showtime_id]
        act.slots_changed(of_it, showtime_id=showtime_id)


def _insert_seats(dialect: str, showtime_ids: Sequence[int], seats: Sequence[Seat]) -> Insert:
    """Every seat of every one of the showtimes as an open slot: one statement, however many there are."""
    text = orjson.dumps([asdict(seat) for seat in seats]).decode()
    drawn = _seat_rows(dialect, text)
    fields = [drawn.c[name] for name in SEAT_FIELDS]
    now = select(db_now()).scalar_subquery()
    rows = (
        select(
            Showtime.id, Showtime.starts_at, Showtime.ends_at, literal(SlotState.OPEN.value, String(8)),
            literal(0), literal(1), literal(False), literal(0), now, now, *fields,
        )
        .select_from(Showtime)
        .join(drawn, literal(True))
        .where(Showtime.id.in_(showtime_ids))
        .order_by(Showtime.id, drawn.c.y, drawn.c.x)
    )  # fmt: skip
    columns = [
        "showtime_id", "starts_at", "ends_at", "state", "fence", "version", "is_interval", "lane",
        "created_at", "updated_at", *SEAT_COLUMNS,
    ]  # fmt: skip
    return insert(Slot).from_select(columns, rows, include_defaults=False).returning(*SLOT_COLUMNS)


def _seat_rows(dialect: str, text: str) -> Any:
    """The JSON list of seats as a table, in the words of each database."""
    if dialect == "postgresql":
        columns = [column(name, kind()) for name, kind in SEAT_FIELDS.items()]
        from_json = func.json_to_recordset(cast(literal(text, String), JSON))
        return from_json.table_valued(*columns).render_derived("seat", with_types=True)
    each = func.json_each(text).table_valued("value", name="each")
    extracted = [func.json_extract(each.c.value, f"$.{name}").label(name) for name in SEAT_FIELDS]
    return select(*extracted).subquery("seat")


def _report(hall: Row[Any], made: Sequence[tuple[int | None, Span]], skipped: Sequence[Skipped]) -> Document:
    zone = ZoneInfo(hall.timezone)
    return {
        "count": len(made),
        "created": len(made),
        "skipped": len(skipped),
        "seats_per_showtime": hall.seat_count,
        "seats_created": len(made) * hall.seat_count,
        "timezone": hall.timezone,
        "showtimes": [
            {
                "id": None if showtime_id is None else str(showtime_id),
                "starts_at": instant(span.starts_at),
                "ends_at": instant(span.ends_at),
                **_wall_clock(span.starts_at.astimezone(zone)),
            }
            for showtime_id, span in made
        ],
        "skipped_showtimes": [{**_wall_clock(skip.local), "reason": skip.reason.value} for skip in skipped],
    }


def _wall_clock(local: datetime) -> Document:
    return {"show_date": local.date().isoformat(), "show_time": local.strftime("%H:%M")}
