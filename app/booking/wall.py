"""The second wall (row-level security of PostgreSQL): a read for a person says for whom, and what is not
theirs is not there, whatever the query forgot. Whoever wants to change a booking finds it through the wall
too; the change itself touches others' bookings (a lapsed hold, the next in line) and goes on without it.
SQLite has none; there the first wall stands alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from app.booking.rules import Actor
from app.database import Database, can_share
from app.direct import ask_first

PUT_UP = """
    SELECT set_config('oneslot.wall', 'on', true), set_config('oneslot.user', %(user)s, true),
           set_config('oneslot.booking', %(booking)s, true),
           set_config('oneslot.doctors', %(doctors)s, true)"""
TAKE_DOWN = "SELECT set_config('oneslot.wall', 'off', true)"


@contextmanager
def read_for(database: Database, actor: Actor) -> Iterator[Connection]:
    """A connection on which this actor's bookings exist and no others."""
    if database.is_sqlite:
        with database.read() as connection:
            yield connection
        return
    with database.snapshot() as tx:
        if can_share(database):
            ask_first(tx, PUT_UP, _settings(actor))
        else:
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
    tx.exec_driver_sql(TAKE_DOWN)


def put_up(tx: Connection, actor: Actor) -> None:
    """Until the end of the transaction."""
    tx.exec_driver_sql(PUT_UP, _settings(actor))


def _settings(actor: Actor) -> dict[str, str]:
    everything = actor.is_staff and actor.doctors is None
    doctors = "*" if everything else ",".join(map(str, sorted(actor.doctors or ()))) if actor.is_staff else ""
    return {"user": str(actor.user_id or ""), "booking": str(actor.token_for or ""), "doctors": doctors}
