"""The second wall (row-level security of PostgreSQL): a read for a person says for whom, and what is not
theirs is not there, whatever the query forgot. Whoever wants to change a booking finds it through the wall
too; the change itself touches others' bookings (a lapsed hold, the next in line) and goes on without it.
SQLite has none; there the first wall stands alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select

from app.booking.rules import Actor
from app.database import Database


@contextmanager
def read_for(database: Database, actor: Actor) -> Iterator[Connection]:
    """A connection on which this actor's bookings exist and no others."""
    if database.is_sqlite:
        with database.read() as connection:
            yield connection
        return
    with database.snapshot() as tx:
        put_up(tx, actor)
        yield tx


@contextmanager
def behind_wall(tx: Connection, actor: Actor) -> Iterator[None]:
    """In the middle of a transaction: what is asked within is asked for this actor."""
    if tx.dialect.name == "sqlite":
        yield
        return
    put_up(tx, actor)
    yield
    # Not after an error: the transaction is over then, or goes back to before the wall.
    tx.execute(select(func.set_config("oneslot.wall", "off", True)))


def put_up(tx: Connection, actor: Actor) -> None:
    """Until the end of the transaction."""
    everything = actor.is_staff and actor.doctors is None
    doctors = "*" if everything else ",".join(map(str, sorted(actor.doctors or ()))) if actor.is_staff else ""
    settings = {
        "oneslot.wall": "on",
        "oneslot.user": str(actor.user_id or ""),
        "oneslot.booking": str(actor.token_for or ""),
        "oneslot.doctors": doctors,
    }
    tx.execute(select(*(func.set_config(name, value, True) for name, value in settings.items())))
