"""Showtimes as anybody may see them: which movie, in which hall, when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, literal, select, tuple_

from app.database import BigId, UtcDateTime, db_now
from app.directory.documents import Document, instant
from app.errors import NotFound
from app.tables.cinema import Hall, Movie, Showtime

StartAndId = tuple[datetime, int]
SHOWN_COLUMNS = (
    Showtime.id, Showtime.movie_id, Showtime.hall_id, Showtime.starts_at, Showtime.ends_at, Showtime.timezone,
    Movie.title, Movie.minutes, Movie.rating, Movie.genre, Movie.poster_seed,
    Hall.name.label("hall_name"), Hall.place, Hall.currency, Hall.seat_count,
    db_now().label("now"),
)  # fmt: skip


def select_showtimes() -> Select[*tuple[Any, ...]]:
    """Rows that showtime_document() can read."""
    return (
        select(*SHOWN_COLUMNS)
        .join(Movie, Movie.id == Showtime.movie_id)
        .join(Hall, Hall.id == Showtime.hall_id)
    )


def read_showtime(connection: Connection, showtime_id: int) -> Document:
    """Raises NotFound."""
    row = connection.execute(select_showtimes().where(Showtime.id == showtime_id)).first()
    if row is None:
        raise NotFound("There is no such showtime.")
    return showtime_document(row)


def list_showtimes(
    connection: Connection,
    movie_id: int,
    starts_from: datetime | None = None,
    starts_before: datetime | None = None,
    after: StartAndId | None = None,
    limit: int = 50,
) -> list[Document]:
    """The movie's showtimes by start and id, after the given pair; without starts_from, those to come."""
    query = select_showtimes().where(Showtime.movie_id == movie_id)
    query = query.where(Showtime.starts_at >= (db_now() if starts_from is None else starts_from))
    if starts_before is not None:
        query = query.where(Showtime.starts_at < starts_before)
    if after is not None:
        start = tuple_(literal(after[0], UtcDateTime), literal(after[1], BigId))
        query = query.where(tuple_(Showtime.starts_at, Showtime.id) > start)
    query = query.order_by(Showtime.starts_at, Showtime.id).limit(limit)
    return [showtime_document(row) for row in connection.execute(query)]


def next_showtimes(connection: Connection, movie_ids: Sequence[int]) -> dict[str, Document]:
    """The next showtime to come of each movie that has one, by the movie's id."""
    first = (
        select(Showtime.id)
        .where(Showtime.movie_id == Movie.id, Showtime.starts_at > db_now())
        .order_by(Showtime.starts_at, Showtime.id)
        .limit(1)
        .correlate(Movie)
        .scalar_subquery()
    )
    firsts = select(first).where(Movie.id.in_(movie_ids))
    rows = connection.execute(select_showtimes().where(Showtime.id.in_(firsts)))
    return {str(row.movie_id): showtime_document(row) for row in rows}


def showtime_document(row: Row[Any]) -> Document:
    local = row.starts_at.astimezone(ZoneInfo(row.timezone))
    return {
        "id": str(row.id),
        "movie_id": str(row.movie_id),
        "movie": {
            "id": str(row.movie_id),
            "title": row.title,
            "minutes": row.minutes,
            "rating": row.rating,
            "genre": row.genre,
            "poster_seed": row.poster_seed,
        },
        "hall_id": str(row.hall_id),
        "hall": {"id": str(row.hall_id), "name": row.hall_name, "place": row.place},
        "starts_at": instant(row.starts_at),
        "ends_at": instant(row.ends_at),
        "show_date": local.date().isoformat(),
        "show_time": local.strftime("%H:%M"),
        "timezone": row.timezone,
        "currency": row.currency,
        "seats": row.seat_count,
        "has_begun": row.starts_at <= row.now,
    }
