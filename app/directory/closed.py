"""The times of a doctor that are closed, as the makers of slots must respect them."""

from __future__ import annotations

from sqlalchemy import Connection, select

from app.directory.spans import Span
from app.tables.desk import Closure


def closed_spans(connection: Connection, doctor_id: int, within: Span) -> list[Span]:
    """The closures in force that reach into the span, by start; they may overlap each other."""
    rows = connection.execute(
        select(Closure.starts_at, Closure.ends_at)
        .where(
            Closure.doctor_id == doctor_id,
            Closure.ended_at.is_(None),
            Closure.starts_at < within.ends_at,
            Closure.ends_at > within.starts_at,
        )
        .order_by(Closure.starts_at)
    )
    return [Span(*row) for row in rows]
