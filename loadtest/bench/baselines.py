"""Two other ways to book a slot, as they are often written, so that a reader sees what the design buys.

naive: one request, one SERIALIZABLE transaction, SELECT ... FOR UPDATE. orm: the same with an ORM session,
READ COMMITTED. Neither writes an audit, an outbox, a notice or a remembered answer."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from flask import Flask, Response, jsonify, request
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

SCHEMA = """
    DROP SCHEMA IF EXISTS baseline CASCADE;
    CREATE SCHEMA baseline;
    CREATE TABLE baseline.slots (id bigint PRIMARY KEY, state text NOT NULL DEFAULT 'OPEN');
    CREATE TABLE baseline.bookings (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      slot_id bigint NOT NULL REFERENCES baseline.slots, name text NOT NULL, email text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO baseline.slots (id) SELECT generate_series(1, {slots});
    ANALYZE baseline.slots"""
_CONNECTIONS = 20
Answered = tuple[Response, int]


class Base(DeclarativeBase):
    pass


class OrmSlot(Base):
    __tablename__ = "slots"
    __table_args__ = ({"schema": "baseline"},)

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]


class OrmBooking(Base):
    __tablename__ = "bookings"
    __table_args__ = ({"schema": "baseline"},)

    id: Mapped[int] = mapped_column(primary_key=True)
    slot_id: Mapped[int]
    name: Mapped[str]
    email: Mapped[str]


def create_app(url: str) -> Flask:
    app = Flask(__name__)
    connections: queue.Queue[psycopg.Connection] = queue.Queue()
    for _ in range(_CONNECTIONS):
        connections.put(_connect(url))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), pool_size=_CONNECTIONS)

    @contextmanager
    def connection() -> Iterator[psycopg.Connection]:
        taken = connections.get()
        try:
            yield taken
        finally:
            connections.put(taken)

    @app.get("/health")
    def health() -> Response:
        return jsonify(status="up")

    @app.post("/naive")
    def naive() -> Answered:
        asked = request.get_json()
        with connection() as database:
            return _book_naively(database, int(asked["slot_id"]), asked)

    @app.post("/orm")
    def orm() -> Answered:
        asked = request.get_json()
        with Session(engine) as session:
            return _book_by_orm(session, int(asked["slot_id"]), asked)

    return app


def _connect(url: str) -> psycopg.Connection:
    connection = psycopg.connect(url)
    connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    return connection


def _book_naively(database: psycopg.Connection, slot_id: int, asked: dict[str, str]) -> Answered:
    try:
        with database.transaction():
            look = "SELECT state FROM baseline.slots WHERE id = %s FOR UPDATE"
            found = database.execute(look, [slot_id]).fetchone()
            if found is None or found[0] != "OPEN":
                return jsonify(error="taken"), 409
            database.execute("UPDATE baseline.slots SET state = 'BOOKED' WHERE id = %s", [slot_id])
            made = database.execute(
                "INSERT INTO baseline.bookings (slot_id, name, email) VALUES (%s, %s, %s) RETURNING id",
                [slot_id, asked["patient_name"], asked["patient_email"]],
            ).fetchone()
    except psycopg.errors.SerializationFailure:
        return jsonify(error="please try again"), 503
    return jsonify(id=made and made[0]), 201


def _book_by_orm(session: Session, slot_id: int, asked: dict[str, str]) -> Answered:
    slot = session.get(OrmSlot, slot_id, with_for_update=True)
    if slot is None or slot.state != "OPEN":
        return jsonify(error="taken"), 409
    slot.state = "BOOKED"
    booking = OrmBooking(slot_id=slot_id, name=asked["patient_name"], email=asked["patient_email"])
    session.add(booking)
    session.commit()
    session.refresh(booking)
    return jsonify(id=booking.id), 201


def lay_out(url: str, slots: int) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(SCHEMA.format(slots=slots).encode())


def open_again(url: str) -> None:
    """All slots are free, as if nobody had ever booked."""
    with psycopg.connect(url) as database:
        # In the order in which a booking locks them: some may still be under way.
        database.execute("LOCK TABLE baseline.slots IN ACCESS EXCLUSIVE MODE")
        database.execute("TRUNCATE baseline.bookings")
        database.execute("UPDATE baseline.slots SET state = 'OPEN'")


if "BASELINE_DATABASE_URL" in os.environ:  # only where gunicorn serves it
    app = create_app(os.environ["BASELINE_DATABASE_URL"])
