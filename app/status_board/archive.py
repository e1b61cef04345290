"""The board's copy in the database: what was written while it was away is handed over, and what other nodes
handed over is taken in. To the board it is one more node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.algorithms.logical_clocks import Dot, HybridStamp, VersionVector
from app.algorithms.registers import BoardDelta, BoardField, BoardKind, Conflict, Write
from app.tables.board import BoardState, BoardWrite, ConflictLogEntry

ONLY = 1


def archived_vector(connection: Connection) -> VersionVector:
    """How far the database's copy is."""
    found = connection.execute(select(BoardState.vector).where(BoardState.id == ONLY)).scalar()
    return VersionVector(found or {})


def read_archive(connection: Connection) -> BoardDelta:
    """Everything in it, for a node that knows less. The vector first: rows may only be newer."""
    vector = archived_vector(connection)
    writes = tuple(_write(row) for row in connection.execute(select(*BoardWrite.__table__.columns)))
    rows = connection.execute(select(ConflictLogEntry.loser, ConflictLogEntry.winner))
    conflicts = tuple(Conflict(_write_in(row.loser), _write_in(row.winner)) for row in rows)
    return BoardDelta(VersionVector(), vector, writes, conflicts)


def lock_vector(tx: Connection) -> VersionVector:
    """The same while nobody else hands anything over."""
    upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(BoardState)
    tx.execute(upsert.values(id=ONLY, vector={}).on_conflict_do_nothing())
    found = tx.execute(select(BoardState.vector).where(BoardState.id == ONLY).with_for_update())
    return VersionVector(found.scalar_one())


def hand_over(tx: Connection, delta: BoardDelta) -> None:
    """Add what the database lacks; call it with a delta after lock_vector()."""
    for write in delta.writes:
        _drop_what_it_had_seen(tx, write)
        _insert_once(tx, BoardWrite, _row(write))
    for conflict in delta.conflicts:
        key = {"origin": conflict.loser.dot.origin, "counter": conflict.loser.dot.counter}
        tx.execute(
            delete(ConflictLogEntry).where(
                ConflictLogEntry.origin == key["origin"], ConflictLogEntry.counter == key["counter"]
            )
        )
        sides = {"loser": _row(conflict.loser), "winner": _row(conflict.winner)}
        tx.execute(insert(ConflictLogEntry).values(**key, **sides))
    upto = delta.after.merge(delta.upto)
    tx.execute(update(BoardState).where(BoardState.id == ONLY).values(vector=dict(upto)))


def _drop_what_it_had_seen(tx: Connection, write: Write) -> None:
    same_field = (
        BoardWrite.kind == write.field.kind.value,
        BoardWrite.notice == write.field.row,
        BoardWrite.field == write.field.name,
    )
    for row in tx.execute(select(BoardWrite.origin, BoardWrite.counter).where(*same_field)).all():
        if write.context.includes(Dot(row.origin, row.counter)):
            tx.execute(
                delete(BoardWrite).where(BoardWrite.origin == row.origin, BoardWrite.counter == row.counter)
            )


def _insert_once(tx: Connection, table: Any, values: Mapping[str, Any]) -> None:
    upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(table)
    tx.execute(upsert.values(**values).on_conflict_do_nothing())


def _row(write: Write) -> dict[str, Any]:
    return {
        "origin": write.dot.origin,
        "counter": write.dot.counter,
        "kind": write.field.kind.value,
        "notice": write.field.row,
        "field": write.field.name,
        "value": write.value,
        "author": write.author,
        "node": write.stamp.node,
        "hybrid_clock": write.stamp.packed,
        "context": dict(write.context),
    }


def _write(row: Any) -> Write:
    return _write_in(row._asdict())


def _write_in(found: Mapping[str, Any]) -> Write:
    return Write(
        field=BoardField(BoardKind(found["kind"]), found["notice"], found["field"]),
        value=found["value"],
        author=found["author"],
        stamp=HybridStamp.unpack(found["hybrid_clock"], found["node"]),
        dot=Dot(found["origin"], found["counter"]),
        context=VersionVector(found["context"]),
    )
